"""A real platform for tests: its own state folder, processes, broker and containers."""

import html
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import docker
import httpx

ROOT = Path(__file__).resolve().parent.parent
PASSWORD = "a long enough secret"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def words_of(page: str) -> str:
    """What a person reads of a page of HTML."""
    return html.unescape(re.sub(r"<[^>]+>", "", page))


def wait_for(what: str, found: Callable[[], object], seconds: float) -> object:
    """The first true answer of ``found``; fails, saying what was waited for, after ``seconds``."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if answer := found():
            return answer
        time.sleep(0.2)
    raise AssertionError(f"{what} did not happen within {seconds:.0f} s")


@dataclass
class Platform:
    """Started by ``./uptake up``'s own command, and stopped by Ctrl-C's signal."""

    state: Path
    variables: dict[str, str] = field(default_factory=dict)
    process: "subprocess.Popen[bytes] | None" = None
    address: str = ""

    def start(self) -> None:
        bind = f"127.0.0.1:{free_port()}"
        self.address = f"http://{bind}"
        self.state.mkdir(parents=True, exist_ok=True)
        with (self.state / "up.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "config.cli", "up"],
                cwd=ROOT,
                env={**self.environment, "UPTAKE_BIND": bind},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        wait_for("an answer of the web server", self._answers, 60)

    def stop(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGINT)
        assert self.process.wait(60) == 0, self.log()

    def log(self) -> str:
        logs = [self.state / "up.log", *sorted((self.state / "logs").glob("*.log"))]
        return "\n".join(f"== {path.name}\n{path.read_text()[-3000:]}" for path in logs)

    @property
    def environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "UPTAKE_STATE": str(self.state),
            "UPTAKE_LEASE_SECONDS": "5",
            "UPTAKE_RECONCILE_SECONDS": "0.5",
            # Where the engine has it, most tests would only be slower.
            "UPTAKE_GVISOR": "never",
            "DJANGO_SETTINGS_MODULE": "config.settings",
            **self.variables,
        }

    def run(self, *arguments: str, check: bool = True) -> "subprocess.CompletedProcess[str]":
        """One of ./uptake's commands on this platform."""
        done = subprocess.run(
            [sys.executable, "-m", "config.cli", *arguments],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
        )
        assert not check or done.returncode == 0, done.stdout + done.stderr
        return done

    def rows(self, query: str, *values: object) -> list[tuple]:
        with closing(sqlite3.connect(self.state / "db.sqlite3", timeout=20)) as database:
            return database.execute(query, values).fetchall()

    def left_overs(self) -> list[str]:
        """Containers and volumes of this installation that the engine still has."""
        installation = (self.state / "installation_id").read_text()[:16].lower()
        installation = installation.replace("_", "x").replace("-", "x")
        client = docker.from_env(environment={**os.environ, **self.variables})
        wanted: dict[str, Any] = {"label": f"org.uptake.installation={installation}"}
        # Not the objects of these, as one may be gone before it is looked at.
        names = [one["Names"][0] for one in client.api.containers(all=True, filters=wanted)]
        names += [one["Name"] for one in client.api.volumes(filters=wanted)["Volumes"] or []]
        client.close()
        return names

    def person(self, name: str) -> "Person":
        """Signed up and in, as in a browser."""
        client = httpx.Client(base_url=self.address, timeout=300, follow_redirects=True)
        person = Person(self, name, client)
        known = self.rows("SELECT 1 FROM accounts_user WHERE username = ?", name)
        page = "/accounts/login/" if known else "/accounts/signup/"
        client.get(page).raise_for_status()
        data = {"login": name, "password": PASSWORD, "username": name, "email": ""}
        data |= {"password1": PASSWORD, "password2": PASSWORD}
        person.post(page, data)
        assert "sessionid" in client.cookies
        return person

    def processes(self, pattern: str) -> list[int]:
        """Ids of this platform's own processes whose command line matches."""
        assert self.process is not None
        found, parents = [], {self.process.pid}
        for _ in range(4):
            for folder in Path("/proc").glob("[0-9]*"):
                try:
                    parent = int((folder / "stat").read_text().rsplit(")", 1)[1].split()[1])
                    command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                except (FileNotFoundError, ProcessLookupError):
                    continue
                if parent in parents and int(folder.name) not in parents:
                    parents.add(int(folder.name))
                    if re.search(pattern, command):
                        found.append(int(folder.name))
        return found

    def _answers(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.log()
        try:
            return httpx.get(self.address, timeout=5).status_code == 200
        except httpx.HTTPError:
            return False


@dataclass
class Person:
    platform: Platform
    name: str
    client: httpx.Client

    def post(self, address: str, data: Mapping[str, object], **more: object) -> httpx.Response:
        data = {**data, "csrfmiddlewaretoken": self.client.cookies["csrftoken"]}
        answer = self.client.post(address, data=data, **more)  # type: ignore[arg-type]
        answer.raise_for_status()
        return answer

    def token(self, *scopes: str) -> str:
        """Made on its page; by default one that may read and submit."""
        wanted = {"name": "laptop", "scopes": list(scopes or ("read", "submit")), "days": "30"}
        page = self.post("/accounts/tokens/", wanted)
        return str(re.findall(r"uptake_[a-z0-9]{12}_[\w-]+", page.text)[0])

    def upload(self, challenge: str, title: str, archive: Path) -> str:
        """Submit to the open phase; returns the submission's public id."""
        with archive.open("rb") as file:
            answer = self.post(
                f"/challenges/{challenge}/open/submit/",
                {"title": title},
                files={"image": (archive.name, file, "application/x-tar")},
            )
        return answer.url.path.split("/")[2]

    def state_of(self, submission: str) -> str:
        query = "SELECT state FROM submissions_submission WHERE public_id = ?"
        return str(self.platform.rows(query, submission)[0][0])

    def wait(self, submission: str, *states: str, seconds: float = 120) -> str:
        def reached() -> str:
            state = self.state_of(submission)
            return state if state in states else ""

        return str(wait_for(f"{submission} {states}", reached, seconds))


ENDS = ("scored", "failed", "rejected", "cancelled")
