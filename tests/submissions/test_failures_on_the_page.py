"""What a submission's page says of each case: why it failed, what to do, what it used."""

import re

import pytest
from django.test import Client
from django.utils import timezone

from challenges.models import Phase
from submissions.models import Attempt, ContainerImage, Host, Prediction, Run, Submission
from submissions.selectors import report
from submissions.selectors.cases import CaseRow
from submissions.services.checking import check_next
from submissions.services.running import run_next
from submissions.services.scoring import score_next
from tests.factories import A_CONFIG, a_submission, a_user

pytestmark = pytest.mark.usefixtures("hints", "programs")
MIB = 1024**2


@pytest.fixture
def submission(phase, developer) -> Submission:
    """Scored; the platform observed of each case what a test says."""
    made = a_submission(phase, user=developer)
    for case in phase.dataset.cases.all():
        run = Run.objects.create(submission=made, case=case, state="done")
        observed(run, 1)
    Submission.objects.filter(pk=made.pk).update(
        state="scored", started_at=timezone.now(), ended_at=timezone.now()
    )
    made.refresh_from_db()
    return made


def observed(run: Run, fence: int, **fields) -> Attempt:
    values = {"seconds": 12.345, "cpu_seconds": 20.678, "peak_memory_bytes": 1234 * MIB,
              "measured": "kernel", "log": "a line of the log", **fields}  # fmt: skip
    return Attempt.objects.create(run=run, fence=fence, worker="h:1", **values)


def change(submission: Submission, **fields) -> None:
    Attempt.objects.filter(run__submission=submission).update(**fields)


def first_row(viewer, submission: Submission) -> CaseRow:
    fresh = Submission.objects.select_related("phase__challenge", "version").get(pk=submission.pk)
    return report(viewer, fresh).rows[0]


def hide(phase: Phase) -> None:
    phase.challenge.phases.update(cases=Phase.Cases.HIDDEN)


def page_of(viewer, submission: Submission) -> str:
    client = Client()
    client.force_login(viewer)
    page = client.get(f"/submissions/{submission.public_id}/").content.decode()
    return " ".join(page.replace("\xa0", " ").split())


def fail(submission: Submission, code: str, text: str) -> None:
    run = submission.runs.all()[0]
    Run.objects.filter(pk=run.pk).update(reason_code=code, reason_text=text)


def test_wall_seconds_cpu_seconds_and_peak_memory_of_each_case(submission, developer):
    row = first_row(developer, submission)
    assert (row.seconds, row.cpu_seconds, row.memory_mib) == (12.345, 20.678, 1234.0)
    page = page_of(developer, submission)
    assert "12 s" in page
    assert "21 s" in page
    assert "1 234" in page
    assert "≥" not in page, "the kernel's own count is the true peak"


def test_what_is_not_known_is_a_dash_and_never_zero(submission, developer):
    change(submission, seconds=None, cpu_seconds=None, peak_memory_bytes=None, measured="")
    row = first_row(developer, submission)
    assert (row.seconds, row.cpu_seconds, row.memory_mib) == (None, None, None)
    assert page_of(developer, submission).count('<td class="number none">–</td>') >= 9


def test_a_sampled_peak_is_marked_as_such(submission, developer):
    change(submission, measured="sampled")
    assert first_row(developer, submission).sampled
    page = page_of(developer, submission)
    assert "≥&nbsp;1 234" in page
    assert "the true peak may be higher" in page


def test_where_nothing_could_be_sampled_nothing_is_marked(submission, developer):
    change(submission, measured="sampled", peak_memory_bytes=None)
    assert not first_row(developer, submission).sampled


def test_a_failure_says_its_stage_its_text_and_what_to_do(submission, developer):
    fail(submission, "exit_code", "The program ended with exit status 3; 0 is success.")
    reason = first_row(developer, submission).reason
    assert reason is not None
    assert (reason.title, reason.stage) == ("Ended with an error", "program")
    page = page_of(developer, submission)
    for words in ("Stage: program", "exit status 3", "Try the image on a case of your own"):
        assert words in page, words


def test_what_the_text_says_itself_is_not_said_twice(submission, developer):
    fail(submission, "time_limit", "Stopped after 30 s. Make it faster.")
    reason = first_row(developer, submission).reason
    assert reason is not None
    assert reason.to_do == ""


def test_a_warning_of_a_success_is_tagged_and_told(submission, developer):
    change(submission, warning="A part of the program was killed for memory at 777 MiB; so be it.")
    assert first_row(developer, submission).reason is None
    page = page_of(developer, submission)
    assert '<span class="tag mind">warning</span>' in page
    assert "killed for memory at" in page
    assert "777 MiB" in page


def test_every_attempt_is_told_where_there_is_more_than_one(submission, developer):
    assert first_row(developer, submission).tries == ()
    run = submission.runs.all()[0]
    change(submission, seconds=None, reason_code="worker_lost", reason_owner="platform",
           reason_text="The worker stopped answering.")  # fmt: skip
    observed(run, 2, reason_code="exit_code", reason_owner="participant", reason_text="Status 3")
    tries = first_row(developer, submission).tries
    assert [one.number for one in tries] == [1, 2]
    assert [one.reason.owner for one in tries if one.reason] == ["platform", "participant"]
    page = page_of(developer, submission)
    for words in ("Worker lost", "the platform: does not count", "the algorithm", "attempt 2"):
        assert words in page, words


