"""The demo: a simulated challenge, its baselines as real containers, and accounts to look around.

Each step looks at what is there already, so that a second start changes nothing, and one that was
interrupted goes on where it stopped.
"""

import json
import secrets
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import docker
import httpx
from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)

from config.environment import ROOT
from config.host import HostRefused, ensure_base_image

if TYPE_CHECKING:
    from challenges.models import Phase

SLUG = "demo-wholebody-fdg"
DEFINITION = ROOT / "examples" / "challenges" / "demo" / "challenge.yaml"
ALGORITHMS = ROOT / "examples" / "algorithms"


@dataclass(frozen=True)
class Baseline:
    """A program of examples/algorithms, with its parameters as build arguments and variables."""

    title: str
    folder: str
    arguments: dict[str, str] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def tag(self) -> str:
        values = "-".join(self.arguments.values()).replace(".", "_").lower()
        return f"uptake/{self.folder.replace('_', '-')}:{values or 'default'}"


_DROP = {"PHYSIOLOGICAL": "drop"}


def _fixed(threshold: str) -> Baseline:
    return Baseline(
        f"SUV ≥ {threshold}",
        "fixed_threshold",
        {"THRESHOLD": threshold, **_DROP},
        {"SUV_THRESHOLD": threshold, **_DROP},
    )


BASELINES = (
    _fixed("2.5"),
    _fixed("3.0"),
    _fixed("4.0"),
    Baseline("41 % of SUVmax", "percent_of_max", _DROP, {"PERCENT": "41", **_DROP}),
    Baseline("PERCIST-like", "percist", _DROP, _DROP),
)


@dataclass(frozen=True)
class Account:
    role: str
    username: str
    password: str


def accounts(state: Path) -> list[Account]:
    """The demo's people, with passwords made for this demo alone, kept in its folder."""
    from django.conf import settings

    from accounts.models import User

    if not settings.DEMO:
        raise HostRefused("Demo accounts are made in a demo only.")
    path = state / "demo-accounts.json"
    if not path.exists():
        made = [
            {"role": role, "username": role, "password": secrets.token_urlsafe(9)}
            for role in ("organiser", "developer", "visitor")
        ]
        path.touch(mode=0o600)
        path.write_text(json.dumps(made, indent=1))
    people = [Account(**one) for one in json.loads(path.read_text())]
    for person in people:
        if not User.objects.filter(username=person.username).exists():
            User.objects.create_user(person.username, password=person.password)
    return people


def ensure_challenge(console: Console) -> None:
    from accounts.models import User
    from challenges.models import Challenge
    from challenges.phantoms import generate
    from challenges.services.importing import discard, import_challenge

    begun = Challenge.objects.filter(slug=SLUG).first()
    if begun is not None and begun.published_at is not None:
        return
    if begun is not None:  # stopped in the middle; its scans are simulated anew
        discard(challenge=begun)
    with tempfile.TemporaryDirectory(prefix="uptake-demo-") as name, _progress(console) as shown:
        folder = Path(name)
        simulating = shown.add_task("Simulating PET scans", total=None)
        generate(folder, progress=_to(shown, simulating))
        importing = shown.add_task("Importing the challenge", total=None)
        import_challenge(
            folder=folder,
            definition_file=DEFINITION,
            organiser=User.objects.get(username="organiser"),
            processes=2,
            progress=_to(shown, importing),
        )


def ensure_baselines(console: Console, address: str, organiser: Account, *, engine: bool) -> None:
    """Submit each baseline that has not been: as an upload, or as a plain process."""
    from challenges.models import Phase

    phase = Phase.objects.get(challenge__slug=SLUG)
    missing = _missing(phase)
    if not missing:
        return
    if engine:
        try:
            _upload(console, address, organiser, missing)
        except (HostRefused, httpx.HTTPError, docker.errors.DockerException) as refusal:
            text = escape(str(refusal))
            console.print(f"[yellow]The baselines could not be built and uploaded:[/] {text}")
        else:
            return
        missing = _missing(phase)
    console.print(
        "[yellow]Running the baselines as plain processes, marked as not sandboxed.[/] "
        "Containers that are uploaded wait for an engine."
    )
    _submit_programs(missing)


