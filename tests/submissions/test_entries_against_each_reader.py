"""Every scored run is scored against each single reader, after everything that people wait for."""

import pytest

from challenges import leases
from challenges.leases import Watch
from challenges.models import Annotation, Challenge, Team
from challenges.selectors import current_edition
from challenges.services import deciding
from challenges.services.publishing import amend
from submissions.models import AgainstReader, CaseResult, CrossScoring, Run, Submission
from submissions.selectors.readers import (
    cross_progress,
    readers_scores,
    scores_against_readers,
    submissions_in_turn,
)
from submissions.services import cross_scoring, rescoring
from submissions.services.checking import check_next
from submissions.services.cross_scoring import Seen, cross_score_next, reconcile
from submissions.services.running import run_next
from submissions.services.scoring import score_next
from submissions.tasks import score_next_task
from tests.factories import a_submission, a_user
from tests.submissions.reading import HALF, QUARTER, WHOLE, a_phase_read_by

pytestmark = pytest.mark.usefixtures("programs", "hints")


@pytest.fixture
def three_readers(db, tmp_path):
    """In each of two cases A drew what a threshold finds, B half of it, C a quarter."""
    return a_phase_read_by(tmp_path, (WHOLE, WHOLE), (HALF, HALF), (QUARTER, QUARTER))


def scored(phase, user, **arguments):
    submission = a_submission(phase, user=user, **arguments)
    while any(
        (check_next(worker="h:1"), run_next(worker="h:2", engine=None), score_next(worker="h:3"))
    ):
        pass
    submission.refresh_from_db()
    assert submission.state == "scored"
    return submission


def all_scored(phase):
    reconcile(Watch(60))
    while cross_score_next(worker="h:4"):
        pass
    return current_edition(phase)


def dice(edition, submission):
    """{reader: of each case in turn}."""
    found = scores_against_readers(edition, [submission.pk])
    return {
        reader: [
            score.metrics["dice"]["lesion"]["value"] for score in entries[submission.pk].values()
        ]
        for reader, entries in found.items()
    }


def test_an_entry_is_scored_against_each_reader(three_readers, developer):
    submission = scored(three_readers, developer)
    edition = all_scored(three_readers)
    assert dice(edition, submission) == {
        "A": [1.0, 1.0],
        "B": [pytest.approx(2 / 3)] * 2,
        "C": [pytest.approx(0.4)] * 2,
    }
    one = AgainstReader.objects.filter(annotation__reader__name="C").first()
    assert one.prediction == one.run.prediction
    assert one.reference_ml == {"lesion": pytest.approx(QUARTER * 0.08)}
    assert one.counts["lesion"]["reference"] == QUARTER
    assert one.scored_with["uptake_scorer"]


def test_a_reader_whose_mask_is_the_consensus_is_not_scored_against_again(
    three_readers, developer, monkeypatch
):
    """The majority of the three is B's mask."""
    from submissions.judging import scores

    submission = scored(three_readers, developer)
    calls = []
    score_files = scores.score_files
    monkeypatch.setattr(
        scores, "score_files", lambda *a, **b: calls.append(a) or score_files(*a, **b)
    )
    reconcile(Watch(60))
    CrossScoring.objects.exclude(annotation=None).delete()
    while cross_score_next(worker="h:4"):
        pass
    assert len(calls) == 2 * 2
    assert len(dice(current_edition(three_readers), submission)) == 3


def test_of_two_readers_the_case_results_say_it_and_nothing_is_scored_twice(
    db, tmp_path, developer
):
    phase = a_phase_read_by(tmp_path, (WHOLE, WHOLE), (HALF, WHOLE))
    submission = scored(phase, developer)
    edition = all_scored(phase)
    assert not AgainstReader.objects.exists()
    assert not CrossScoring.objects.exclude(run=None).exists()
    assert cross_progress(edition).runs_of == 0
    assert dice(edition, submission) == {"A": [1.0, 1.0], "B": [pytest.approx(2 / 3), 1.0]}


def test_a_case_that_a_reader_did_not_read_is_absent(three_readers, developer):
    submission = scored(three_readers, developer)
    Annotation.objects.get(case__name="case-2", reader__name="C").delete()
    edition = all_scored(three_readers)
    assert {reader: len(values) for reader, values in dice(edition, submission).items()} == {
        "A": 2,
        "B": 2,
        "C": 1,
    }


def test_a_failed_case_has_its_worst_values_against_each_reader(three_readers, developer):
    submission = a_submission(three_readers, user=developer, script="fails_later.py")
    while any(
        (check_next(worker="h:1"), run_next(worker="h:2", engine=None), score_next(worker="h:3"))
    ):
        pass
    edition = all_scored(three_readers)
    assert dice(edition, submission) == {
        "A": [1.0, 0.0],
        "B": [pytest.approx(2 / 3), 0.0],
        "C": [pytest.approx(0.4), 0.0],
    }
    failed = AgainstReader.objects.filter(run__case__name="case-2")
    assert {(one.prediction, one.reason_code) for one in failed} == {(None, "exit_code")}


