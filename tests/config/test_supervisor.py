"""Processes are started, restarted and stopped, and none outlives its supervisor."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from config.supervisor import Role, StartRefused, Supervisor, only_one
from tests.platforms import wait_for


def alive(number: int) -> bool:
    try:
        return Path(f"/proc/{number}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def supervisor(tmp_path, *programs):
    roles = [
        Role(f"role-{number}", [sys.executable, "-c", program])
        for number, program in enumerate(programs)
    ]
    return Supervisor(roles, logs=tmp_path, environment=dict(os.environ), stop_seconds=1)


def test_one_that_ends_is_started_again_and_named(tmp_path):
    watched = supervisor(tmp_path, "import time; time.sleep(60)")
    watched.start()
    (role,) = watched.roles
    first = role.process
    first.kill()
    first.wait()
    assert watched.watch() == ["role-0 (status -9)"]
    wait_for("a new process", lambda: watched.watch() == [] and role.process is not None, 10)
    assert role.process.pid != first.pid
    watched.stop()


def test_one_that_keeps_ending_is_started_ever_more_slowly(tmp_path):
    watched = supervisor(tmp_path, "raise SystemExit(1)")
    watched.start()
    (role,) = watched.roles
    wait_for("a second failure", lambda: watched.watch() is not None and role.failures >= 2, 20)
    assert role.retry_at - time.monotonic() > 0.5
    watched.stop()


def test_one_that_ignores_the_signal_is_killed_with_its_children(tmp_path):
    note = tmp_path / "child"
    watched = supervisor(
        tmp_path,
        "import signal, subprocess, sys, time, pathlib\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        f"pathlib.Path({str(note)!r}).write_text(str(child.pid))\n"
        "time.sleep(60)\n",
    )
    watched.start()
    wait_for("the child", lambda: note.exists() and note.read_text(), 10)
    watched.stop()
    wait_for("the child's end", lambda: not alive(int(note.read_text())), 5)


def test_a_supervisor_that_is_killed_takes_its_processes_with_it(tmp_path):
    program = (
        "import os, sys, time, pathlib\n"
        "from config.supervisor import Role, Supervisor\n"
        "s = Supervisor([Role('r', [sys.executable, '-c', 'import time; time.sleep(60)'])],\n"
        f"               logs=pathlib.Path({str(tmp_path)!r}), environment=dict(os.environ))\n"
        "s.start(); print(s.roles[0].process.pid, flush=True); time.sleep(60)\n"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, env=dict(os.environ)
    )
    child = int(parent.stdout.readline())
    assert alive(child)
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    wait_for("the child's end", lambda: not alive(child), 5)


def test_a_state_folder_has_one_supervisor(tmp_path):
    (tmp_path / "run").mkdir()
    with (
        only_one(tmp_path),
        pytest.raises(StartRefused, match="running already"),
        only_one(tmp_path),
    ):
        pass
