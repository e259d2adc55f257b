"""A platform with a submission in flight, and what must hold after whatever was done to it."""

import json
import time
from dataclasses import dataclass, field
from pathlib import Path

from tests.images import THRESHOLD_MASK
from tests.platforms import ENDS, Person, Platform, wait_for

CHALLENGE = "chaos"
CASES = 4
# Each case takes a second or two, and has scores of its own.
PROGRAM = "import time; time.sleep(1.5)\n" + THRESHOLD_MASK.replace("2.5", "1.05")
RECOVERIES: list[tuple[str, float, float]] = []
"""Fault, seconds from it to the next case's score, and to the end."""

Results = dict[str, object]


@dataclass
class Arena:
    """A platform, and the results of a submission that nobody disturbed."""

    platform: Platform
    archive: Path
    undisturbed: Results = field(default_factory=dict)

    def submit(self) -> "InFlight":
        developer = self.platform.person("developer")
        title = f"Entry {time.monotonic()}"
        return InFlight(self, developer, developer.upload(CHALLENGE, title, self.archive))

    def begin(self, folder: Path) -> None:
        self.platform.start()
        self.platform.run("import-challenge", str(folder))
        first = self.submit()
        assert first.developer.wait(first.submission, *ENDS, seconds=120) == "scored", self.log()
        self.undisturbed = first.results()
        assert len(self.undisturbed) == CASES

    def end(self) -> None:
        self.platform.stop()
        assert self.platform.left_overs() == []

    def log(self) -> str:
        return self.platform.log()


@dataclass
class InFlight:
    arena: Arena
    developer: Person
    submission: str
    hit_at: float = 0.0

    @property
    def platform(self) -> Platform:
        return self.arena.platform

    def until_running(self) -> "InFlight":
        """One case is scored, and a container of another runs."""
        wait_for("a first case", lambda: self.done() >= 1, 60)
        wait_for("a container", self._a_program_runs, 20)
        return self

    def hit(self) -> None:
        """The fault happens now: from here on the time to recover is counted."""
        self.hit_at = time.monotonic()
        self._done_before = self.done()

    def done(self) -> int:
        query = (
            "SELECT count(*) FROM submissions_run u JOIN submissions_submission s"
            " ON s.id = u.submission_id WHERE s.public_id = ? AND u.state = 'done'"
        )
        return int(self.platform.rows(query, self.submission)[0][0])

    def results(self) -> Results:
        """Metrics by case, as text; fails where a case has not exactly one counted result."""
        rows = self.platform.rows(
            "SELECT c.name, r.metrics, r.reason_code, p.sha256 FROM submissions_caseresult r"
            " JOIN submissions_run u ON u.id = r.run_id JOIN challenges_case c ON c.id = u.case_id"
            " JOIN submissions_submission s ON s.id = u.submission_id"
            " LEFT JOIN submissions_prediction p ON p.run_id = u.id WHERE s.public_id = ?",
            self.submission,
        )
        names = [row[0] for row in rows]
        assert len(names) == len(set(names)), f"a case was counted twice: {names}"
        return {name: (json.loads(metrics), reason, mask) for name, metrics, reason, mask in rows}

    def must_end_well(self, fault: str, seconds: float = 120) -> None:
        """Scored, each case once and as if nothing had happened; nothing is left behind."""
        next_case = self.hit_at
        if self.hit_at:
            wanted = min(self._done_before + 1, CASES)
            wait_for("the next case", lambda: self.done() >= wanted, seconds)
            next_case = time.monotonic()
        state = self.developer.wait(self.submission, *ENDS, seconds=seconds)
        ended = time.monotonic()
        assert state == "scored", self.arena.log()
        assert self.results() == self.arena.undisturbed
        wait_for("an empty engine", lambda: self.platform.left_overs() == [], 30)
        work = self.platform.state / "storage" / "untrusted" / "work"
        wait_for("an empty work folder", lambda: not any(work.iterdir()), 30)
        RECOVERIES.append((fault, next_case - self.hit_at, ended - self.hit_at))

    def _a_program_runs(self) -> bool:
        return any("algorithm" in name for name in self.platform.left_overs())
