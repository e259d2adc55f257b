"""The first command a new user types: from nothing to a leaderboard, twice, and stopped."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from tests.images import EMPTY_MASK, save_program
from tests.platforms import Platform, free_port, wait_for, words_of

pytestmark = [pytest.mark.docker, pytest.mark.broker]

ROOT = Path(__file__).resolve().parents[2]
TITLES = ("SUV ≥ 2.5", "SUV ≥ 3.0", "SUV ≥ 4.0", "41 % of SUVmax", "PERCIST-like")


class Demo(Platform):
    """Platform's questions, asked of ``./uptake demo``; it keeps to a folder of its own."""

    @property
    def environment(self) -> dict[str, str]:
        return {**super().environment, "UPTAKE_STATE": str(self.state.parent)}

    def begin(self, **variables: str) -> float:
        """Start it and wait until it says that all is done; returns the seconds that took."""
        start = time.monotonic()
        bind = f"127.0.0.1:{free_port()}"
        self.address = f"http://{bind}"
        self.output = self.state.parents[1] / f"demo-{start}.log"
        with self.output.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "uptake", "demo"],
                cwd=ROOT,
                env={**self.environment, "UPTAKE_BIND": bind, **variables},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        wait_for("the demo's last line", lambda: self.ended() or self.is_ready(), 400)
        assert not self.ended(), self.output.read_text()
        return time.monotonic() - start

    def ended(self) -> bool:
        return self.process is None or self.process.poll() is not None

    def is_ready(self) -> bool:
        return "(Ctrl-C stops everything)" in " ".join(self.output.read_text().split())

    def submissions(self) -> list[tuple]:
        return self.rows(
            "SELECT a.title, s.state, s.reason_text FROM submissions_submission s"
            " JOIN submissions_algorithmversion v ON v.id = s.version_id"
            " JOIN submissions_algorithm a ON a.id = v.algorithm_id ORDER BY 1"
        )

    def all_scored(self) -> bool:
        states = [state for _, state, _ in self.submissions()]
        assert not set(states) & {"failed", "rejected", "cancelled"}, self.submissions()
        return set(states) == {"scored"}

    def board(self) -> str:
        page = f"{self.address}/challenges/demo-wholebody-fdg/open/leaderboard/"
        return words_of(httpx.get(page).text)


@pytest.fixture
def demo(tmp_path):
    made = Demo(tmp_path / "state" / "demo")
    yield made
    if made.process is not None and made.process.poll() is None:
        made.process.send_signal(signal.SIGINT)
        made.process.wait(60)


def test_the_demo_fills_a_leaderboard_starts_again_at_once_and_leaves_nothing(demo):
    demo.begin()
    wait_for("five scored baselines", demo.all_scored, 600)
    wait_for("all five on the leaderboard", lambda: all(one in demo.board() for one in TITLES), 30)
    assert "not sandboxed" not in demo.board()
    accounts = json.loads((demo.state / "demo-accounts.json").read_text())
    output = demo.output.read_text()
    for account in accounts:
        assert account["password"] in output
    demo.stop()
    assert demo.left_overs() == []

    before = demo.rows("SELECT count(*), max(id) FROM submissions_attempt")
    seconds = demo.begin()
    assert demo.rows("SELECT count(*), max(id) FROM submissions_attempt") == before
    assert json.loads((demo.state / "demo-accounts.json").read_text()) == accounts
    print(f"a second start took {seconds:.1f} s")
    demo.stop()

    platform = Platform(demo.state.parent)
    platform.start()
    assert platform.rows("SELECT count(*) FROM accounts_user") == [(0,)]
    assert "No challenge yet" in httpx.get(platform.address).text
    platform.stop()


def test_without_an_engine_only_its_own_baselines_run_and_an_upload_waits(demo, tmp_path):
    nowhere = {"DOCKER_HOST": f"unix://{tmp_path}/nothing.sock"}
    archive = save_program(EMPTY_MASK, tmp_path / "image.tar")
    demo.begin(**nowhere)
    assert "No Docker engine" in demo.output.read_text()
    developer = demo.person("patient-developer")
    waiting = developer.upload("demo-wholebody-fdg", "Mine", archive)
    wait_for("a baseline on the board", lambda: "not sandboxed" in demo.board(), 300)
    assert developer.state_of(waiting) == "queued"
    page = developer.client.get(f"/submissions/{waiting}/").text
    assert "worker with a Docker engine" in words_of(page)
    sandboxes = demo.rows("SELECT DISTINCT sandbox FROM submissions_attempt WHERE sandbox != ''")
    assert sandboxes == [("none",)]
    demo.stop()