def test_declared_json_outputs_are_shown_where_cases_are(submission, developer, phase):
    run = submission.runs.all()[0]
    Prediction.objects.create(
        run=run,
        attempt=run.attempts.get(),
        sha256="",
        outputs={"risk": {"score": 0.25, "note": "<b>ü</b>"}},
    )
    ((name, text),) = first_row(developer, submission).outputs
    assert (name, '"score": 0.25' in text) == ("risk", True)
    page = page_of(developer, submission)
    assert "/output/risk.json" in page
    assert "&lt;b&gt;ü&lt;/b&gt;" in page
    hide(phase)
    assert first_row(developer, submission).outputs == ()


def test_in_a_hidden_phase_times_are_whole_seconds(submission, developer, phase):
    hide(phase)
    row = first_row(developer, submission)
    assert (row.seconds, row.cpu_seconds) == (12, 21)
    change(submission, seconds=3.4, cpu_seconds=5.6)
    page = page_of(developer, submission)
    assert re.search(r">3 s<.*>6 s<", page)
    assert "3.0 s" not in page, "a digit that is not known"


@pytest.mark.parametrize("mib", [0.3, 1, 17, 300, 1234, 8192, 65536])
def test_in_a_hidden_phase_memory_is_within_10_percent(submission, developer, phase, mib):
    change(submission, peak_memory_bytes=int(mib * MIB))
    hide(phase)
    shown = first_row(developer, submission).memory_mib
    assert shown is not None
    assert max(mib, 1) / 1.1 <= shown <= max(mib, 1) * 1.1


def test_in_a_hidden_phase_memory_takes_few_values(submission, developer, phase):
    """Of the 4096 sizes between 4 and 8 GiB eight are left, so a peak tells three bits."""
    hide(phase)
    seen = set()
    for mib in range(4096, 8192, 64):
        change(submission, peak_memory_bytes=mib * MIB)
        seen.add(first_row(developer, submission).memory_mib)
    assert len(seen) <= 9


def test_in_a_hidden_phase_texts_warnings_and_logs_are_the_platforms_own(
    submission, developer, phase
):
    change(submission, warning="Killed for memory at 777 MiB", reason_text="Status 42")
    run = submission.runs.all()[0]
    observed(run, 2, reason_code="exit_code", reason_text="Status 42", warning="at 777 MiB")
    fail(submission, "exit_code", "The program ended with exit status 42.")
    hide(phase)
    page = page_of(developer, submission)
    for secret in ("at 777", "tatus 42", "a line of the log", "case-1"):
        assert secret not in page, secret
    assert "The program ended with an exit status other than 0." in page
    assert "A part of the program was killed for memory." in page


def test_an_organiser_of_a_hidden_phase_sees_everything(submission, phase):
    change(submission, warning="Killed for memory at 777 MiB")
    hide(phase)
    row = first_row(a_user("organiser"), submission)
    assert (row.seconds, row.memory_mib, row.case) == (12.345, 1234.0, "case-1")
    assert "777" in row.warning
    assert row.log == "a line of the log"


def test_a_refused_image_is_named_as_an_image(phase, developer):
    made = a_submission(phase, user=developer)
    Submission.objects.filter(pk=made.pk).update(
        state="rejected", reason_code="truncated", reason_text="It ends after 100 bytes.",
        reason_owner="participant", reason_stage="image check",
    )  # fmt: skip
    page = page_of(developer, made)
    for words in ("Incomplete file", "It ends after 100 bytes.", "image check"):
        assert words in page, words
    assert "Unreadable mask" not in page


def test_a_program_that_ran_has_its_cpu_seconds_shown(phase, developer):
    made = a_submission(phase, user=developer)
    while check_next(worker="h:1") + run_next(worker="h:1", engine=None) + score_next(worker="h:1"):
        pass
    row = first_row(developer, made)
    assert row.cpu_seconds is not None
    assert row.cpu_seconds > 0
    assert row.memory_mib is None, "of a plain process it is not known"


@pytest.fixture
def queued(submission, phase):
    """Of an uploaded image that waits to be run, in a phase that requires gVisor."""
    phase.challenge.phases.update(sandbox=Phase.Sandbox.GVISOR)
    submission.version.image = ContainerImage.objects.create(
        digest="0" * 64, file="images/x.tar", archive_bytes=1, unpacked_bytes=1, config=A_CONFIG
    )
    submission.version.save()
    Submission.objects.filter(pk=submission.pk).update(state="queued", ended_at=None)
    submission.runs.update(state="queued")
    return submission


def a_host(*runtimes: str, engine: str = "27.0") -> None:
    Host.objects.create(
        name=f"h{Host.objects.count()}", engine=engine, runtimes=runtimes, seen_at=timezone.now()
    )


def test_a_queued_one_waits_for_a_docker_engine(queued, developer):
    a_host(engine="")
    assert "Waiting for a worker with a Docker engine" in page_of(developer, queued)


def test_a_queued_one_waits_for_gvisor_where_the_phase_requires_it(queued, developer, phase):
    a_host("io.containerd.runc.v2", "runc")
    words = "Waiting for a worker with gVisor, which this phase requires."
    assert words in page_of(developer, queued)
    phase.challenge.phases.update(sandbox=Phase.Sandbox.ANY)
    assert words not in page_of(developer, queued)


def test_a_host_with_gvisor_ends_the_wait_unless_it_fell_silent(queued, developer):
    a_host("runc", "runsc")
    assert "Waiting for its turn" in page_of(developer, queued)
    Host.objects.update(seen_at="2020-01-01T00:00:00Z")
    assert "Waiting for a worker with a Docker engine" in page_of(developer, queued)
