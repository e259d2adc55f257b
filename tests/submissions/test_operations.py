"""What an operator sees and may do: the page, draining, and Prometheus' metrics."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families
from typer.testing import CliRunner

from accounts.services import set_operator
from config.cli import app
from submissions.models import Attempt, Host, Run, Submission, Worker
from submissions.sandbox.process import BaselineProcess
from submissions.selectors.operations import operations
from submissions.services import hosts
from submissions.services.checking import check_next
from submissions.services.running import run_next
from submissions.services.scoring import score_next
from tests.factories import a_submission, a_user
from tests.platforms import words_of

pytestmark = pytest.mark.usefixtures("db", "programs", "hints")
TOKEN = "of the metrics"


def run_without_engine(*, worker: str) -> bool:
    return run_next(worker=worker, engine=None)


STEPS = {"check": check_next, "run": run_without_engine, "score": score_next}


def words(client: Client) -> str:
    """What a person reads, cell by cell."""
    page = client.get("/operations/").content.decode()
    return " ".join(words_of(page.replace("<", " <")).split())


def ago(seconds: float):
    return timezone.now() - timedelta(seconds=seconds)


def a_host(name: str, *, seen: float = 0, **fields):
    told = {"engine": "28.2.2", "runtimes": ["runc"], "seen_at": ago(seen), **fields}
    return Host.objects.create(name=name, **told)


def a_worker(name: str, queue: str, *, processes: int = 2, seen: float = 0):
    return Worker.objects.create(
        name=name, host="here", queue=queue, processes=processes,
        started_at=ago(999), seen_at=ago(seen),
    )  # fmt: skip


@pytest.fixture
def operator():
    a_user("operator")
    set_operator(username="operator", operator=True)
    client = Client()
    client.force_login(a_user("operator"))
    return client


@pytest.fixture
def world(phase, developer):
    """Two uploads that wait, one being run, one scored, with failures; two hosts, three workers."""
    a_host("here")
    a_host("gone", seen=600, engine="")
    a_worker("sandbox@here", "sandbox")
    a_worker("more@here", "sandbox", processes=3)
    a_worker("scoring@here", "scoring", seen=90)
    waiting, _, running, refused, failed, old = (
        a_submission(phase, user=developer, title=f"Net {n}") for n in range(6)
    )
    ends = {"reason_owner": "participant", "ended_at": ago(60), "state": "rejected"}
    change(refused, reason_code="not_a_tar", reason_stage="image check", **ends)
    ends |= {"reason_owner": "platform", "state": "failed"}
    change(failed, reason_code="disk_fault", reason_stage="scoring", **ends)
    change(old, reason_code="disk_fault", reason_stage="scoring", **ends)
    change(old, ended_at=ago(25 * 3600))
    change(waiting, received_at=ago(100))
    change(running, state="running")
    held = {"leased_by": "here:7", "fence": 3}
    states = ({"state": "running", "beat_at": ago(1), **held},
              {"state": "scoring", "beat_at": ago(90), **held}, {"state": "queued"})  # fmt: skip
    for case, fields in zip(phase.dataset.cases.all(), states, strict=True):
        run = Run.objects.create(submission=running, case=case, **fields)
    for number, (code, owner) in enumerate(
        [("out_of_memory", "participant")] * 2 + [("worker_lost", "platform"), ("", "")]
    ):
        Attempt.objects.create(
            run=run, fence=number, worker="here:7", ended_at=ago(30), seconds=2.5,
            reason_code=code, reason_owner=owner,
        )  # fmt: skip
    Attempt.objects.create(run=run, fence=9, worker="here:7")


def change(submission, **fields):
    Submission.objects.filter(pk=submission.pk).update(**fields)


@pytest.mark.usefixtures("world")
def test_the_queue_says_what_waits_since_when_and_who_could_take_it():
    found = {one.name: one for one in operations().queues}
    assert [(one.waiting, one.working, one.processes) for one in found.values()] == [
        (2, 0, 0),
        (1, 1, 5),
        (0, 1, 0),  # its worker is silent
        (0, 0, 0),
    ]
    assert 99 < (timezone.now() - found["default"].oldest).total_seconds() < 130
    assert found["scoring"].oldest is None


@pytest.mark.usefixtures("world")
def test_hosts_and_workers_that_are_silent_are_told():
    found = operations()
    assert [(one.name, one.silent, one.in_hand) for one in found.hosts] == [
        ("gone", True, 0),
        ("here", False, 2),
    ]
    assert [(one.name, one.silent) for one in found.workers] == [
        ("more@here", False),
        ("sandbox@here", False),
        ("scoring@here", True),
    ]


@pytest.mark.usefixtures("world")
def test_leases_name_who_holds_what_and_who_is_silent():
    assert [(one.what, one.case, one.held_by, one.silent) for one in operations().leases] == [
        ("run", "case-1", "here:7", False),
        ("scoring", "case-2", "here:7", True),
    ]


@pytest.mark.usefixtures("world")
def test_failures_of_a_day_are_counted_the_platforms_first():
    assert [(one.code, one.owner, one.stage, one.count) for one in operations().failures] == [
        ("disk_fault", "platform", "scoring", 1),
        ("worker_lost", "platform", "run", 1),
        ("out_of_memory", "participant", "run", 2),
        ("not_a_tar", "participant", "image check", 1),
    ]


@pytest.mark.usefixtures("world")
def test_the_page_shows_all_of_it(operator):
    text = words(operator)
    for told in (
        "Image checks", "no worker", "here takes work Docker 28.2.2, without gVisor 2",
        "gone silent no Docker engine 0 10 min ago", "scoring@here scoring 2 silent",
        "run case-1 here:7 3", "Out of memory out_of_memory run participant 2",
        "Worker lost worker_lost run platform 1",
    ):  # fmt: skip
        assert told in text, told
    page = operator.get("/operations/").content.decode()
    assert "style=" not in page
    assert "<script>" not in page


def test_an_empty_page_says_what_to_do(operator):
    text = words(operator)
    assert "No host has told of itself yet" in text
    assert "./uptake up starts the workers" in text


def test_a_host_is_drained_and_takes_work_again_by_its_buttons(operator, world):
    assert operator.post("/operations/hosts/here/drain/").status_code == 302
    text = words(operator)
    assert "here finishes what it does, and takes nothing new." in text
    assert "here draining for 0 s" in text
    Run.objects.update(leased_by="")
    assert b">drained<" in operator.get("/operations/").content
    assert operator.post("/operations/hosts/here/resume/").status_code == 302
    assert Host.objects.get(name="here").draining_since is None
    assert operator.post("/operations/hosts/nowhere/drain/").status_code == 404


def test_draining_twice_keeps_when_it_began():
    host = a_host("here")
    hosts.drain(host=host)
    first = Host.objects.get().draining_since
    hosts.drain(host=host)
    assert Host.objects.get().draining_since == first


@pytest.mark.parametrize("drained", sorted(STEPS))
def test_a_drained_host_takes_no_step_that_another_does(phase, developer, drained):
    a_submission(phase, user=developer)
    hosts.drain(host=a_host("here"))
    for name, step in STEPS.items():
        if name == drained:
            assert not step(worker="here:1")
            assert step(worker="there:1")
            return
        assert step(worker="there:1")


def test_what_runs_when_its_host_is_drained_comes_to_its_end(phase, developer, monkeypatch):
    a_submission(phase, user=developer)
    host = a_host("here")
    check_next(worker="here:1")
    started = BaselineProcess.run

    def drained_meanwhile(self, *arguments):
        hosts.drain(host=host)
        return started(self, *arguments)

    monkeypatch.setattr(BaselineProcess, "run", drained_meanwhile)
    assert STEPS["run"](worker="here:1")
    assert Run.objects.get(is_canary=True).state == Run.State.COLLECTED
    assert Attempt.objects.get().reason_code == ""
    assert not STEPS["run"](worker="here:1")
    assert not score_next(worker="here:1")


def test_the_command_drains_this_host_or_another(settings):
    here = a_host(settings.HOST_ID)
    there = a_host("there")
    invoke = CliRunner().invoke
    assert "takes nothing new" in invoke(app, ["drain"]).output
    here.refresh_from_db()
    assert here.draining_since is not None
    assert "takes work again" in invoke(app, ["drain", "--undo"]).output
    here.refresh_from_db()
    assert here.draining_since is None
    assert invoke(app, ["drain", "there"]).exit_code == 0
    there.refresh_from_db()
    assert there.draining_since is not None
    unknown = invoke(app, ["drain", "nowhere"])
    assert unknown.exit_code == 1
    assert "there" in unknown.output


def scraped(client, **headers) -> dict[tuple[str, ...], float]:
    """Every sample by its name and the values of its labels, in the order of their names."""
    answer = client.get("/operations/metrics", headers=headers)
    assert answer.status_code == 200
    assert answer["Content-Type"].startswith("text/plain")
    samples = [
        sample
        for family in text_string_to_metric_families(answer.content.decode())
        for sample in family.samples
    ]
    found = {
        (one.name, *(value for _, value in sorted(one.labels.items()))): one.value
        for one in samples
    }
    assert len(found) == len(samples), "a series twice"
    return found


@pytest.mark.usefixtures("world")
def test_prometheus_reads_the_same_numbers(operator):
    found = scraped(operator)
    exact = {
        ("uptake_submissions", "received"): 2,
        ("uptake_submissions", "running"): 1,
        ("uptake_submissions", "cancelled"): 0,
        ("uptake_submissions", "failed"): 2,
        ("uptake_runs", "queued"): 1,
        ("uptake_runs", "scoring"): 1,
        ("uptake_runs", "done"): 0,
        ("uptake_queue_waiting", "default"): 2,
        ("uptake_queue_waiting", "sandbox"): 1,
        ("uptake_queue_waiting", "scoring"): 0,
        ("uptake_queue_oldest_seconds", "scoring"): 0,
        ("uptake_worker_processes", "sandbox"): 5,
        ("uptake_worker_processes", "scoring"): 0,
        ("uptake_leases",): 2,
        ("uptake_leases_silent",): 1,
        ("uptake_host_draining", "here"): 0,
        ("uptake_attempts_total",): 4,
        ("uptake_container_seconds_total",): 10,
        ("uptake_failures_total", "out_of_memory", "participant", "run"): 2,
        ("uptake_failures_total", "worker_lost", "platform", "run"): 1,
        ("uptake_failures_total", "disk_fault", "platform", "scoring"): 2,
        ("uptake_failures_total", "not_a_tar", "participant", "image check"): 1,
    }
    assert {name: found.get(name) for name in exact} == exact
    assert 99 < found["uptake_queue_oldest_seconds", "default"] < 130
    assert 599 < found["uptake_host_silence_seconds", "", "gone"] < 630
    assert 89 < found["uptake_worker_silence_seconds", "scoring", "scoring@here"] < 120


def test_one_code_of_two_stages_is_two_series(phase, developer, operator):
    """A reader refuses a series that comes twice, and with it the whole scrape."""
    submission = a_submission(phase, user=developer)
    ended = {"reason_code": "disk_fault", "reason_owner": "platform", "ended_at": ago(1)}
    change(submission, state="failed", reason_stage="scoring", **ended)
    run = Run.objects.create(submission=submission, case=phase.dataset.cases.all()[0])
    Attempt.objects.create(run=run, fence=1, worker="here:1", **ended)
    stages = [name[3] for name in scraped(operator) if name[0] == "uptake_failures_total"]
    assert sorted(stages) == ["run", "scoring"]


def test_an_empty_platform_can_be_scraped(operator):
    assert scraped(operator)["uptake_attempts_total",] == 0


def test_a_prometheus_server_needs_its_token(settings):
    settings.METRICS_TOKEN = TOKEN
    client = Client()
    assert scraped(client, authorization=f"Bearer {TOKEN}")
    for given in ("", f"Bearer {TOKEN}x", "Bearer ", TOKEN, f"Basic {TOKEN}", "Bearer ümlaut"):
        answer = client.get("/operations/metrics", headers={"authorization": given})
        assert answer.status_code == 404, given
    assert client.get("/operations/metrics").status_code == 404


def test_the_token_opens_nothing_else(settings):
    settings.METRICS_TOKEN = TOKEN
    a_host("here")
    headers = {"authorization": f"Bearer {TOKEN}"}
    assert Client().get("/operations/", headers=headers).status_code == 404
    assert Client().post("/operations/hosts/here/drain/", headers=headers).status_code == 404


def test_without_a_token_an_empty_one_opens_nothing(settings):
    settings.METRICS_TOKEN = ""
    for given in ("Bearer ", "Bearer", ""):
        headers = {"authorization": given}
        assert Client().get("/operations/metrics", headers=headers).status_code == 404
