"""No figure, and no difference of two, tells the public what a few hidden patients scored."""

from datetime import timedelta

import pytest
from django.utils import timezone

from challenges.models import Case, Phase, Reference
from leaderboards.basis import ONLY_PLACES
from leaderboards.models import Analysis, Basis, Snapshot
from leaderboards.selectors import _read, board
from leaderboards.services import refresh
from leaderboards.uncertain import WITHHELD, WITHHELD_READERS, how_sure
from submissions.models import CaseResult, Submission
from tests.crowds import a_crowded_phase
from tests.factories import a_user

pytestmark = pytest.mark.django_db
DICE, VOLUME = 0, 1
EVALUATION = {"metrics": ["dice", "mtv_abs_error_ml"]}


@pytest.fixture
def phase(tmp_path):
    found = a_crowded_phase(
        tmp_path, cases=60, qualities=[1.5, 0.9, 0.2], hidden=True, evaluation=EVALUATION
    )
    refresh(phase=found)
    return found


def stranger():
    return a_user("stranger")


def organiser():
    return a_user("organiser")


def made(days_ago: float, snapshot: Snapshot) -> Snapshot:
    """As if it had been made then."""
    at = timezone.now() - timedelta(days=days_ago)
    Snapshot.objects.filter(pk=snapshot.pk).update(created_at=at)
    return snapshot


def newest(phase: Phase) -> Snapshot:
    return Snapshot.objects.filter(edition__phase=phase)[:1].get()


def without(phase: Phase, patients: int) -> Snapshot:
    """The next state, of as many patients fewer."""
    gone = [f"patient-{at}" for at in (0, 1, 2, 4, 5, 7, 8, 10, 11, 13, 14, 16)][:patients]
    cases = phase.dataset.cases.filter(patient__in=gone)
    assert len({case.patient for case in cases}) == patients
    cases.update(excluded_at=timezone.now())
    return refresh(phase=phase)


def seen(viewer, phase, days_ago: int = 0, group: str = ""):
    day = (timezone.now() - timedelta(days=days_ago)).date() if days_ago else None
    return board(viewer, phase, as_of=day, group=group)


def figures(found) -> list[float]:
    return [cell.shown for row in found.table.rows for cell in row.cells if cell is not None]


def places(found) -> list[tuple[str, int | None]]:
    return [(row.algorithm, row.rank) for row in found.table.rows]


@pytest.mark.parametrize(("patients", "full"), [(1, False), (9, False), (10, True), (12, True)])
def test_an_older_state_that_differs_in_few_patients_keeps_its_places_alone(phase, patients, full):
    made(3, newest(phase))
    without(phase, patients)
    now, then = seen(stranger(), phase), seen(stranger(), phase, 2)
    assert then.snapshot != now.snapshot
    assert len(figures(now)) == 6
    assert len(figures(then)) == (6 if full else 0)
    assert (ONLY_PLACES in then.notes) is not full
    assert ONLY_PLACES not in now.notes
    assert [rank for _, rank in places(then)] == [1, 2, 3]
    if not full:
        row = then.table.rows[0]
        assert (row.failed, row.cases, row.low, row.tier, row.mean_rank) == (0, 0, None, None, None)
    assert then.choices == ()
    assert now.choices
    assert len(figures(seen(organiser(), phase, 2))) == 6


def test_no_page_or_file_of_such_a_state_says_more(phase, client):
    old = made(3, newest(phase))
    value = f"{old.document['rows'][0]['cells'][DICE]['mean']:.3f}"
    base = f"/challenges/{phase.challenge.slug}/{phase.slug}/leaderboard/"
    day = (timezone.now() - timedelta(days=2)).date().isoformat()
    assert value in client.get(f"{base}?as_of={day}").content.decode()
    without(phase, 1)
    page = client.get(f"{base}?as_of={day}").content.decode()
    assert value not in page
    assert ONLY_PLACES in page
    assert "As of" in page
    sure = client.get(f"{base}uncertainty/?as_of={day}").content.decode()
    assert ONLY_PLACES in sure
    assert client.get(f"{base}uncertainty/{old.pk}/rank-distribution.csv").status_code == 404
    client.force_login(organiser())
    assert value in client.get(f"{base}?as_of={day}").content.decode()


