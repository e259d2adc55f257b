"""How answers are scored and ranked, with which rules, and how much these cases can show."""

from challenges.designing.document import (
    Block,
    Bullets,
    Column,
    Definitions,
    Missing,
    Paragraph,
    Section,
    Table,
)
from challenges.designing.material import Material
from challenges.designing.texts import entry, told
from challenges.designing.words import capital, count, unit
from challenges.rehearsal import Report
from challenges.selectors.rehearsing import rehearsals
from evaluation.metrics import CohortMetric, Metric
from evaluation.metrics.base import Setting
from evaluation.ranking.words import recipe_in_words
from evaluation.spec import EvaluationSpec

AnyMetric = Metric | CohortMetric


def assessment(material: Material) -> Section:
    return Section(
        "assessment",
        "Assessment",
        parts=(
            Section("metrics", "Metrics", _metrics(material)),
            Section("rules", "Empty masks and missing results", _rules(material)),
            Section("ranking", "Ranking", _ranking(material)),
            Section("statistics", "Statistics", _statistics(material)),
            Section("further", "Further analyses", _further(material)),
        ),
    )


def _unread(material: Material, what: str) -> tuple[Block, ...]:
    if "evaluation" not in material.unread:
        return ()
    about = "The draft has an error in its metrics or its ranking; it is told at the end."
    return (Missing("evaluation", what, about, required=True),)


def _metrics(material: Material) -> tuple[Block, ...]:
    if unread := _unread(material, "Metrics and ranking"):
        return unread
    return (
        *metrics_told(material.definition.evaluation),
        Definitions((entry(material, "reasons.metrics"),)),
    )


def metrics_told(evaluation: EvaluationSpec) -> tuple[Block, ...]:
    """Each metric with its definition, and what its letters mean."""
    ranked = evaluation.every_ranked
    columns = (
        Column("Metric", "head"),
        Column("Definition", "formula"),
        Column("Better", "short"),
        Column("Parameters", "text"),
        Column("Rank", "short"),
    )
    rows = tuple(_row_of_metric(one, one in ranked) for one in evaluation.every)
    return (
        Table("What is computed of every answer.", columns, rows),
        Paragraph(
            "R is the reference mask, P the predicted one, B the border of a mask (its voxels with "
            "a face neighbour outside it), D the distances from one border to the other in mm. "
            "Grid and voxel volume are the reference’s."
        ),
    )


def _row_of_metric(metric: AnyMetric, ranked: bool) -> tuple[str, ...]:
    of_all = " Of all cases together." if isinstance(metric, CohortMetric) else ""
    parameters = "; ".join(
        f"{one.meaning.rstrip('.')}: {unit(_setting(metric.settings[one.id]), one.unit)}"
        for one in metric.parameters
        if one.id in metric.settings
    )
    return (
        f"{metric.title}, {metric.unit}" if metric.unit else metric.title,
        f"{metric.definition}{of_all}",
        metric.direction.words,
        parameters or "none",
        "counts" if ranked else "shown only",
    )


def _setting(value: Setting) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else value


def _rules(material: Material) -> tuple[Block, ...]:
    if unread := _unread(material, "Empty masks and missing results"):
        return unread
    return rules_told(material.definition.evaluation)


def rules_told(evaluation: EvaluationSpec) -> tuple[Block, ...]:
    """What counts where there is nothing to compare."""
    columns = (
        Column("Metrics", "head"),
        Column("No lesion: none drawn", "short"),
        Column("No lesion: some drawn", "short"),
        Column("No lesion: no usable result", "text"),
        Column("Lesions: none drawn", "text"),
        Column("Lesions: no usable result", "text"),
    )
    policy = evaluation.policy
    rows = tuple((f"{capital(row.words)}: {', '.join(row.metrics)}", *row.cells) for row in policy)
    return (
        Paragraph(
            "A case without a usable result (crashed, too slow, on another grid, …) counts as "
            "given here; no case is ever dropped. What is not applicable takes no part in means "
            "and ranks, for anyone."
        ),
        Table(
            "What counts where there is nothing to compare, by whether the reference holds "
            "lesions.",
            columns,
            rows,
        ),
    )


