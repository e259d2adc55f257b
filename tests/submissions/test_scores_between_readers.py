"""Each reader is scored against the others, never against a reference that holds their own mask."""

from pathlib import Path

import pytest

from challenges import leases
from challenges.leases import Watch
from challenges.models import Annotation, Case, Challenge, Reference
from challenges.selectors import current_edition
from challenges.services import deciding
from challenges.services.publishing import amend
from evaluation.readers import ReadersRefused
from evaluation.volumes import read_volume
from submissions.models import CrossScoring, Host, ReaderResult
from submissions.selectors.readers import cross_progress, readers_scores
from submissions.services import cross_scoring, hosts
from submissions.services.cross_scoring import cross_score_next, reconcile
from tests.factories import a_user
from tests.submissions.reading import HALF, NOTHING, QUARTER, WHOLE, a_phase_read_by, block

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("hints")]


def all_scored(phase):
    reconcile(Watch(60))
    while cross_score_next(worker="h:1"):
        pass
    return current_edition(phase)


def dice(edition, case):
    """{reader: against each target} in one case."""
    pk = Case.objects.get(name=case, dataset=edition.phase.dataset).pk
    return {
        one.reader: [score.metrics["dice"]["lesion"]["value"] for score in one.cases[pk]]
        for one in readers_scores(edition)
        if pk in one.cases
    }


def test_of_two_readers_each_is_scored_against_the_other(tmp_path):
    edition = all_scored(a_phase_read_by(tmp_path, (WHOLE, WHOLE), (HALF, WHOLE)))
    assert dice(edition, "case-1") == {"A": [pytest.approx(2 / 3)], "B": [pytest.approx(2 / 3)]}
    assert dice(edition, "case-2") == {"A": [1.0], "B": [1.0]}


def test_of_three_readers_each_is_scored_against_both_others(tmp_path):
    edition = all_scored(a_phase_read_by(tmp_path, (WHOLE,), (HALF,), (QUARTER,)))
    assert dice(edition, "case-1") == {
        "A": [pytest.approx(2 / 3), pytest.approx(0.4)],
        "B": [pytest.approx(2 / 3), pytest.approx(2 / 3)],
        "C": [pytest.approx(0.4), pytest.approx(2 / 3)],
    }
    against = ReaderResult.objects.filter(annotation__reader__name="B").order_by("against__name")
    assert [one.against.name for one in against] == ["A", "C"]
    (first, second) = against
    assert first.reference_ml == {"lesion": pytest.approx(WHOLE * 0.08)}
    assert second.reference_ml == {"lesion": pytest.approx(QUARTER * 0.08)}
    assert first.prediction_ml == second.prediction_ml == {"lesion": pytest.approx(HALF * 0.08)}
    assert first.counts["lesion"]["reference"] == WHOLE
    assert first.scored_with["uptake_scorer"]


def test_of_four_readers_each_is_scored_against_the_consensus_of_the_other_three(tmp_path):
    """Of all four the strict majority is B's mask, so with it B would reach 1."""
    phase = a_phase_read_by(tmp_path, (WHOLE,), (HALF,), (QUARTER,), (WHOLE,))
    reference = Reference.objects.get(case__dataset=phase.dataset)
    assert read_volume(Path(reference.file.path)).sha256() == block(HALF).sha256()
    edition = all_scored(phase)
    assert dice(edition, "case-1") == {
        "A": [pytest.approx(2 / 3)],
        "B": [pytest.approx(2 / 3)],
        "C": [pytest.approx(0.4)],
        "D": [pytest.approx(2 / 3)],
    }
    by_b = ReaderResult.objects.get(annotation__reader__name="B")
    assert by_b.against is None
    assert by_b.reference_ml == {"lesion": pytest.approx(WHOLE * 0.08)}


