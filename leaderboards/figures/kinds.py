"""Which figures there are, what each needs, and how each is read."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from evaluation.standings import Otherwise, Uncertainty


class Kind(StrEnum):
    DISTRIBUTION = "rank-distribution"
    SIGNIFICANCE = "significance-map"
    PODIUM = "podium"
    HEAT_MAP = "rank-heat-map"
    STABILITY = "stability"
    SCHEMES = "schemes"
    READERS = "readers"
    CENTRES = "centres"


class Format(StrEnum):
    SVG = "svg"
    PNG = "png"
    PDF = "pdf"
    CSV = "csv"


DRAWN = (Format.SVG, Format.PNG, Format.PDF)
CONTENT_TYPES = {
    Format.SVG: "image/svg+xml",
    Format.PNG: "image/png",
    Format.PDF: "application/pdf",
    Format.CSV: "text/csv; charset=utf-8",
}


@dataclass(frozen=True)
class About:
    """reading: a sentence that says how the figure is read."""

    title: str
    reading: str


def about(kind: Kind, uncertainty: Uncertainty, *, metric: str = "") -> About:
    """For an ``uncertainty`` of which it can be made. metric: what the tested column is called."""
    called = metric or (uncertainty.tested.column if uncertainty.tested else "")
    sentences = _reading(kind, uncertainty, called), _of_whom(kind, uncertainty)
    return About(TITLES[kind], " ".join(one for one in sentences if one))


TITLES = {
    Kind.DISTRIBUTION: "Ranks under resampling",
    Kind.SIGNIFICANCE: "Who is significantly better than whom",
    Kind.PODIUM: "First, second and third places over cases",
    Kind.HEAT_MAP: "Every rank over cases",
    Kind.STABILITY: "How much of the order stays",
    Kind.SCHEMES: "The same results under five ranking schemes",
    Kind.READERS: "Ranks with each reader as the reference",
    Kind.CENTRES: "Ranks without one centre",
}


def _reading(kind: Kind, of: Uncertainty, metric: str) -> str:
    tested = of.tested
    match kind:
        case Kind.DISTRIBUTION:
            return (
                "The area of a disc is the share of resamples in which the entry has that rank; "
                "the cross is its median rank, the bar holds the middle 95 %. Where bars overlap "
                "widely, other patients of the same kind could have changed the order."
            )
        case Kind.SIGNIFICANCE if tested is not None:
            return (
                f"A filled square says that the entry of its row is better in {metric} than "
                "that of its column (one-sided paired Wilcoxon test of patients, p ≤ "
                f"{tested.alpha:g} after Holm’s adjustment over all pairs); a number in a "
                "square is that adjusted p. Lines part the tiers: the best entry opens a tier, and "
                "others join it in the order of rank until the first that it significantly beats."
            )
        case Kind.PODIUM | Kind.HEAT_MAP if tested is not None:
            how = (
                "Each bar counts the cases in which the entry has the first, second or third place"
                if kind is Kind.PODIUM
                else "The stronger a cell, the more cases there are in which the entry of its row "
                "has the rank of its column"
            )
            return f"{how} by {metric} in that case alone; ties share the smallest rank."
        case Kind.STABILITY:
            return (
                "Kendall’s τ compares the ranking with that of each resample: 1 is the same order, "
                "0 no relation, −1 the reverse. The further left the bars reach, the less the "
                "order as a whole can be trusted."
            )
        case Kind.SCHEMES:
            return (
                "Each line follows an entry through rankings of the same results by five schemes; "
                "numbers are ranks. Mean- and median-then-rank order entries by that figure over "
                "cases; rank-then-mean and -median rank them in each case first; test-then-rank "
                "counts whom each significantly beats. Lines that cross show where the choice of a "
                "scheme, and not the results alone, decides."
            )
        case Kind.READERS:
            return (
                "Each line follows an entry through rankings in which one reader’s masks alone are "
                "the reference. Lines that cross show where the order depends on whom one believes."
            )
        case Kind.CENTRES:
            return (
                "Each line follows an entry through rankings without the cases of one centre. It "
                "describes how far the order hangs on a centre; it is no estimate of what a new "
                "centre would say."
            )
    raise ValueError(f"There is no {kind} of this ranking: {missing(kind, of)}")


def _of_whom(kind: Kind, of: Uncertainty) -> str:
    """Where not all that compete are told of."""
    told = len(of.entries)
    if told == of.pool:
        return ""
    if kind in (Kind.DISTRIBUTION, Kind.STABILITY) and of.among == of.pool:
        ranked = f"In each resample all {of.pool} competing entries were ranked"
        if kind is Kind.STABILITY:
            return f"{ranked}; τ is of the order of the first {told}."
        return f"{ranked}; the first {told} are shown, and every rank beyond {told} is one column."
    return f"Of the first {told} of {of.pool} competing entries, ranked among themselves alone."


def missing(kind: Kind, of: Uncertainty) -> str:
    """Why there is no such figure; empty where there is."""
    match kind:
        case Kind.DISTRIBUTION | Kind.STABILITY if of.resampled is None:
            return of.refused.get("resamples", "The patients were not resampled.")
        case Kind.STABILITY if of.resampled is not None and of.resampled.taus is None:
            return "No resample orders the entries, so there is nothing to compare the order with."
        case Kind.SIGNIFICANCE | Kind.PODIUM | Kind.HEAT_MAP if of.tested is None:
            return of.refused.get("tests", "No pairs were tested.")
        case Kind.SCHEMES:
            usual = "No other scheme was tried."
            return _none_made(of.schemes, of.refused.get("schemes", usual))
        case Kind.READERS:
            usual = "There are no scores of the entries against single readers."
            return _none_made(of.readers, of.refused.get("readers", usual))
        case Kind.CENTRES:
            usual = "No centre was left out."
            return _none_made(of.centres, of.refused.get("centres", usual))
    return ""


def made(alternatives: Sequence[Otherwise]) -> tuple[Otherwise, ...]:
    """Those of which there are ranks."""
    return tuple(one for one in alternatives if not one.refused)


def refused(alternatives: Sequence[Otherwise]) -> tuple[Otherwise, ...]:
    return tuple(one for one in alternatives if one.refused)


def alternatives_of(kind: Kind, of: Uncertainty) -> tuple[Otherwise, ...]:
    """Of a figure of lines; nothing of the others."""
    found = {Kind.SCHEMES: of.schemes, Kind.READERS: of.readers, Kind.CENTRES: of.centres}
    return found.get(kind, ())


def kinds_of(of: Uncertainty) -> tuple[Kind, ...]:
    """Those that can be made."""
    return tuple(kind for kind in Kind if not missing(kind, of))


def _none_made(alternatives: Sequence[Otherwise], why_none: str) -> str:
    if made(alternatives):
        return ""
    return " ".join(f"{one.name}: {one.refused}" for one in alternatives) or why_none
