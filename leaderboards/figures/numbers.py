"""The numbers behind each figure, one observation a line, for anyone's own reckoning."""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from evaluation.spreadsheets import plain_cell
from evaluation.standings import Otherwise, Resampled, Tested, Uncertainty
from leaderboards.figures.kinds import Kind, alternatives_of, made, missing
from leaderboards.figures.names import Name

Value = str | int | float | None
QUANTILES = ("2.5 %", "25 %", "50 %", "75 %", "97.5 %")


@dataclass(frozen=True)
class Numbers:
    """None is an empty cell."""

    head: tuple[str, ...]
    rows: tuple[tuple[Value, ...], ...]

    def csv(self) -> str:
        file = io.StringIO()
        table = csv.writer(file, lineterminator="\n")
        table.writerow(self.head)
        table.writerows([plain_cell(v) if isinstance(v, str) else v for v in r] for r in self.rows)
        return file.getvalue()


def numbers_of(kind: Kind, uncertainty: Uncertainty, names: Sequence[Name]) -> Numbers:
    """names: in the order of ``uncertainty.entries``. ValueError where there is no such figure."""
    if why := missing(kind, uncertainty):
        raise ValueError(f"There is no {kind} of this ranking: {why}")
    resampled, tested = uncertainty.resampled, uncertainty.tested
    match kind:
        case Kind.DISTRIBUTION if resampled is not None:
            return _distribution(uncertainty, resampled, names)
        case Kind.STABILITY if resampled is not None:
            return _stability(resampled)
        case Kind.SIGNIFICANCE if tested is not None:
            return _significance(tested, names)
        case Kind.PODIUM | Kind.HEAT_MAP if tested is not None:
            return _case_ranks(uncertainty, tested, names, 3 if kind is Kind.PODIUM else None)
    return _otherwise(uncertainty, made(alternatives_of(kind, uncertainty)), names)


def bins_of(resampled: Resampled) -> tuple[tuple[float, float, int], ...]:
    """Of Kendall's τ: from, to, and number of resamples."""
    width = 2 / len(resampled.tau_counts)
    return tuple(
        (round(at * width - 1, 12), round((at + 1) * width - 1, 12), count)
        for at, count in enumerate(resampled.tau_counts)
    )


def ranks_told(of: Uncertainty, resampled: Resampled) -> tuple[str, ...]:
    """What each of an entry's shares is of: 1, 2, …, and where more entries were ranked than are
    told of, every rank beyond as “>50”."""
    number = len(of.entries)
    told = tuple(str(place) for place in range(1, number + 1))
    return (*told, f">{number}") if len(resampled.shares[0]) > number else told


def _distribution(of: Uncertainty, resampled: Resampled, names: Sequence[Name]) -> Numbers:
    head = ("entry", "submission", "rank", "median_rank", "low_rank", "high_rank", "at_rank",
            "share_of_resamples")  # fmt: skip
    rows = tuple(
        (name.whole, name.key, of.ranks_resampled[at], resampled.medians[at],
         *resampled.ranges[at], place, share)
        for at, name in enumerate(names)
        for place, share in zip(ranks_told(of, resampled), resampled.shares[at], strict=True)
    )  # fmt: skip
    return Numbers(head, rows)


def _stability(resampled: Resampled) -> Numbers:
    rows: list[tuple[Value, ...]] = [("bin", *one) for one in bins_of(resampled)]
    for name, value in zip(QUANTILES, resampled.taus or (), strict=True):
        rows.append((f"{name} quantile", value, value, None))
    return Numbers(("what", "tau_from", "tau_to", "resamples"), tuple(rows))


def _significance(tested: Tested, names: Sequence[Name]) -> Numbers:
    head = ("entry", "submission", "tier", "low_of_rank_set", "high_of_rank_set", "opponent",
            "opponent_submission", "metric", "p", "p_holm", "significantly_better")  # fmt: skip
    rows = tuple(
        (name.whole, name.key, tested.tiers[row], *tested.rank_sets[row], other.whole, other.key,
         tested.column, tested.p[row][column], tested.adjusted[row][column],
         "yes" if tested.better[row][column] else "no")
        for row, name in enumerate(names)
        for column, other in enumerate(names)
        if row != column
    )  # fmt: skip
    return Numbers(head, rows)


def _case_ranks(
    of: Uncertainty, tested: Tested, names: Sequence[Name], most: int | None
) -> Numbers:
    rows = tuple(
        (name.whole, name.key, of.ranks[at], tested.column, place, count)
        for at, name in enumerate(names)
        for place, count in enumerate(tested.case_ranks[at][:most], 1)
    )
    return Numbers(("entry", "submission", "rank", "metric", "rank_in_case", "cases"), rows)


def _otherwise(
    of: Uncertainty, alternatives: Sequence[Otherwise], names: Sequence[Name]
) -> Numbers:
    return Numbers(
        ("ranking", "tau_to_declared", "entry", "submission", "declared_rank", "rank"),
        tuple(_ranks(of, alternatives, names)),
    )


def _ranks(
    of: Uncertainty, alternatives: Sequence[Otherwise], names: Sequence[Name]
) -> Iterator[tuple[Value, ...]]:
    for one in alternatives:
        for at, name in enumerate(names):
            yield (one.name, one.tau, name.whole, name.key, of.ranks[at], one.ranks[at])