def test_the_consensus_is_made_by_the_challenges_own_recipe(tmp_path):
    """STAPLE of B, C, D finds that D, who drew all, is who is alone."""
    phase = a_phase_read_by(tmp_path, (WHOLE,), (HALF,), (HALF,), (WHOLE,), consensus="staple")
    edition = all_scored(phase)
    found = dice(edition, "case-1")
    assert found["A"] == found["D"]
    assert found["B"] == found["C"]
    sha256 = set(ReaderResult.objects.values_list("target_sha256", flat=True))
    majority = a_phase_read_by(tmp_path, (WHOLE,), (HALF,), (HALF,), (WHOLE,), slug="majority")
    all_scored(majority)
    others = ReaderResult.objects.filter(edition__phase=majority)
    assert not sha256 & set(others.values_list("target_sha256", flat=True))


def test_a_case_that_a_reader_did_not_read_is_absent_and_no_vote(tmp_path):
    phase = a_phase_read_by(tmp_path, (WHOLE, WHOLE), (HALF, HALF), (QUARTER, QUARTER))
    Annotation.objects.get(case__name="case-2", reader__name="C").delete()
    edition = all_scored(phase)
    assert dice(edition, "case-2") == {"A": [pytest.approx(2 / 3)], "B": [pytest.approx(2 / 3)]}
    assert {one.reader: len(one.cases) for one in readers_scores(edition)} == {
        "A": 2,
        "B": 2,
        "C": 1,
    }
    assert cross_progress(edition).is_complete


def test_a_mask_with_nothing_drawn_is_a_reading(tmp_path):
    edition = all_scored(a_phase_read_by(tmp_path, (WHOLE,), (NOTHING,)))
    assert dice(edition, "case-1") == {"A": [None], "B": [0.0]}


def test_a_reader_whom_nobody_else_can_judge_has_no_row(tmp_path):
    edition = all_scored(a_phase_read_by(tmp_path, (WHOLE, WHOLE)))
    assert readers_scores(edition) == []
    assert cross_progress(edition).of == 0
    assert cross_progress(edition).is_complete


def test_repeated_reads_are_not_used(tmp_path):
    phase = a_phase_read_by(tmp_path, (WHOLE,), (HALF,))
    first = Annotation.objects.get(reader__name="A")
    Annotation.objects.create(
        case=first.case, reader=first.reader, repeat=1, file=first.file.name, sha256=first.sha256
    )
    edition = all_scored(phase)
    assert ReaderResult.objects.count() == 2
    assert set(ReaderResult.objects.values_list("annotation__repeat", flat=True)) == {0}
    assert dice(edition, "case-1") == {"A": [pytest.approx(2 / 3)], "B": [pytest.approx(2 / 3)]}


def test_progress_says_how_many_of_how_many(tmp_path):
    phase = a_phase_read_by(tmp_path, (WHOLE, WHOLE), (HALF, WHOLE))
    edition = current_edition(phase)
    reconcile(Watch(60))
    assert (cross_progress(edition).done, cross_progress(edition).of) == (0, 4)
    cross_score_next(worker="h:1")
    assert (cross_progress(edition).done, cross_progress(edition).of) == (1, 4)
    assert not cross_progress(edition).is_complete
    all_scored(phase)
    assert (cross_progress(edition).done, cross_progress(edition).of) == (4, 4)


def test_a_worker_that_dies_in_the_middle_is_replaced_and_cannot_write_any_more(tmp_path):
    a_phase_read_by(tmp_path, (WHOLE,), (HALF,))
    now = 0.0
    watch = Watch(60, lambda: now)
    reconcile(watch)
    row = CrossScoring.objects.get(annotation__reader__name="A")
    assert leases.claim(row, source="waiting", target="scoring", worker="gone:1")
    reconcile(watch)
    now = 61.0
    reconcile(watch)
    while cross_score_next(worker="h:1"):
        pass
    assert ReaderResult.objects.count() == 2
    assert set(CrossScoring.objects.values_list("state", flat=True)) == {"done"}
    kept = list(ReaderResult.objects.order_by("pk").values_list("pk", flat=True))
    cross_scoring._score(row)
    assert list(ReaderResult.objects.order_by("pk").values_list("pk", flat=True)) == kept


