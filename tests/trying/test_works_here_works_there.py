"""Containers, good and broken, on a server and under `uptake try`: same codes, words and scores."""

import json

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from challenges.services.importing import import_challenge
from submissions.models import Run, Submission
from submissions.services.checking import check_next
from submissions.services.running import run_next
from submissions.services.scoring import score_next
from submissions.services.uploads import submit_upload
from tests.factories import a_phase, a_user
from tests.images import THRESHOLD_MASK, save_program
from tests.scans import write_challenge

pytestmark = [pytest.mark.docker, pytest.mark.django_db]

MASK = "bytes(value >= 1.05 for value in suv)"
# Each case's background has noise of its own, so that each case's scores differ.
GOOD = (
    THRESHOLD_MASK.replace("2.5", "1.05")
    + "\nimport json; json.dump({'risk': 0.5}, open('/output/risk.json', 'w'))"
)
NAN = GOOD.replace(MASK, "array.array('f', [float('nan')] * voxels).tobytes()")
CONTAINERS = {
    "good": (GOOD, ["", "", ""]),
    "exits with 3": ("import sys; print('no model'); sys.exit(3)", "exit_code"),
    "no mask": ("import os; os.makedirs('/output/images/else')", "no_output"),
    "two masks": (GOOD + "\n(target / 'b.mha').write_bytes(b'x')", "two_outputs"),
    "wrong grid": (GOOD.replace("fields |= {", 'fields |= {"Offset": "1 2 3", '), "wrong_grid"),
    "wrong values": (GOOD.replace(MASK, "bytes(2 * (v > 1) for v in suv)"), "wrong_values"),
    "NaN for labels": (NAN.replace("MET_UCHAR", "MET_FLOAT"), "wrong_values"),
    "not an image": (GOOD + "\n(target / 'mask.mha').write_bytes(b'MZ' * 50)", "unknown_format"),
    "out of memory": ("b = []\nwhile True: b.append(bytearray(10**7))", "out_of_memory"),
    "too slow": ("import time; time.sleep(60)", "time_limit"),
    "JSON with NaN": (GOOD.replace("0.5", "float('nan')"), "bad_json"),
    "JSON of another kind": (GOOD.replace("{'risk': 0.5}", "[1]"), "wrong_json"),
    "cannot start": ("", "cannot_start"),
    "kills itself": ("import os; os.kill(os.getpid(), 9)", "killed_from_outside"),
    # Only the last case's sum is as high: 1198.6, 1197.4 and 1198.9.
    "fails on a later case": (GOOD + "\nassert sum(suv) < 1198.7", ["", "", "exit_code"]),
}  # fmt: skip
LINES = {"cannot start": ["ENV PATH=/nowhere"]}
MEASURED = ("out of memory", "too slow")
"""Whose words hold a number that differs from run to run."""


@pytest.fixture(autouse=True)
def _own_broker(monkeypatch, settings):
    monkeypatch.setattr("challenges.hints.current_app.send_task", lambda *_, **__: None)
    settings.GVISOR = "never"


LIMITS = {
    "memory_gib": 0.125, "shm_gib": 0.0625, "tmp_gib": 0.0625, "cpus": 1, "minutes_per_case": 0.05,
}  # fmt: skip


def written(home, **limits):
    outputs = [{"name": "risk", "title": "Risk", "json_schema": {"type": "object"}}]
    phase = {"slug": "open", "title": "Open phase", "cases": "public", "limits": LIMITS | limits}
    return write_challenge(home, slug="both-ways", cases=3, outputs=outputs, phases=[phase])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return written(tmp_path_factory.mktemp("cases") / "c")


def on_server(folder, archive, engine):
    """The submission, by the services that the workers call, and its runs in order."""
    challenge, _ = import_challenge(folder=folder, organiser=a_user("organiser"))
    submission = submit_upload(
        phase=a_phase(challenge),
        user=a_user("developer"),
        title="Mine",
        file=SimpleUploadedFile("image.tar", archive.read_bytes()),
    )
    assert check_next(worker="server:1")
    while run_next(worker="server:1", engine=engine) or tried_again_at_once():
        pass
    while score_next(worker="server:1"):
        pass
    ended = Submission.objects.get(pk=submission.pk)
    assert ended.has_ended, ended.state
    return ended, list(ended.runs.select_related("case").order_by("case__position"))


def tried_again_at_once():
    """After a fault that may be the platform's, which is waited for a while: how many runs."""
    waiting = Run.objects.filter(state=Run.State.QUEUED, eligible_at__gt=timezone.now())
    return waiting.update(eligible_at=timezone.now())


@pytest.mark.parametrize("name", CONTAINERS)
def test_a_containers_outcome_is_the_same_on_the_server_and_here(
    name, folder, engine, tmp_path, trial
):
    program, expected = CONTAINERS[name]
    archive = save_program(program, tmp_path / "image.tar", *LINES.get(name, []))
    submission, runs = on_server(folder, archive, engine)
    status, words, here = trial(archive, challenge=folder)

    codes = [one["code"] for one in here["cases"]]
    assert codes == [run.reason_code for run in runs], words
    assert codes == ([expected, "", ""] if isinstance(expected, str) else expected)
    metrics = [[one.metrics for one in run.results.order_by("target")] for run in runs]
    assert [one["metrics"] for one in here["cases"]] == metrics
    masks = [run.prediction.sha256 if hasattr(run, "prediction") else "" for run in runs]
    assert [one["mask_sha256"] for one in here["cases"]] == masks
    if name not in MEASURED:
        assert [one["text"] for one in here["cases"]] == [run.reason_text for run in runs]
        assert all(line.strip() in words for line in submission.reason_text.splitlines())
    assert submission.state == ("failed" if isinstance(expected, str) else "scored")
    assert ("nothing is scored" in words) == (submission.state == "failed")
    assert status == (0 if name == "good" else 1)


def test_the_good_one_has_scores_of_its_own_for_each_case(folder, tmp_path, trial):
    archive = save_program(GOOD, tmp_path / "image.tar")
    _, words, results = trial(archive, challenge=folder)
    assert len({json.dumps(one["metrics"]) for one in results["cases"]}) == 3
    for name in ("Dice", "HD95", "MTV error", "Mean ± SD", "case-3"):
        assert name in words


@pytest.mark.parametrize(
    ("limits", "program", "expected"),
    [
        # The second case's sum is 1197.4, and the only one below 1198.
        ({"failed_in_a_row": 1}, GOOD + "\nassert sum(suv) > 1198", ["", "exit_code", "not_run"]),
        (
            {"hours_in_all": 0.0001},
            "import time; time.sleep(1.2)\n" + GOOD,
            ["", "not_run", "not_run"],
        ),
    ],
)
def test_the_limits_of_a_whole_submission_hold_here_too(
    tmp_path, engine, trial, limits, program, expected
):
    folder = written(tmp_path / "c", **limits)
    archive = save_program(program, tmp_path / "image.tar")
    submission, runs = on_server(folder, archive, engine)
    status, words, here = trial(archive, challenge=folder)
    assert [run.reason_code for run in runs] == expected
    assert [one["code"] for one in here["cases"]] == expected, words
    metrics = [[one.metrics for one in run.results.order_by("target")] for run in runs]
    assert [one["metrics"] for one in here["cases"]] == metrics
    assert (submission.state, status) == ("scored", 1)
