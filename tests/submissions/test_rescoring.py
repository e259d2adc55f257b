"""After an amendment every earlier submission is scored anew, without running again."""

import copy

import pytest

from challenges.leases import Watch
from challenges.selectors import current_edition, shown_edition
from challenges.services import deciding
from challenges.services.publishing import amend
from leaderboards.models import Snapshot
from leaderboards.services import refresh
from leaderboards.tables import Table
from submissions.models import Attempt, CaseResult, Rescore, Run
from submissions.selectors.report import report
from submissions.services.checking import check_next
from submissions.services.rescoring import reconcile, rescore_next
from submissions.services.running import run_next
from submissions.services.scoring import score_next
from tests.factories import a_submission, a_user

pytestmark = pytest.mark.usefixtures("programs", "hints")


def scored(phase, user, **arguments):
    submission = a_submission(phase, user=user, **arguments)
    while any(
        (check_next(worker="h:1"), run_next(worker="h:2", engine=None), score_next(worker="h:3"))
    ):
        pass
    submission.refresh_from_db()
    assert submission.state == "scored"
    refresh(phase=phase)
    return submission


def amended(phase, **evaluation):
    challenge = phase.challenge
    document = copy.deepcopy(challenge.protocols.all()[0].document)
    document["evaluation"] |= evaluation
    amend(challenge=challenge, document=document, reason="Better.", by=a_user("organiser"))


def rescore():
    while rescore_next(worker="h:4"):
        pass


def table(phase):
    snapshot = Snapshot.objects.filter(edition=shown_edition(phase)).first()
    return Table.from_json(snapshot.document)


def columns(phase):
    return [column.metric for column in table(phase).columns]


OTHER = {"metrics": ["dice", "jaccard"], "ranking": {"metrics": ["jaccard"]}}


def test_the_old_leaderboard_stays_until_all_is_scored_in_the_new_edition(phase, developer):
    submission = scored(phase, developer)
    attempts = Attempt.objects.count()
    before = columns(phase)
    amended(phase, **OTHER)
    reconcile(Watch(60))
    refresh(phase=phase)
    assert columns(phase) == before
    assert shown_edition(phase).number == 1
    rescore()
    reconcile(Watch(60))
    refresh(phase=phase)
    assert shown_edition(phase).number == 2
    assert columns(phase) == ["dice", "jaccard"]
    assert [row.submission for row in table(phase).rows] == [submission.public_id]
    assert Attempt.objects.count() == attempts
    assert set(Run.objects.values_list("state", flat=True)) == {"done"}
    results = CaseResult.objects.filter(edition=current_edition(phase))
    assert [one.metrics["jaccard"]["lesion"]["value"] for one in results] == [1.0, 1.0, 1.0]


def test_a_submissions_page_says_what_the_leaderboard_says_throughout(phase, developer):
    submission = scored(phase, developer)
    organiser = a_user("organiser")

    def shown():
        page = report(organiser, submission)
        return [metric.id for metric, _ in page.columns], [row.values for row in page.rows]

    first = columns(phase)
    assert shown() == (first, [(1.0, 0.0, 0.0, 0.0)] * 3)
    case = phase.dataset.cases.get(name="case-2")
    deciding.exclude(case=case, reason="Wrong patient.", by=organiser)
    amended(type(phase).objects.get(pk=phase.pk), **OTHER)
    assert shown()[0] == first
    reconcile(Watch(60))
    rescore()
    reconcile(Watch(60))
    assert shown() == (["dice", "jaccard"], [(1.0, 1.0), (None, None), (1.0, 1.0)])
    assert [one.count for one in report(organiser, submission).summaries] == [2, 2]


def test_results_by_the_same_rules_are_taken_over(phase, developer, monkeypatch):
    scored(phase, developer)
    case = phase.dataset.cases.get(name="case-2")
    deciding.exclude(case=case, reason="Wrong patient.", by=a_user("organiser"))
    monkeypatch.setattr(
        "submissions.judging.scores.score_files", lambda *_, **__: pytest.fail("scored again")
    )
    reconcile(Watch(60))
    rescore()
    reconcile(Watch(60))
    refresh(phase=phase)
    assert shown_edition(phase).number == 2
    assert [row.cases for row in table(phase).rows] == [2]


def test_a_submission_that_was_under_way_is_scored_in_both_and_appears_whole(phase, developer):
    submission = a_submission(phase, user=developer)
    check_next(worker="h:1")
    run_next(worker="h:2", engine=None)
    score_next(worker="h:3")
    amended(phase, **OTHER)
    reconcile(Watch(60))
    while any((run_next(worker="h:2", engine=None), score_next(worker="h:3"))):
        pass
    refresh(phase=phase)
    assert table(phase).rows == ()
    reconcile(Watch(60))
    rescore()
    refresh(phase=phase)
    assert [row.submission for row in table(phase).rows] == [submission.public_id]


def test_a_worker_that_dies_while_it_scores_anew_is_replaced(phase, developer):
    scored(phase, developer)
    amended(phase, **OTHER)
    now = 0.0
    watch = Watch(60, lambda: now)
    reconcile(watch)
    row = Rescore.objects.first()
    Rescore.objects.filter(pk=row.pk).update(state="scoring", leased_by="gone:1", fence=1)
    reconcile(watch)
    now = 61.0
    reconcile(watch)
    rescore()
    reconcile(watch)
    assert shown_edition(phase).number == 2
    assert CaseResult.objects.filter(edition=current_edition(phase)).count() == 3


def test_a_failed_case_fails_in_the_new_edition_too(phase, developer):
    submission = scored(phase, developer)
    run = submission.runs.get(case__name="case-3")
    run.prediction.delete()
    Run.objects.filter(pk=run.pk).update(reason_code="no_output", reason_text="Nothing.")
    amended(phase, **OTHER)
    reconcile(Watch(60))
    rescore()
    result = CaseResult.objects.get(edition=current_edition(phase), run=run)
    assert result.prediction is None
    assert result.metrics["jaccard"]["lesion"]["value"] == 0.0
    assert result.reason_code == "no_output"


def test_of_one_edition_nothing_is_scored_anew(phase, developer):
    scored(phase, developer)
    reconcile(Watch(60))
    assert not Rescore.objects.exists()


def test_a_submissions_page_tells_of_an_excluded_case(phase, developer, client):
    submission = scored(phase, developer)
    case = phase.dataset.cases.get(name="case-2")
    deciding.exclude(case=case, reason="Wrong patient.", by=a_user("organiser"))
    client.force_login(developer)
    report = client.get(f"/submissions/{submission.public_id}/").context["report"]
    assert [row.state for row in report.rows] == ["done", "excluded", "done"]


def test_the_leaderboard_says_how_far_a_new_edition_is(phase, developer, client):
    scored(phase, developer)
    refresh(phase=phase)
    address = f"/challenges/{phase.challenge.slug}/{phase.slug}/leaderboard/"
    assert "being scored anew" not in client.get(address).content.decode()
    amended(phase, **OTHER)
    reconcile(Watch(60))
    assert "0 of 3 results" in client.get(address).content.decode()
    assert rescore_next(worker="host:1")
    assert "1 of 3 results" in client.get(address).content.decode()
