"""An organiser runs a submission again with one button, as a new attempt beside the old record."""

from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from challenges.storage import untrusted
from leaderboards.selectors import board
from leaderboards.services import refresh
from submissions.models import CaseResult, ContainerImage, Submission
from submissions.services.checking import check_next
from submissions.services.rerunning import RerunRefused, rerun, why_it_cannot_be_rerun
from submissions.services.running import run_next
from submissions.services.scoring import score_next
from submissions.services.uploads import submit_upload
from tests.factories import A_CONFIG, a_submission, a_user

pytestmark = pytest.mark.usefixtures("hints", "programs")


def work() -> None:
    while check_next(worker="h:1") + run_next(worker="h:1", engine=None) + score_next(worker="h:1"):
        pass


@pytest.fixture
def organiser(phase):
    return a_user("organiser")


@pytest.fixture
def scored(phase, developer) -> Submission:
    submission = a_submission(phase, user=developer)
    work()
    return fresh(submission)


@pytest.fixture
def uploaded(phase, developer) -> Submission:
    return submit_upload(
        phase=phase,
        user=developer,
        title="Net",
        file=SimpleUploadedFile("image.tar", b"a tarball" * 1000),
    )


def fresh(submission: Submission) -> Submission:
    return Submission.objects.get(pk=submission.pk)


def end(submission: Submission, state: str = "failed") -> Submission:
    Submission.objects.filter(pk=submission.pk).update(state=state, ended_at=submission.received_at)
    return fresh(submission)


def press(name: str, submission: Submission):
    client = Client()
    client.force_login(a_user(name))
    return client.post(f"/submissions/{submission.public_id}/rerun/")


def page(name: str, submission: Submission) -> str:
    client = Client()
    client.force_login(a_user(name))
    return " ".join(client.get(f"/submissions/{submission.public_id}/").content.decode().split())


def test_the_new_attempt_takes_everything_from_the_old_and_leaves_its_record(scored, organiser):
    results = list(CaseResult.objects.values_list("pk", "created_at"))
    again = rerun(submission=scored, by=organiser)
    assert (again.rerun_of, again.attempt, again.state) == (scored, 2, "received")
    for field in ("version", "phase", "submitted_by", "is_baseline", "entered_at"):
        assert getattr(again, field) == getattr(scored, field), field
    work()
    assert fresh(again).state == "scored"
    assert fresh(scored).state == "scored"
    assert list(CaseResult.objects.values_list("pk", "created_at"))[: len(results)] == results
    assert CaseResult.objects.count() == 2 * len(results)


def test_one_button_pressed_twice_gives_one_re_run(scored):
    first, second = press("organiser", scored), press("organiser", scored)
    assert Submission.objects.count() == 2
    again = Submission.objects.get(rerun_of=scored)
    assert first["Location"] == second["Location"] == f"/submissions/{again.public_id}/"


def test_a_re_run_can_itself_be_re_run_once_it_has_ended(scored, organiser):
    again = rerun(submission=scored, by=organiser)
    with pytest.raises(RerunRefused, match="has not ended"):
        rerun(submission=again, by=organiser)
    work()
    assert rerun(submission=fresh(again), by=organiser).attempt == 3


def test_what_still_runs_is_not_re_run(phase, developer, organiser):
    submission = a_submission(phase, user=developer)
    with pytest.raises(RerunRefused, match="has not ended"):
        rerun(submission=submission, by=organiser)
    assert Submission.objects.count() == 1


def test_a_known_image_is_not_checked_again(uploaded, organiser):
    archive = Path(untrusted().path("images/known.tar"))
    archive.parent.mkdir(parents=True, exist_ok=True)
    archive.write_bytes(b"x")
    uploaded.version.image = ContainerImage.objects.create(
        digest="a" * 64, file="images/known.tar", archive_bytes=1, unpacked_bytes=1, config=A_CONFIG
    )
    uploaded.version.save()
    uploaded.version.upload.file.delete(save=True)
    again = rerun(submission=end(uploaded), by=organiser)
    assert check_next(worker="h:1")
    assert fresh(again).state == "queued"
    archive.unlink()
    assert "no longer on the platform's disk" in why_it_cannot_be_rerun(end(again))


def test_an_image_that_was_never_checked_is_checked_anew_from_its_file(uploaded, organiser):
    again = rerun(submission=end(uploaded), by=organiser)
    assert check_next(worker="h:1")
    assert fresh(again).state == "rejected", "it is no tarball"


def test_where_the_file_is_gone_the_page_says_why_it_is_not_offered(uploaded):
    uploaded.version.upload.file.delete(save=True)
    ended = end(uploaded, "rejected")
    assert "the uploaded file was not kept" in page("organiser", ended)
    assert "Run it again" not in page("organiser", ended)
    assert press("organiser", ended).status_code == 302
    assert Submission.objects.count() == 1


def test_a_program_that_is_gone_is_not_re_run(scored, organiser, settings, tmp_path):
    settings.BASELINES = tmp_path / "elsewhere"
    assert why_it_cannot_be_rerun(scored) == "Its program is no longer there."


def test_only_organisers_have_the_button(scored):
    assert "Run it again" in page("organiser", scored)
    assert "Run it again" not in page("developer", scored)
    for name in ("developer", "rival"):
        assert press(name, scored).status_code == 404
    assert Submission.objects.count() == 1


def test_each_attempts_page_leads_to_the_other(scored, organiser):
    again = rerun(submission=scored, by=organiser)
    for name in ("organiser", "developer"):
        assert f'<a href="/submissions/{again.public_id}/">attempt 2 ↗</a>' in page(name, scored)
        assert f'<a href="/submissions/{scored.public_id}/">attempt 1 ↗</a>' in page(name, again)
    work()
    assert "stands in its place on the leaderboard" in page("developer", scored)


def test_the_original_stands_until_the_re_run_is_scored(phase, scored, organiser):
    def standing() -> list[str]:
        refresh(phase=phase)
        return [row.submission for row in board(organiser, phase).table.rows]

    again = rerun(submission=scored, by=organiser)
    assert standing() == [scored.public_id]
    end(again, "failed")
    assert standing() == [scored.public_id]
    third = rerun(submission=fresh(again), by=organiser)
    work()
    assert standing() == [third.public_id]


def test_a_re_run_never_overtakes_a_later_submission_of_the_same_person(
    phase, developer, scored, organiser
):
    later = a_submission(phase, user=developer)
    work()
    rerun(submission=scored, by=organiser)
    work()
    Submission.objects.update(is_baseline=False)
    refresh(phase=phase)
    (row,) = board(organiser, phase).table.rows
    assert row.submission == later.public_id
