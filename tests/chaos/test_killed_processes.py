"""Whatever is killed, stopped or frozen in mid-run, a submission still ends scored, each case once."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import redis

from tests.arena import Arena
from tests.platforms import Platform, wait_for

pytestmark = [pytest.mark.docker, pytest.mark.broker]

BROKER = "valkey-server|redis-server"


@pytest.fixture(scope="module")
def arena(tmp_path_factory, folder, archive):
    found = Arena(Platform(tmp_path_factory.mktemp("chaos") / "state"), archive)
    found.begin(folder)
    yield found
    found.end()


def send(number, processes):
    assert processes
    for process in processes:
        try:
            os.kill(process, number)
        except ProcessLookupError:
            continue  # it ended with its parent


def children(platform, pattern):
    """Of the processes that match, those whose parent matches too: a pool's children."""
    found = platform.processes(pattern)
    return [process for process in found if parent(process) in found]


def parent(process):
    return int(Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[1])


@pytest.mark.parametrize(
    ("fault", "victims"),
    [
        ("kill -9 of the sandbox worker, all of it", "celery.*--queues sandbox"),
        ("kill -9 of the scoring worker, all of it", "celery.*--queues scoring"),
        ("kill -9 of decoders and scorers", "evaluation.nurse"),
        ("kill -9 of every worker", "celery"),
        ("kill -9 of the web server", "gunicorn"),
        ("kill -9 of the reconciler", "reconciler"),
        ("kill -9 of the broker", BROKER),
        ("kill -9 of all but the supervisor", f"celery|gunicorn|reconciler|{BROKER}"),
    ],
)
def test_kill_9_loses_nothing(in_flight, fault, victims):
    processes = in_flight.platform.processes(victims)
    in_flight.hit()
    send(signal.SIGKILL, processes)
    in_flight.must_end_well(fault)


@pytest.mark.parametrize("queue", ["sandbox", "scoring"])
def test_kill_9_of_pool_children_loses_nothing(in_flight, queue):
    processes = children(in_flight.platform, f"celery.*--queues {queue}")
    in_flight.hit()
    send(signal.SIGKILL, processes)
    in_flight.must_end_well(f"kill -9 of the {queue} worker's children")


def test_kill_9_of_a_workers_main_process_loses_nothing(in_flight):
    pattern = "celery.*--queues sandbox"
    main = set(in_flight.platform.processes(pattern)) - set(children(in_flight.platform, pattern))
    in_flight.hit()
    send(signal.SIGKILL, main)
    in_flight.must_end_well("kill -9 of the sandbox worker's main process")


def test_a_broker_that_stands_still_for_45_seconds_loses_nothing(in_flight):
    processes = in_flight.platform.processes(BROKER)
    in_flight.hit()
    send(signal.SIGSTOP, processes)
    try:
        time.sleep(45)
    finally:
        send(signal.SIGCONT, processes)
    in_flight.must_end_well("broker stopped for 45 s")


def test_a_broker_that_forgets_everything_loses_nothing(in_flight):
    broker = redis.Redis(unix_socket_path=str(in_flight.platform.state / "run" / "broker.sock"))
    in_flight.hit()
    broker.flushall()
    in_flight.must_end_well("broker loses all memory")


def test_a_worker_that_freezes_past_its_lease_and_wakes_up_writes_nothing(in_flight):
    platform = in_flight.platform
    ((worker, run),) = platform.rows(
        "SELECT leased_by, public_id FROM submissions_run WHERE state = 'running' LIMIT 1"
    )
    process = int(worker.rpartition(":")[2])
    in_flight.hit()
    os.kill(process, signal.SIGSTOP)
    try:
        wait_for(
            "another attempt",
            lambda: platform.rows("SELECT 1 FROM submissions_run WHERE public_id = ? AND fence > 1 "
                                  "AND state IN ('collected', 'scoring', 'done')", run),
            60,
        )  # fmt: skip
    finally:
        os.kill(process, signal.SIGCONT)
    time.sleep(1)
    in_flight.must_end_well("a worker frozen past its lease")
    attempts = platform.rows(
        "SELECT a.reason_code FROM submissions_attempt a JOIN submissions_run r ON r.id = a.run_id"
        " WHERE r.public_id = ? ORDER BY a.fence",
        run,
    )
    assert attempts == [("worker_lost",), ("",)]


def test_every_message_three_times_runs_nothing_twice(in_flight):
    platform, stop = in_flight.platform, threading.Event()
    program = (
        "import sys, time\nfrom config import celery_app\n"
        "while True:\n"
        "    for task in ('check_next', 'run_next', 'score_next'):\n"
        "        for _ in range(3):\n"
        "            celery_app.send_task(f'submissions.{task}')\n"
        "    time.sleep(0.1)\n"
    )
    in_flight.hit()
    flood = subprocess.Popen([sys.executable, "-c", program], env=platform.environment)
    try:
        in_flight.must_end_well("every message three times, and thirty a second more")
    finally:
        stop.set()
        flood.kill()
        flood.wait()
    ((most,),) = platform.rows(
        "SELECT max(r.fence) FROM submissions_run r JOIN submissions_submission s"
        " ON s.id = r.submission_id WHERE s.public_id = ?",
        in_flight.submission,
    )
    # One claim to run and one to score; no message made a third.
    assert most == 2


def test_a_deploy_in_mid_run_loses_nothing_and_leaves_no_container(in_flight):
    """SIGTERM to everything, by the supervisor, and a start of the new version."""
    platform = in_flight.platform
    in_flight.hit()
    platform.stop()
    assert platform.left_overs() == []
    platform.start()
    in_flight.developer = platform.person("developer")
    in_flight.must_end_well("SIGTERM to everything, and a start")
    ((faults,),) = platform.rows(
        "SELECT sum(u.platform_faults) FROM submissions_run u JOIN submissions_submission s"
        " ON s.id = u.submission_id WHERE s.public_id = ?",
        in_flight.submission,
    )
    assert faults == 0, "stopping in good order is nobody's fault"
