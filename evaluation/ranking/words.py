"""A declared ranking in words, for people who have to trust it."""

from collections.abc import Iterator, Mapping

from evaluation.ranking.declared import label_of, metric_of
from evaluation.ranking.recipe import Adjustment, Aggregate, Scheme
from evaluation.spec import EvaluationSpec

_AGGREGATES: Mapping[Aggregate, str] = {
    Aggregate.MEAN: "mean",
    Aggregate.MEDIAN: "median",
    Aggregate.TRIMMED_MEAN: "trimmed mean",
}
SCHEMES: Mapping[Scheme, str] = {
    Scheme.AGGREGATE_THEN_RANK: "aggregate, then rank",
    Scheme.RANK_THEN_AGGREGATE: "rank, then aggregate",
    Scheme.TEST_THEN_RANK: "test, then rank",
    Scheme.BORDA: "Borda points",
    Scheme.WEIGHTED_VALUE: "weighted value",
}


def recipe_in_words(spec: EvaluationSpec) -> tuple[str, ...]:
    """Sentences, in the order in which the ranking is made."""
    return tuple(_sentences(spec))


def _sentences(spec: EvaluationSpec) -> Iterator[str]:
    ranking = spec.ranking
    yield _scheme(spec)
    yield _weights(spec)
    if ranking.tie_breakers:
        names = ", then ".join(_title(spec, name) for name in ranking.tie_breakers)
        yield f"Entries of equal place are ordered by {names}; those equal in that too share it."
    else:
        yield "Entries of equal place share the smallest rank (1, 1, 3)."
    yield (
        "Values are rounded to 12 significant digits first, so that rounding makes no order. Cases "
        "to which a metric does not apply are left out for every entry alike."
    )
    if ranking.scheme is not Scheme.WEIGHTED_VALUE:
        yield "As places depend on who takes part, a third entry may change the order of two."
    yield (
        "Baselines compete like everyone."
        if ranking.baselines_compete
        else "Baselines and human readers are shown where each alone would stand, and change no "
        "one’s rank."
    )


def _scheme(spec: EvaluationSpec) -> str:
    ranking = spec.ranking
    aggregate = _AGGREGATES[ranking.aggregate]
    if ranking.aggregate is Aggregate.TRIMMED_MEAN:
        aggregate += f" (without the lowest and the highest {ranking.trim * 100:g} %)"
    match ranking.scheme:
        case Scheme.RANK_THEN_AGGREGATE:
            return (
                "Within each case, entries are ranked on each metric, a missing result last; an "
                f"entry’s {aggregate} of these ranks over cases is ranked."
            )
        case Scheme.TEST_THEN_RANK:
            adjusted = (
                f"p ≤ {ranking.alpha:g} after Holm’s adjustment over all pairs"
                if ranking.adjustment is Adjustment.HOLM
                else f"p ≤ {ranking.alpha:g}, not adjusted"
            )
            return (
                "Each two entries are compared on each metric by a one-sided paired Wilcoxon test "
                f"of patients ({adjusted}); entries are ranked by the share of others that they "
                "significantly beat."
            )
        case Scheme.BORDA:
            return (
                f"Entries are ordered by the {aggregate} of each metric over cases; each gets a "
                "point for every entry that it beats, and half a point for every tie, and the "
                "weighted points are ranked."
            )
        case Scheme.WEIGHTED_VALUE:
            return (
                f"The {aggregate} of each metric over cases, of 1 − value where lower is better, "
                "is weighted and added; the sums are ranked."
            )
    if ranking.per_subgroup:
        return (
            f"Within each group of cases by {_spaced(ranking.per_subgroup)}, entries are ranked on "
            f"the {aggregate} of each metric; their ranks are averaged over the groups."
        )
    if ranking.mean_of_subgroups:
        return (
            f"The {aggregate} of each metric is taken within each group of cases by "
            f"{_spaced(ranking.mean_of_subgroups)} and averaged over the groups, so that each "
            "group counts the same; entries are ranked on that."
        )
    return f"Entries are ranked on the {aggregate} of each metric over all cases."


def _weights(spec: EvaluationSpec) -> str:
    ranking = spec.ranking
    what = "points" if ranking.scheme is Scheme.BORDA else "ranks"
    if ranking.scheme is Scheme.WEIGHTED_VALUE:
        what = "values"
    if ranking.weights:
        total = sum(ranking.weights.values())
        order = [metric.id for metric in spec.every]
        # Not as they were written: a database need not keep that order.
        parts = ", ".join(
            f"{_title(spec, name)} {ranking.weights[name] / total * 100:.3g} %"
            for name in sorted(ranking.weights, key=lambda one: (order.index(metric_of(one)), one))
        )
        return f"The {what} are combined by weight: {parts}."
    names = [metric.short for metric in spec.every_ranked]
    if len(names) == 1:
        return f"One metric counts: {names[0]}."
    labels = ", then equally over labels" if len(spec.labels) > 1 else ""
    return f"The {what} count equally over metrics{labels}: {', '.join(names)}."


def _title(spec: EvaluationSpec, name: str) -> str:
    metric = next(one for one in spec.every if one.id == metric_of(name))
    label = label_of(name)
    return f"{metric.short} ({label})" if label else metric.short


def _spaced(name: str) -> str:
    return name.replace("_", " ")