def test_readers_come_first_then_the_newest_of_each_then_what_it_replaced(three_readers, developer):
    other = a_user("other")
    old = scored(three_readers, developer)
    new = scored(three_readers, developer, title="Better")
    others = scored(three_readers, other)
    Submission.objects.update(is_baseline=False)
    reconcile(Watch(60))
    in_turn = submissions_in_turn(CrossScoring.objects.all())
    assert [one.pk for one in in_turn] == [new.pk, others.pk, old.pk]
    seen = []
    while cross_score_next(worker="h:4"):
        row = CrossScoring.objects.filter(state="done").exclude(pk__in=[pk for pk, _ in seen]).get()
        seen.append((row.pk, row.run.submission_id if row.run else None))
    assert [one for _, one in seen] == [None] * 6 + [new.pk] * 2 + [others.pk] * 2 + [old.pk] * 2


def test_of_a_team_one_is_the_newest_whoever_submitted_it(three_readers, developer):
    team = Team.objects.create(challenge=three_readers.challenge, name="Nested")
    old, alone = scored(three_readers, developer), scored(three_readers, developer)
    new = scored(three_readers, a_user("mate"))
    Submission.objects.update(is_baseline=False)
    Submission.objects.filter(pk__in=[old.pk, new.pk]).update(team=team)
    reconcile(Watch(60))
    in_turn = submissions_in_turn(CrossScoring.objects.all())
    assert [(one.pk, one.replaced) for one in in_turn] == [
        (alone.pk, False),
        (new.pk, False),
        (old.pk, True),
    ]


def test_each_baseline_is_the_newest_of_its_own(three_readers):
    organiser = a_user("organiser")
    for title in ("One", "Two"):
        assert scored(three_readers, organiser, title=title).is_baseline
    reconcile(Watch(60))
    assert [one.replaced for one in submissions_in_turn(CrossScoring.objects.all())] == [False] * 2


def test_whatever_people_wait_for_goes_before_it(three_readers, developer):
    scored(three_readers, developer)
    challenge = Challenge.objects.get()
    document = challenge.protocols.all()[0].document
    document["evaluation"]["metrics"] = ["dice", "jaccard"]
    amend(challenge=challenge, document=document, reason="Both.", by=a_user("organiser"))
    rescoring.reconcile(Watch(60))
    reconcile(Watch(60))
    late = a_submission(three_readers, user=a_user("late"))
    check_next(worker="h:1")
    while run_next(worker="h:2", engine=None):
        pass
    assert Run.objects.filter(submission=late, state="collected").count() == 2
    done = []
    for _ in range(4):
        score_next_task()
        done.append(
            (
                Run.objects.filter(submission=late, state="done").count(),
                CaseResult.objects.filter(edition__number=2).exclude(run__submission=late).count(),
                CrossScoring.objects.filter(state="done").count(),
            )
        )
    assert done == [(1, 0, 0), (2, 0, 0), (2, 1, 0), (2, 2, 0)]
    score_next_task()
    assert CrossScoring.objects.filter(state="done").count() == 1


def test_progress_grows_with_what_is_submitted_and_what_is_done(three_readers, developer):
    edition = all_scored(three_readers)
    assert (cross_progress(edition).done, cross_progress(edition).of) == (6, 6)
    scored(three_readers, developer)
    progress = cross_progress(edition)
    assert (progress.runs_done, progress.runs_of, progress.is_complete) == (0, 2, False)
    all_scored(three_readers)
    progress = cross_progress(edition)
    assert (progress.runs_done, progress.runs_of, progress.is_complete) == (2, 2, True)


def test_the_phases_are_looked_through_again_once_there_is_anything_new(three_readers, developer):
    watch, seen = Watch(60), Seen()
    reconcile(watch, seen)
    assert CrossScoring.objects.count() == 6
    CrossScoring.objects.all().delete()
    reconcile(watch, seen)
    assert not CrossScoring.objects.exists()
    scored(three_readers, developer)
    reconcile(watch, seen)
    assert CrossScoring.objects.count() == 6 + 2
    case = three_readers.dataset.cases.get(name="case-2")
    deciding.exclude(case=case, reason="Wrong patient.", by=a_user("organiser"))
    reconcile(watch, seen)
    rescoring.reconcile(Watch(60))
    while rescoring.rescore_next(worker="h:5"):
        pass
    reconcile(watch, seen)
    assert CrossScoring.objects.filter(edition=current_edition(three_readers)).count() == 3 + 1