def _missing(phase: "Phase") -> list[Baseline]:
    from submissions.models import Submission

    submitted = Submission.objects.filter(phase=phase, is_baseline=True)
    done = set(submitted.values_list("version__algorithm__title", flat=True))
    return [baseline for baseline in BASELINES if baseline.title not in done]


def _upload(console: Console, address: str, organiser: Account, missing: list[Baseline]) -> None:
    client = docker.from_env(timeout=600)
    with _progress(console) as shown, tempfile.TemporaryDirectory(prefix="uptake-demo-") as name:
        task = shown.add_task("Making a base image", total=len(missing) * 2 + 1)
        base = ensure_base_image(console, client)
        shown.advance(task)
        with _Visitor(address, organiser) as visitor:
            for baseline in missing:
                shown.update(task, description=f"Building {baseline.title}")
                archive = Path(name) / "image.tar"
                _build(client, baseline, base, archive)
                shown.advance(task)
                shown.update(task, description=f"Uploading {baseline.title}")
                visitor.submit(baseline.title, archive)
                archive.unlink()
                shown.advance(task)
        shown.update(task, description="Baselines submitted")
    client.close()


def _build(client: docker.DockerClient, baseline: Baseline, base: str, archive: Path) -> None:
    try:
        image, _ = client.images.build(
            path=str(ALGORITHMS),
            dockerfile=f"{baseline.folder}/Dockerfile",
            buildargs={"BASE": base, **baseline.arguments},
            tag=baseline.tag,
            rm=True,
        )
    except (docker.errors.BuildError, docker.errors.APIError) as error:
        raise HostRefused(f"{baseline.title}: {error}") from error
    with archive.open("wb") as file:
        for chunk in image.save():
            file.write(chunk)


def _submit_programs(missing: list[Baseline]) -> None:
    from accounts.models import User
    from challenges.models import Phase
    from submissions.services.uploads import submit_program

    for baseline in missing:
        submit_program(
            phase=Phase.objects.get(challenge__slug=SLUG),
            user=User.objects.get(username="organiser"),
            title=baseline.title,
            script=f"{baseline.folder}/algorithm.py",
            environment=baseline.environment,
        )


class _Visitor:
    """Signs in and uploads over HTTP, as any user's browser does."""

    def __init__(self, address: str, account: Account) -> None:
        self._client = httpx.Client(base_url=address, timeout=600, follow_redirects=True)
        self._account = account

    def __enter__(self) -> "_Visitor":
        self._client.get("/accounts/login/").raise_for_status()
        answer = self._client.post(
            "/accounts/login/",
            data={
                "login": self._account.username,
                "password": self._account.password,
                "csrfmiddlewaretoken": self._client.cookies["csrftoken"],
            },
        )
        answer.raise_for_status()
        if "sessionid" not in self._client.cookies:
            raise HostRefused("The demo's organiser could not sign in.")
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def submit(self, title: str, archive: Path) -> None:
        from challenges.models import Phase

        phase = Phase.objects.get(challenge__slug=SLUG)
        with archive.open("rb") as file:
            answer = self._client.post(
                f"/challenges/{SLUG}/{phase.slug}/submit/",
                data={
                    "title": title,
                    "baseline": "on",
                    "csrfmiddlewaretoken": self._client.cookies["csrftoken"],
                },
                files={"image": (archive.name, file, "application/x-tar")},
            )
        answer.raise_for_status()


def _progress(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
    )


def _to(shown: Progress, task: TaskID) -> Callable[[int, int], None]:
    def update(done: int, total: int) -> None:
        shown.update(task, completed=done, total=total)

    return update
