"""What there is to choose from when a ranking is declared: what each scheme does, and hides."""

from collections.abc import Mapping
from dataclasses import dataclass

from evaluation.ranking.recipe import Aggregate, Scheme


@dataclass(frozen=True)
class About:
    """Sentences. does: how ranks are made; good_for: when to take it; hides: what to mind."""

    does: str
    good_for: str
    hides: str


SCHEMES: Mapping[Scheme, About] = {
    Scheme.AGGREGATE_THEN_RANK: About(
        "Each metric is averaged over the cases, entries are ranked on each, and the ranks are "
        "averaged by weight.",
        "Metrics of different units side by side; what most challenges do, and easily explained.",
        "By how much one is better; and a few cases that fail outright can decide a mean.",
    ),
    Scheme.RANK_THEN_AGGREGATE: About(
        "Entries are ranked within each case, and their ranks averaged over the cases.",
        "Cases of very different difficulty, and failures: each case counts the same.",
        "By how much one is better in a case: a hair's breadth counts as much as a missed lesion.",
    ),
    Scheme.TEST_THEN_RANK: About(
        "Every two entries are compared by a Wilcoxon test over patients; who significantly beats "
        "more of the others ranks higher.",
        "Ranks that rest on differences which chance does not explain.",
        "Everything where patients are few: most entries then share a rank. Small differences that "
        "are consistent count as much as large ones.",
    ),
    Scheme.BORDA: About(
        "On each metric an entry has a point for every other that it beats, half of one for a tie; "
        "weighted points are added.",
        "Many metrics and ties: whoever is well placed on all of them comes first.",
        "By how much one is better; and points depend on how many others take part.",
    ),
    Scheme.WEIGHTED_VALUE: About(
        "The metrics themselves are weighted and added, 1 − x where lower is better.",
        "Metrics from 0 to 1 whose differences mean the same: the only scheme in which a third "
        "entry never changes the order of two.",
        "That a metric which varies more decides more, whatever its weight.",
    ),
}
AGGREGATES: Mapping[Aggregate, About] = {
    Aggregate.MEAN: About("mean", "Every case counts, failures too.", "Outliers can decide it."),
    Aggregate.MEDIAN: About(
        "median", "Outliers decide nothing.", "Nearly half of the cases can fail unseen."
    ),
    Aggregate.TRIMMED_MEAN: About(
        "trimmed mean",
        "A share at each end is left out, and the rest averaged.",
        "As many failures as that share go unseen.",
    ),
}
