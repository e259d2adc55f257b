"""Commands of those who submit: from their own machine to a platform, with a token."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.table import Table

from config.remote import Place, Remote, RemoteRefused, place_of

console = Console(highlight=False)
FAILED, REFUSED = 1, 2
_POLL_SECONDS = 2.0
_SILENT_SECONDS = 600
_ENDED_WELL = "scored"

_Token = Annotated[
    str,
    typer.Option(
        envvar="UPTAKE_TOKEN",
        help="Made at /accounts/tokens/ of the platform; better in UPTAKE_TOKEN.",
    ),
]
_Submission = Annotated[str, typer.Argument(help="The address of the submission's page.")]


def submit(
    image: Annotated[
        str,
        typer.Argument(
            help="An image of this machine's Docker, a tarball of one, or a zip of masks."
        ),
    ],
    challenge: Annotated[str, typer.Option(help="The address of the challenge's page.")],
    phase: Annotated[str, typer.Option(help="As its address names it.")],
    title: Annotated[
        str, typer.Option(help="Its name on the leaderboard; by default the image's name.")
    ] = "",
    writable: Annotated[
        list[str] | None,
        typer.Option(help="A folder of the image that its program writes to; repeatable."),
    ] = None,
    card: Annotated[
        Path | None, typer.Option(help="card.yaml: what the algorithm is, for its readers.")
    ] = None,
    baseline: Annotated[bool, typer.Option(help="As a baseline; for organisers.")] = False,
    wait: Annotated[bool, typer.Option(help="Follow it to its end.")] = False,
    token: _Token = "",
) -> None:
    """Save an image, upload it and submit it; begun again, an upload goes on where it broke off.

    With --wait the exit status is 0 where it is scored, else 1. What could not be submitted ends
    with 2.
    """
    with _refusals():
        place = place_of(challenge, "challenges")
        name = title or _name_of(image)
        told = _card(card)
        with Remote(place.base, _required(token)) as remote:
            made = _submitted(remote, place, image, phase, name, writable or [], baseline, told)
            console.print(f"Submitted “{escape(name)}”: [bold]{_shown(made['url'])}[/]")
            if lacking := ", ".join(map(str, made["card_lacks"])):
                console.print(
                    f"It stands on the leaderboard once its card tells: {_shown(lacking)}."
                )
            if wait:
                raise typer.Exit(_followed(remote, made["id"]))


def status(
    submission: Annotated[
        str, typer.Argument(help="The address of a submission's page, or of a challenge's.")
    ],
    wait: Annotated[bool, typer.Option(help="Follow it to its end.")] = False,
    token: _Token = "",
) -> None:
    """Where a submission stands, or each of yours to a challenge."""
    with _refusals():
        if "/challenges/" in submission:
            place = place_of(submission, "challenges")
            with Remote(place.base, _required(token)) as remote:
                _show_list(remote.get_list("/submissions", challenge=place.name))
            return
        place = place_of(submission, "submissions")
        with Remote(place.base, _required(token)) as remote:
            if wait:
                raise typer.Exit(_followed(remote, place.name))
            found = remote.get(f"/submissions/{place.name}")
            console.print(_shown(_line(found)))
            _show_reason(found)


def cancel(submission: _Submission, token: _Token = "") -> None:
    """Stop a submission; a running container is stopped within seconds."""
    with _refusals():
        place = place_of(submission, "submissions")
        with Remote(place.base, _required(token)) as remote:
            found = remote.post(f"/submissions/{place.name}/cancel")
        console.print(_shown(_line(found)))


def results(
    submission: _Submission,
    csv: Annotated[Path | None, typer.Option(help="A file for the table.")] = None,
    token: _Token = "",
) -> None:
    """The scores of each case, where you may see them; with times and memory."""
    with _refusals():
        place = place_of(submission, "submissions")
        with Remote(place.base, _required(token)) as remote:
            if csv is not None:
                csv.write_text(remote.text(f"/submissions/{place.name}/results.csv"))
                console.print(f"Written to {escape(str(csv))}.")
                return
            _show_results(remote.get(f"/submissions/{place.name}/results"))


def _shown(text: object) -> str:
    """What a platform wrote, as text alone: neither markup, nor what a terminal would obey."""
    signs = (sign if sign.isprintable() or sign == "\n" else "�" for sign in str(text))
    return escape("".join(signs))


def _required(token: str) -> str:
    if not token:
        raise RemoteRefused(
            "A token is needed: make one at /accounts/tokens/ of the platform, then "
            "export UPTAKE_TOKEN=uptake_…"
        )
    return token


def _name_of(image: str) -> str:
    """Without folder, ending, registry and tag."""
    name = image.rstrip("/").rsplit("/", 1)[-1]
    if Path(image).is_file():
        return name.split(".")[0]
    return name.split(":")[0]


def _submitted(
    remote: Remote,
    place: Place,
    image: str,
    phase: str,
    title: str,
    writable: list[str],
    baseline: bool,
    card: dict[str, Any] | None,
) -> Any:  # noqa: ANN401
    remote.get(f"/challenges/{place.name}")  # before anything is saved: the address, the token
    allowance = remote.get(f"/challenges/{place.name}/phases/{phase}/allowance")
    if allowance["next_at"] and not baseline:
        raise RemoteRefused(f"Your quota is used up until {allowance['next_at']}.")
    with _prepared(image) as (file, kind), _progress() as shown:
        task = shown.add_task("Uploading", total=file.stat().st_size)
        upload = remote.upload(
            file,
            challenge=place.name,
            phase=phase,
            kind=kind,
            name=_name_of(image) + "".join(file.suffixes),
            baseline=baseline,
            progress=lambda done, total: shown.update(task, completed=done, total=total),
        )
    return remote.post(
        "/submissions",
        {
            "upload": upload,
            "title": title,
            "writable": writable,
            "baseline": baseline,
            "card": card,
        },
    )


def _card(file: Path | None) -> dict[str, Any] | None:
    """Judged before anything is sent: every problem at once, each with its line."""
    if file is None:
        return None
    from challenges.definition import AlgorithmCard
    from evaluation.documents import DocumentRefused, read_document

    try:
        return read_document(file, AlgorithmCard).model_dump(mode="json")
    except DocumentRefused as refusal:
        raise RemoteRefused("\n".join(str(problem) for problem in refusal.problems)) from None


@contextmanager
def _prepared(image: str) -> Iterator[tuple[Path, str]]:
    """The file to send, and its kind. An image is judged as the platform will judge it, and packed
    so that the same image is always the same file: so that a broken upload is found again."""
    if Path(image).is_file() and image.endswith(".zip"):
        yield Path(image), "predictions"
        return
    from submissions.judging.images import ImageRefused, inspect_image
    from submissions.sandbox.outcome import SandboxError
    from submissions.trying.image import image_from
    from submissions.trying.place import own_engine, own_folder
    from submissions.trying.refused import TrialRefused
    from submissions.trying.stopping import interruptible

    with interruptible() as interruption, own_folder(interruption) as folder:
        archive = folder / "image.tar"
        try:
            with console.status("Saving …") as shown:

                def tell(what: str, done: int) -> None:
                    shown.update(f"{what.capitalize()}: {done / 1e6:.0f} MB")

                if Path(image).is_file():
                    inspect_image(
                        Path(image), archive, work=folder, progress=lambda n: tell("checking", n)
                    )
                else:
                    with own_engine(folder, interruption) as engine:
                        archive = image_from(image, engine, folder, tell).archive
                packed = folder / "image.tar.zst"
                _pack(archive, packed, lambda done: tell("packing", done))
            archive.unlink()
        except (ImageRefused, SandboxError) as refusal:
            raise RemoteRefused(f"{image} cannot be submitted. {refusal}") from None
        except TrialRefused as refusal:
            raise RemoteRefused(str(refusal)) from None
        yield packed, "container"


def _pack(source: Path, target: Path, progress: Callable[[int], None]) -> None:
    import zstandard

    # Any number of threads gives the same bytes.
    compressor = zstandard.ZstdCompressor(level=3, threads=-1)
    done = 0
    with source.open("rb") as file, target.open("wb") as out, compressor.stream_writer(out) as to:
        while piece := file.read(4 * 1024**2):
            to.write(piece)
            done += len(piece)
            progress(done)


def _followed(remote: Remote, submission: str) -> int:
    """Print what changes, until its end; the exit status. The platform may be away meanwhile."""
    last, silent_since = "", 0.0
    with console.status("") as shown:
        while True:
            try:
                found = remote.get(f"/submissions/{submission}")
                silent_since = 0.0
            except RemoteRefused:
                silent_since = silent_since or time.monotonic()
                if time.monotonic() - silent_since > _SILENT_SECONDS:
                    raise
                time.sleep(_POLL_SECONDS)
                continue
            if found["state"] != last:
                last = found["state"]
                console.print(_shown(f"{time.strftime('%H:%M:%S')}  {_line(found)}"))
            shown.update(_shown(_line(found)))
            if found["has_ended"]:
                break
            time.sleep(_POLL_SECONDS)
    _show_reason(found)
    if found["state"] == _ENDED_WELL and found["scores_visible"]:
        _show_results(remote.get(f"/submissions/{submission}/results"))
    return 0 if found["state"] == _ENDED_WELL else FAILED


def _line(found: Any) -> str:  # noqa: ANN401
    """One line that tells where it stands."""
    parts = [f"{found['algorithm']} v{found['version']}: {found['state']}"]
    if found.get("cases_total"):
        parts.append(f"{found['cases_run']} of {found['cases_total']} cases run")
        parts.append(f"{found['cases_scored']} scored")
        if found["cases_failed"]:
            parts.append(f"{found['cases_failed']} failed")
    if not found["has_ended"] and found.get("ahead"):
        parts.append(f"{found['ahead']} before it")
    if left := found.get("estimate"):
        low, high = (max(1, round(left[f"{end}_seconds"] / 60)) for end in ("low", "high"))
        parts.append(f"{low} to {high} min left" if low < high else f"about {high} min left")
    return ", ".join(parts)


def _show_reason(found: Any) -> None:  # noqa: ANN401
    if reason := found.get("reason"):
        where = _shown(f"({reason['code']}, {reason['stage']})")
        console.print(f"[red]{_shown(reason['title'])}[/] {where}")
        console.print(_shown(reason["text"]))
        if reason["to_do"]:
            console.print(_shown(reason["to_do"]))


def _show_list(found: list[Any]) -> None:
    if not found:
        console.print("You have submitted nothing here yet.")
        return
    table = Table(box=None, pad_edge=False)
    for title in ("algorithm", "phase", "state", "received", "page"):
        table.add_column(title, overflow="fold")
    for one in found:
        table.add_row(
            _shown(f"{one['algorithm']} v{one['version']}"),
            _shown(one["phase"]),
            _shown(one["state"]),
            _shown(one["received_at"])[:16].replace("T", " "),
            _shown(one["url"]),
        )
    console.print(table)


def _show_results(found: Any) -> None:  # noqa: ANN401
    keys = list(found["means"])
    table = Table(box=None, pad_edge=False)
    for title in ("case", "state", *map(_shown, keys), "time, s", "memory, MiB"):
        table.add_column(title, overflow="fold")
    for case in found["cases"]:
        state = case["reason"]["code"] if case["reason"] else case["state"]
        figures = [case["values"].get(key) for key in keys]
        table.add_row(
            _shown(case["name"]),
            _shown(state),
            *(_figure(value) for value in figures),
            _figure(case["seconds"], 1),
            _figure(case["memory_mib"], 0),
        )
    if keys:
        table.add_row("mean", "", *(_figure(found["means"][key]) for key in keys), "", "")
    console.print(table)


def _figure(value: float | None, decimals: int = 3) -> str:
    return "–" if value is None else f"{value:.{decimals}f}"


def _progress() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        console=console,
    )


@contextmanager
def _refusals() -> Iterator[None]:
    """A refusal is a sentence on the error stream, and the exit status 2."""
    try:
        yield
    except RemoteRefused as refusal:
        Console(stderr=True, highlight=False).print(f"[red]{_shown(refusal)}[/]")
        raise typer.Exit(REFUSED) from None