def test_states_are_compared_with_every_later_one_that_is_shown(phase):
    """Two steps of six patients: the first state lies twelve from the last, six from that between,
    which is itself six from the last."""
    made(5, newest(phase))
    made(3, without(phase, 6))
    without(phase, 12)
    shown = [bool(figures(seen(stranger(), phase, days))) for days in (0, 2, 4)]
    assert shown == [True, False, True]


def test_a_case_that_comes_back_gives_the_state_its_figures_back(phase):
    made(5, newest(phase))
    made(3, without(phase, 1))
    Case.objects.update(excluded_at=None)
    refresh(phase=phase)
    assert Basis.objects.count() == 2
    shown = [bool(figures(seen(stranger(), phase, days))) for days in (0, 2, 4)]
    assert shown == [True, False, True]


@pytest.mark.parametrize("change", ["reference", "column"])
def test_a_corrected_reference_or_column_makes_another_state_of_a_case(phase, change):
    made(3, newest(phase))
    case = phase.dataset.cases.get(name="case-0007")
    if change == "reference":
        Reference.objects.filter(case=case).update(sha256="f" * 64)
    case.metadata = {**case.metadata, "centre": "Coimbra", "note": "read again"}
    case.save()
    refresh(phase=phase)
    assert Basis.objects.count() == 2
    assert figures(seen(stranger(), phase, 2)) == []


def test_a_new_entry_takes_no_figure_from_the_states_before_it(phase):
    made(3, newest(phase))
    Submission.objects.filter(version__algorithm__title="Algorithm 3").update(state="failed")
    refresh(phase=phase)
    assert Basis.objects.count() == 1
    assert len(figures(seen(stranger(), phase, 2))) == 6
    assert len(figures(seen(stranger(), phase))) == 4


def test_how_often_the_database_is_asked_does_not_grow_with_states(
    phase, django_assert_num_queries
):
    _read.cache_clear()
    viewer = stranger()
    without(phase, 1)
    with django_assert_num_queries(10):
        seen(viewer, phase)
    for patients in (2, 3, 4, 5):
        without(phase, patients)
    _read.cache_clear()
    with django_assert_num_queries(10):
        seen(viewer, phase)


def test_tests_of_a_metric_that_applies_to_few_patients_are_for_organisers(tmp_path):
    """It does not rank, so that all else is told."""
    few = {"dice": "lesion"}
    phase = a_crowded_phase(
        tmp_path, cases=60, qualities=[1.5, 0.9], hidden=True,
        evaluation={**EVALUATION, "ranking": {"primary": "dice", "metrics": ["mtv_abs_error_ml"]}},
    )  # fmt: skip
    kept = {f"patient-{at}" for at in (0, 1, 2, 4, 5)}
    for result in CaseResult.objects.select_related("run__case"):
        if result.run.case.patient not in kept:
            result.metrics["dice"][few["dice"]] |= {"value": None, "worst": None}
            result.save()
    refresh(phase=phase)
    assert how_sure(organiser(), phase).uncertainty.tested.column == "dice"
    found = how_sure(stranger(), phase)
    assert found.uncertainty.tested is None
    assert found.uncertainty.refused["tests"] == WITHHELD
    assert found.uncertainty.resampled is not None
    row = seen(stranger(), phase).table.rows[0]
    assert (row.tier, row.set_low, row.set_high) == (None, None, None)
    assert row.low is not None
    assert seen(organiser(), phase).table.rows[0].tier is not None


@pytest.mark.parametrize(
    ("patients", "told"), [(9, False), (10, True), (20, True), (-9, False), (0, True)]
)
def test_ranks_with_a_reader_of_few_patients_or_all_but_few_are_for_organisers(
    phase, patients, told
):
    snapshot = newest(phase)
    row = snapshot.document["rows"][0]
    everyone = row["cells"][DICE]["patients"]
    read = patients if patients > 0 else everyone + patients
    cells = [{**cell, "patients": read} for cell in row["cells"]]
    snapshot.document["rows"].append(
        {**row, "submission": "reader:Ada", "kind": "reader", "competes": False, "cells": cells}
    )
    snapshot.save()
    analysis = Analysis.objects.get(snapshot=snapshot)
    analysis.document["readers"] = [
        {"name": "Ada", "ranks": [1, 2, 3], "tau": 1.0, "refused": ""},
    ]
    analysis.save()
    _read.cache_clear()
    found = how_sure(stranger(), phase).uncertainty
    assert bool(found.readers) is told
    assert (found.refused.get("readers") == WITHHELD_READERS) is not told
    assert how_sure(organiser(), phase).uncertainty.readers
