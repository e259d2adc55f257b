"""Methods, in words that can be copied: data, reference, metrics, ranking, resamples and tests."""

from collections.abc import Iterator

from challenges.designing.document import Block, Definitions, Entry, Paragraph, Section, paragraphs
from challenges.designing.sections.assessment import metrics_told, rules_told
from challenges.designing.words import count
from challenges.selectors import dataset_facts
from evaluation.ranking.words import recipe_in_words
from leaderboards.report.material import Material


def methods(material: Material) -> Section:
    return Section(
        "methods",
        "Methods",
        parts=(
            Section("data", "Data and reference", (Definitions(tuple(_data(material))),)),
            Section("metrics", "Metrics", metrics_told(material.spec)),
            Section("rules", "Empty masks and missing results", rules_told(material.spec)),
            Section("ranking", "Ranking", (Paragraph(" ".join(recipe_in_words(material.spec))),)),
            Section("uncertainty", "Uncertainty", tuple(_uncertainty(material))),
        ),
    )


def _data(material: Material) -> Iterator[Entry]:
    definition, facts = material.definition, dataset_facts(material.phase)
    yield Entry(
        "Cases",
        (
            f"{count(facts.cases, 'case')} of {count(facts.patients, 'patient')} "
            f"({facts.lesion_free} without a lesion), {material.phase.cases} to participants.",
        ),
    )
    if definition.data:
        yield Entry("How they were made", paragraphs(definition.data))
    if definition.source is not None:
        yield Entry(
            "Source", (*paragraphs(definition.source.text), f"Licence: {definition.source.licence}")
        )
    yield Entry("Images", (", ".join(definition.modalities),))
    yield Entry(
        "Reference",
        (f"{definition.reference_words[:1].upper()}{definition.reference_words[1:]}.",),
    )
    yield Entry("Labels", (", ".join(material.spec.labels),))


def _uncertainty(material: Material) -> Iterator[Block]:
    ranking, of = material.spec.ranking, material.sure.uncertainty
    within = f", within each {ranking.stratum.replace('_', ' ')}" if ranking.stratum else ""
    seed = f" The seed was {of.resampled.seed}." if of and of.resampled else ""
    yield Paragraph(
        f"Patients were resampled {ranking.resamples} times with replacement, with all their "
        f"cases{within}; a patient drawn several times counted as often, and the whole ranking was "
        "made anew on each resample (bootstrap; Efron 1979). Reported are the first and last rank "
        f"of the middle 95 % of resamples, and Kendall’s τ-b (1945) to the full ranking.{seed}"
    )
    tested = material.sure.metric
    yield Paragraph(
        "Each ordered pair of entries was compared by a one-sided paired Wilcoxon signed-rank test "
        f"(1945; normal approximation, zero differences dropped) of patients’ means"
        f"{f' of {tested}' if tested else ''}, α = {ranking.alpha:g} after Holm’s adjustment "
        "(1979) over all pairs. The simultaneous rank set of an entry runs from 1 + the number of "
        "entries that are significantly better to the number of entries less those that are "
        "significantly worse (after Mogstad et al. 2024). The best entry not yet placed opens a "
        "tier; others join it in the order of rank until the first that it significantly beats."
    )
    yield Paragraph(
        "Intervals hold for these centres; ranks without one centre describe transfer, and do not "
        "estimate it. How rankings depend on data, scheme and readers is discussed by Maier-Hein "
        "et al. 2018; the figures follow Wiesenfarth et al. 2021; on the choice of metrics see "
        "Metrics Reloaded (Maier-Hein et al. 2024)."
    )