def _ranking(material: Material) -> tuple[Block, ...]:
    if unread := _unread(material, "Ranking"):
        return unread
    evaluation = material.definition.evaluation
    titles = ", ".join(metric.title for metric in evaluation.every_ranked)
    return (
        Definitions(
            (
                told("Ranked on", f"{titles}."),
                told("Method", " ".join(recipe_in_words(evaluation))),
                told("Missing values", "An entry without a single applicable case ranks last."),
                entry(material, "reasons.ranking"),
            )
        ),
    )


def _statistics(material: Material) -> tuple[Block, ...]:
    if unread := _unread(material, "Statistics"):
        return unread
    intervals = tuple(
        f"{metric.title}: {metric.interval}"
        for metric in material.definition.evaluation.cohort
        if metric.interval
    )
    blocks: list[Block] = []
    if intervals:
        blocks += [Paragraph("Intervals of what is computed over the cohort:"), Bullets(intervals)]
    if len({one.case.patient for one in material.included}) < len(material.included):
        blocks.append(
            Paragraph("Some patients have several cases; cases of one are not independent.")
        )
    return (*blocks, *_rehearsal(material))


def _rehearsal(material: Material) -> tuple[Block, ...]:
    current = next(
        (
            one.report
            for one in rehearsals(material.challenge)
            if one.report is not None and not one.outdated
        ),
        None,
    )
    if current is None:
        about = (
            "Rehearse the challenge with simulated participants, as its metrics, ranking and data "
            "are now: it tells the smallest difference that these patients can show with 80 % "
            "power, and how wide a rank range to expect."
        )
        return (Missing("rehearsal", "Smallest detectable difference", about, required=False),)
    return _of_report(current)


def _of_report(report: Report) -> tuple[Block, ...]:
    rows = tuple(
        (
            head.title,
            "none would be significant"
            if one.difference is None
            else unit(f"{one.difference:.2g}", head.unit),
            str(one.patients),
        )
        for one in report.detectable
        for head in (report.head(one.key),)
    )
    columns = (
        Column("Metric", "head"),
        Column("Smallest detectable difference", "number"),
        Column("Patients", "number"),
    )
    caption = (
        "Mean difference between two entries that these patients show with 80 % power (two-sided "
        "α 0.05, Wilcoxon signed-rank; simulated from reader-like variation)."
    )
    similar = report.similar
    ranges = (
        ""
        if similar is None
        else f"Of {similar.participants} participants who are equally good, chance alone gives a "
        f"95 % rank range {similar.rank_range_width:.1f} ranks wide; the same one wins in "
        f"{similar.same_winner * 100:.0f}\u00a0% of resamples."
    )
    basis = (
        f"From a rehearsal with {count(len(report.rows), 'simulated participant')} on "
        f"{count(report.cases, 'case')} of {count(report.patients, 'patient')} (seed "
        f"{report.seed}, {report.repeats} resamples of patients)."
    )
    blocks: list[Block] = [Paragraph(basis), Table(caption, columns, rows)]
    if ranges:
        blocks.append(Definitions((told("Rank range to expect", ranges),)))
    if report.warnings:
        blocks += [Paragraph("The rehearsal warns:"), Bullets(report.warnings)]
    return tuple(blocks)


def _further(material: Material) -> tuple[Block, ...]:
    return (
        Definitions(
            (
                told("Subgroups", _subgroups(material)),
                entry(material, "reasons.further"),
            )
        ),
    )


def _subgroups(material: Material) -> str:
    columns = sorted({key for one in material.included for key in one.case.metadata})
    told = [key for key in columns if key not in ("case_id", "patient_id", "split")]
    if not told:
        return "None can be formed: the cases carry no metadata."
    return f"Can be formed by these columns of cases.csv: {', '.join(told)}."