def test_a_file_that_cannot_be_read_is_tried_again(tmp_path):
    phase = a_phase_read_by(tmp_path, (WHOLE,), (HALF,))
    path = Path(Annotation.objects.get(reader__name="A").file.path)
    moved = path.rename(path.with_suffix(".away"))
    reconcile(Watch(60))
    while cross_score_next(worker="h:1"):
        pass
    rows = CrossScoring.objects.all()
    assert {(one.state, one.platform_faults) for one in rows} == {("waiting", 1)}
    moved.rename(path)
    rows.update(eligible_at=rows[0].edition.created_at)
    assert len(dice(all_scored(phase), "case-1")) == 2


def test_what_can_never_be_had_is_told_and_not_tried_again(tmp_path, monkeypatch):
    def refuse(*_):
        raise ReadersRefused("staple_failed", "STAPLE of 3 masks found no estimate (NaN).")

    monkeypatch.setattr("submissions.services.cross_scores.consensus_of_files", refuse)
    edition = all_scored(a_phase_read_by(tmp_path, (WHOLE,), (HALF,), (HALF,), (WHOLE,)))
    assert readers_scores(edition) == []
    progress = cross_progress(edition)
    assert progress.is_complete
    assert progress.refused == (
        "The consensus of the other readers: STAPLE of 3 masks found no estimate (NaN).",
    )


def test_a_host_that_is_drained_takes_none(tmp_path):
    phase = a_phase_read_by(tmp_path, (WHOLE,), (HALF,))
    reconcile(Watch(60))
    hosts.tell_of_host(None)
    host = Host.objects.get()
    hosts.drain(host=host)
    assert not cross_score_next(worker=f"{host.name}:1")
    assert not readers_scores(current_edition(phase))
    assert cross_score_next(worker="another:1")


def test_a_new_edition_takes_over_what_is_equal_and_scores_the_rest_anew(tmp_path, monkeypatch):
    phase = a_phase_read_by(tmp_path, (WHOLE, WHOLE), (HALF, HALF), (QUARTER, QUARTER))
    first = all_scored(phase)
    case = phase.dataset.cases.get(name="case-2")
    deciding.exclude(case=case, reason="Wrong patient.", by=a_user("organiser"))
    with monkeypatch.context() as changed:
        changed.setattr(
            "submissions.judging.scores.score_files", lambda *_, **__: pytest.fail("scored again")
        )
        second = all_scored(phase)
    assert second.number == first.number + 1
    assert dice(second, "case-1") == dice(first, "case-1")
    challenge = Challenge.objects.get()
    document = challenge.protocols.all()[0].document
    document["evaluation"]["metrics"] = ["dice", "jaccard"]
    amend(challenge=challenge, document=document, reason="Both.", by=a_user("organiser"))
    third = all_scored(phase)
    assert third.number == second.number + 1
    scores = {one.reader: one.cases for one in readers_scores(third)}
    (case_1,) = phase.dataset.cases.filter(excluded_at=None)
    jaccard = [one.metrics["jaccard"]["lesion"]["value"] for one in scores["A"][case_1.pk]]
    assert jaccard == [0.5, 0.25]


def test_what_waits_in_an_earlier_edition_is_dropped(tmp_path):
    phase = a_phase_read_by(tmp_path, (WHOLE, WHOLE), (HALF, HALF))
    reconcile(Watch(60))
    cross_score_next(worker="h:1")
    case = phase.dataset.cases.get(name="case-2")
    deciding.exclude(case=case, reason="Wrong patient.", by=a_user("organiser"))
    second = all_scored(phase)
    earlier = CrossScoring.objects.exclude(edition=second)
    assert [one.state for one in earlier] == ["done"]
    assert cross_progress(second).is_complete
    assert cross_progress(second).of == 2


def test_reading_all_readers_scores_takes_a_constant_number_of_queries(
    tmp_path, django_assert_num_queries
):
    edition = all_scored(a_phase_read_by(tmp_path, (WHOLE,) * 3, (HALF,) * 3, (QUARTER,) * 3))
    edition = type(edition).objects.select_related("phase__dataset").get(pk=edition.pk)
    with django_assert_num_queries(1):
        assert len(readers_scores(edition)) == 3