def test_a_worker_that_dies_in_the_middle_is_replaced_and_each_score_is_there_once(
    three_readers, developer
):
    submission = scored(three_readers, developer)
    now = 0.0
    watch = Watch(60, lambda: now)
    reconcile(watch)
    row = CrossScoring.objects.filter(run__case__name="case-1").get()
    assert leases.claim(row, source="waiting", target="scoring", worker="gone:1")
    reconcile(watch)
    now = 61.0
    reconcile(watch)
    while cross_score_next(worker="h:4"):
        pass
    assert AgainstReader.objects.count() == 6
    cross_scoring._score(row)  # it wakes up
    assert AgainstReader.objects.count() == 6
    assert len(dice(current_edition(three_readers), submission)["A"]) == 2


def test_a_worker_that_was_stopped_in_good_order_is_replaced_at_once(three_readers, developer):
    scored(three_readers, developer)
    watch = Watch(60)
    reconcile(watch)
    row = CrossScoring.objects.exclude(run=None)[0]
    leases.claim(row, source="waiting", target="scoring", worker="gone:1")
    leases.give_up_leases_of("gone", CrossScoring)
    reconcile(watch)
    row.refresh_from_db()
    assert (row.state, row.leased_by) == ("waiting", "")


def test_what_is_found_while_a_new_edition_opens_is_kept_in_neither(
    three_readers, developer, monkeypatch
):
    """It was read from two definitions."""
    from submissions.services import cross_scores

    scored(three_readers, developer)
    reconcile(Watch(60))
    CrossScoring.objects.exclude(annotation=None).delete()
    score_against = cross_scores.score_against

    def amended_meanwhile(*given, **named):
        challenge = Challenge.objects.get()
        document = challenge.protocols.all()[0].document
        document["evaluation"]["metrics"] = ["dice", "jaccard"]
        amend(challenge=challenge, document=document, reason="Both.", by=a_user("organiser"))
        return score_against(*given, **named)

    with monkeypatch.context() as changed:
        changed.setattr(cross_scores, "score_against", amended_meanwhile)
        assert cross_score_next(worker="h:4")
    assert not AgainstReader.objects.exists()
    assert CrossScoring.objects.filter(state="done").count() == 0


def test_a_new_edition_scores_anew_what_changed(three_readers, developer):
    submission = scored(three_readers, developer)
    first = all_scored(three_readers)
    challenge = Challenge.objects.get()
    document = challenge.protocols.all()[0].document
    document["evaluation"]["metrics"] = ["dice", "jaccard"]
    amend(challenge=challenge, document=document, reason="Both.", by=a_user("organiser"))
    all_scored(three_readers)
    second = current_edition(three_readers)
    assert scores_against_readers(second, [submission.pk]) == {}  # not before its own results
    rescoring.reconcile(Watch(60))
    while rescoring.rescore_next(worker="h:5"):
        pass
    all_scored(three_readers)
    assert dice(second, submission) == dice(first, submission)
    found = scores_against_readers(second, [submission.pk])["C"][submission.pk]
    assert [one.metrics["jaccard"]["lesion"]["value"] for one in found.values()] == [0.25, 0.25]


def test_a_new_edition_by_the_same_rules_takes_the_scores_over(
    three_readers, developer, monkeypatch
):
    submission = scored(three_readers, developer)
    all_scored(three_readers)
    case = three_readers.dataset.cases.get(name="case-2")
    deciding.exclude(case=case, reason="Wrong patient.", by=a_user("organiser"))
    monkeypatch.setattr(
        "submissions.judging.scores.score_files", lambda *_, **__: pytest.fail("scored again")
    )
    rescoring.reconcile(Watch(60))
    while rescoring.rescore_next(worker="h:5"):
        pass
    edition = all_scored(three_readers)
    assert edition.number == 2
    assert dice(edition, submission) == {
        "A": [1.0],
        "B": [pytest.approx(2 / 3)],
        "C": [pytest.approx(0.4)],
    }


def test_reading_them_takes_the_same_queries_for_one_entry_and_for_three(
    three_readers, developer, django_assert_num_queries
):
    entries = [scored(three_readers, a_user(name)) for name in ("one", "two", "three")]
    edition = all_scored(three_readers)
    edition = type(edition).objects.select_related("phase__dataset").get(pk=edition.pk)
    for some in (entries[:1], entries):
        with django_assert_num_queries(2):
            found = scores_against_readers(edition, [one.pk for one in some])
        assert {reader: set(one) for reader, one in found.items()} == {
            reader: {one.pk for one in some} for reader in "ABC"
        }


def test_who_may_not_see_hidden_cases_learns_nothing_more_of_them(three_readers, developer, client):
    three_readers.challenge.phases.update(cases="hidden")
    submission = scored(three_readers, developer)
    client.force_login(developer)

    def told():
        answer = client.get(f"/api/v1/submissions/{submission.public_id}/results.csv")
        assert answer.status_code == 200
        return answer.content.decode()

    before = told()
    assert "case-1" not in before
    edition = all_scored(three_readers)
    assert readers_scores(edition)
    assert dice(edition, submission)
    assert told() == before
