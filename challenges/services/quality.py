"""Findings that need all cases: made anew whenever cases change, decisions kept."""

from django.db import transaction

from challenges.ingest.quality import COHORT_CHECKS, Facts, QualityFinding, check_cohort
from challenges.models import Case, Dataset, Finding


@transaction.atomic
def check_among_all(*, dataset: Dataset) -> None:
    """What a person has decided stays decided as long as the same thing is found."""
    cases = list(dataset.cases.filter(excluded_at=None))
    found = check_cohort(
        {case.name: Facts.from_json(case.facts) for case in cases if case.facts},
        {case.name: case.patient for case in cases},
        {case.name: case.split for case in cases},
        list(dataset.readers.values_list("name", flat=True)),
        {case.name: case.metadata for case in cases},
    )
    for case in cases:
        _settle(case, found.get(case.name, []))


def _settle(case: Case, found: list[QualityFinding]) -> None:
    before = {(one.check_id, one.about): one for one in _of_cohort(case)}
    now = {(one.check_id, one.about): one for one in found}
    for key in before.keys() - now.keys():
        before[key].delete()
    for key, one in now.items():
        if key in before and (before[key].text, before[key].severity) == (one.text, one.severity):
            continue
        if key in before:
            before[key].delete()
        Finding.objects.create(
            case=case,
            check_id=one.check_id,
            about=one.about,
            severity=one.severity,
            text=one.text,
        )


def _of_cohort(case: Case) -> list[Finding]:
    return list(case.findings.filter(check_id__in=COHORT_CHECKS))
