"""Uncertainties of as many entries as wanted, drawn from a seed."""

from dataclasses import replace

import numpy as np

from evaluation.standings import Otherwise, Resampled, Tested, Uncertainty
from leaderboards.figures.names import Name, cut

SCHEMES = (
    "mean-then-rank", "median-then-rank", "rank-then-mean", "rank-then-median", "test-then-rank",
)  # fmt: skip


def ranks_of(scores: np.ndarray) -> np.ndarray:
    """Of each row, the largest first; no two are equal."""
    return np.argsort(np.argsort(-scores, axis=-1), axis=-1) + 1


def an_uncertainty(number: int, *, seed: int = 1) -> Uncertainty:
    random = np.random.default_rng(seed)
    quality = np.sort(random.normal(0, 1, number))[::-1]
    return Uncertainty(
        entries=tuple(f"entry{at:07d}" for at in range(number)),
        pool=number,
        ranks=tuple(range(1, number + 1)),
        resampled=_resampled(quality, random),
        tested=_tested(quality, random),
        schemes=tuple(_otherwise(name, quality, random) for name in SCHEMES),
        readers=tuple(_otherwise(name, quality, random) for name in ("Reader A", "Reader B")),
        centres=tuple(_otherwise(name, quality, random) for name in ("Aachen", "Bordeaux")),
    )


def tied(uncertainty: Uncertainty) -> Uncertainty:
    """Every entry the same: one rank, one tier, no test, no order to compare with."""
    number = len(uncertainty.entries)
    ones = (1,) * number
    assert uncertainty.resampled is not None
    assert uncertainty.tested is not None
    same = tuple((1.0,) + (0.0,) * (number - 1) for _ in ones)
    none = tuple(tuple(None if a == b else 1.0 for b in range(number)) for a in range(number))
    return replace(
        uncertainty,
        ranks=ones,
        resampled=replace(
            uncertainty.resampled, shares=same, ranges=((1, 1),) * number,
            medians=(1.0,) * number, taus=None, tau_counts=(0,) * 40,
        ),
        tested=replace(
            uncertainty.tested, p=none, adjusted=none, better=((False,) * number,) * number,
            rank_sets=((1, number),) * number, tiers=ones,
            case_ranks=((200,) + (0,) * (number - 1),) * number,
        ),
        schemes=tuple(replace(one, ranks=ones, tau=None) for one in uncertainty.schemes),
    )  # fmt: skip


def names_for(uncertainty: Uncertainty, *, long: bool = False) -> tuple[Name, ...]:
    more = " with test-time augmentation, five folds and a name that goes on" if long else ""
    whole = [f"Net-{at} <&> $x${more}" for at in range(len(uncertainty.entries))]
    return tuple(
        Name(key, name, cut(name, 34)) for key, name in zip(uncertainty.entries, whole, strict=True)
    )


def _resampled(quality: np.ndarray, random: np.random.Generator) -> Resampled:
    number = len(quality)
    drawn = ranks_of(quality + random.normal(0, 0.25, (1000, number)))
    taus = np.clip(random.normal(0.8, 0.08, 1000), -1, 1)
    shares = (drawn[:, :, None] == np.arange(1, number + 1)).mean(axis=0)
    low, high = np.quantile(drawn, [0.025, 0.975], axis=0).round().astype(int)
    return Resampled(
        number=1000,
        seed=20261123,
        stratum="",
        patients=120,
        shares=tuple(map(tuple, shares.tolist())),
        ranges=tuple(zip(low.tolist(), high.tolist(), strict=True)),
        medians=tuple(np.median(drawn, axis=0).tolist()),
        taus=tuple(np.quantile(taus, [0.025, 0.25, 0.5, 0.75, 0.975]).tolist()),
        tau_counts=tuple(np.histogram(taus, bins=40, range=(-1, 1))[0].tolist()),
    )


def _tested(quality: np.ndarray, random: np.random.Generator) -> Tested:
    number = len(quality)
    p = 1 / (1 + np.exp(np.clip(8 * (quality[:, None] - quality[None]), -40, 40)))
    better = p <= 0.05
    in_cases = ranks_of(quality + random.normal(0, 0.8, (200, number)))
    tiers, opener = [1], 0
    for at in range(1, number):
        if better[opener, at]:
            opener = at
        tiers.append(tiers[-1] + (opener == at))
    matrix = tuple(
        tuple(None if a == b else float(p[a, b]) for b in range(number)) for a in range(number)
    )
    return Tested(
        column="dice",
        alpha=0.05,
        p=matrix,
        adjusted=matrix,
        better=tuple(map(tuple, better.tolist())),
        against_means=(),
        against_ranks=(),
        rank_sets=tuple(
            (1 + int(better[:, at].sum()), number - int(better[at].sum())) for at in range(number)
        ),
        tiers=tuple(tiers),
        case_ranks=tuple(
            map(tuple, (in_cases[:, :, None] == np.arange(1, number + 1)).sum(axis=0).tolist())
        ),
    )


def _otherwise(name: str, quality: np.ndarray, random: np.random.Generator) -> Otherwise:
    ranks = ranks_of(quality + random.normal(0, 0.3, len(quality)))
    return Otherwise(name, tuple(ranks.tolist()), 0.5)
