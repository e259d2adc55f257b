"""The commands of ./uptake."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from config.developing import new_algorithm, try_image
from config.environment import ROOT, Environment, SettingsRefused, environment, load_django
from config.failing import fail
from config.hosting import backup, restore
from config.organising import export_challenge, split, validate
from config.ranking import rank
from config.submitting import cancel, results, status, submit
from config.verifying import verify
from evaluation.cli import check, metrics, score

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
    add_completion=False,
    help="Uptake: a platform for PET segmentation challenges.",
)
for command in (score, check, metrics, rank, verify, validate, export_challenge, split):
    app.command()(command)
app.command("try")(try_image)
for of_developers in (new_algorithm, submit, status, cancel, results):
    app.command()(of_developers)
for of_operators in (backup, restore):
    app.command()(of_operators)
console = Console(highlight=False)
_SERIAL = "docker or broker or browser"


def _django(chosen: Environment | None = None) -> Environment:
    """Load Django, for ``chosen`` (else the environment's) settings."""
    if chosen is not None:
        from config.platform import variables

        os.environ.update(variables(chosen))
        environment.cache_clear()
    return load_django()


@app.command()
def up() -> None:
    """Serve a platform on this machine, empty at first, until Ctrl-C."""
    from config.host import engine
    from config.platform import Interrupted, interruptible, migrate, running, stay
    from config.supervisor import StartRefused

    settings = _django()
    try:
        with interruptible(), engine(console, settings.state):
            from django.conf import settings as django_settings

            migrate(console)
            with running(console, settings, django_settings.BROKER_SOCKET) as supervisor:
                console.print(f"\n[bold]http://{settings.bind}/[/]   (Ctrl-C stops it)\n")
                console.print("The first challenge: ./uptake import-challenge FOLDER")
                stay(console, supervisor.watch)
    except Interrupted:
        console.print("Stopped.")
    except StartRefused as refusal:
        raise fail(refusal) from None


@app.command()
def demo() -> None:
    """A simulated challenge with real containers on a live leaderboard, until Ctrl-C."""
    from config import demo as parts
    from config.host import engine
    from config.platform import Interrupted, free_bind, interruptible, migrate, running, stay
    from config.supervisor import StartRefused

    given = environment()
    # A folder of its own in either case: the demo's accounts must never reach a platform.
    state = given.state / "demo" if "UPTAKE_STATE" in os.environ else ROOT / ".uptake" / "demo"
    try:
        chosen = given.model_copy(
            update={"state": state, "demo": True, "bind": free_bind(given.bind)}
        )
        settings = _django(chosen)
        with interruptible(), engine(console, settings.state) as found:
            from django.conf import settings as django_settings

            console.print(f"Docker engine: {found or 'none'}")
            migrate(console)
            people = parts.accounts(settings.state)
            with running(console, settings, django_settings.BROKER_SOCKET) as supervisor:
                address = f"http://{settings.bind}"
                parts.ensure_challenge(console)
                board = f"{address}/challenges/{parts.SLUG}/open/leaderboard/"
                console.print(f"\nThe leaderboard, which fills by itself: [bold]{board}[/]\n")
                parts.ensure_baselines(console, address, people[0], engine=found is not None)
                console.print("Demo accounts (this demo's alone):")
                for person in people:
                    console.print(f"  {person.role:10} {person.username} / {person.password}")
                console.print(f"\n[bold]{board}[/]   (Ctrl-C stops everything)")
                stay(console, supervisor.watch)
    except Interrupted:
        console.print("Stopped.")
    except StartRefused as refusal:
        raise fail(refusal) from None


def _what_was_kept(refusal: Exception) -> str:
    from challenges.services.publishing import NotReady

    if isinstance(refusal, NotReady):
        return "The cases are kept in a draft, which is not published yet"
    return "Nothing was imported"


def _what_to_do(refusal: Exception) -> str:
    from challenges.services.publishing import NotReady

    if isinstance(refusal, NotReady):
        return (
            "Decide in the browser (--organiser names who), or accept findings with --accept "
            "REASON, and write what is missing into challenge.yaml; then give the command again."
        )
    return "Mend it, and give the command again."


@app.command()
def doctor() -> None:
    """Tell what is there and what is missing on this machine, each with its remedy."""
    from config.doctor import GVisor, examine
    from config.finding import Verdict

    settings = environment()
    gvisor = GVisor(settings.gvisor == "auto", _phases_that_require_gvisor(settings))
    table = Table(box=None, pad_edge=False)
    for title in ("", "", "found", "remedy"):
        table.add_column(title, overflow="fold")
    colours = {Verdict.GOOD: "green", Verdict.NOTE: "yellow", Verdict.MISSING: "red"}
    missing = 0
    for finding in examine(
        settings.state, settings.redis_url, gvisor, settings.mail_url, settings.database_url
    ):
        colour = colours[finding.verdict]
        table.add_row(
            finding.what,
            f"[{colour}]{finding.verdict.value}[/]",
            escape(finding.found),
            escape(finding.remedy),
        )
        missing += finding.verdict is Verdict.MISSING
    console.print(table)
    raise typer.Exit(1 if missing else 0)


def _phases_that_require_gvisor(settings: Environment) -> int:
    """0 where there is no platform yet."""
    if not settings.database_url and not (settings.state / "db.sqlite3").is_file():
        return 0
    _django()
    from django.db import DatabaseError

    from challenges.models import Phase

    try:
        return Phase.objects.filter(sandbox=Phase.Sandbox.GVISOR).count()
    except DatabaseError:  # of an earlier version, until the next start
        return 0


@app.command()
def operator(
    username: Annotated[str, typer.Argument(help="Someone who has signed up.")],
    remove: Annotated[bool, typer.Option(help="No longer an operator.")] = False,
) -> None:
    """Let a person see the page of operations, and drain hosts."""
    _django()
    from accounts.services import set_operator

    if not set_operator(username=username, operator=not remove):
        raise fail(f"There is no user “{username}”. Sign up in the browser first.")
    console.print(f"{escape(username)} is {'no longer ' if remove else ''}an operator.")


@app.command()
def drain(
    host: Annotated[
        str, typer.Argument(help="As the page of operations names it; by default this one.")
    ] = "",
    undo: Annotated[bool, typer.Option(help="Take work again.")] = False,
) -> None:
    """Let a host's workers finish what they do, and take nothing new."""
    _django()
    from django.conf import settings

    from submissions.models import Host
    from submissions.services import hosts

    found = Host.objects.filter(name=host or settings.HOST_ID).first()
    if found is None:
        known = ", ".join(Host.objects.values_list("name", flat=True)) or "none"
        raise fail(f"There is no host “{host or settings.HOST_ID}”; known: {known}.")
    (hosts.resume if undo else hosts.drain)(host=found)
    console.print(
        f"{found.name} takes work again."
        if undo
        else f"{found.name} finishes what it does, and takes nothing new."
    )


@app.command()
def attack(
    only: Annotated[str, typer.Option(help="Attacks whose name holds this text.")] = "",
) -> None:
    """Attack this installation's sandbox, and tell what stopped each attack."""
    import docker.errors

    from config.attack import attacks
    from config.host import HostRefused
    from submissions.sandbox.outcome import SandboxError

    _django()
    from django.conf import settings

    table = Table(box=None, pad_edge=False)
    for title in ("", "attack", "what was tried", "in", "what stopped it"):
        table.add_column(title, overflow="fold")
    breached = tried = 0
    try:
        with console.status("Making images to attack with …") as status:
            for one in attacks(console, f"{settings.INSTALLATION_ID}attack", only):
                verdict = one.verdict
                status.update(f"{verdict.name}, {one.runtime or 'image check'}")
                tried += 1
                breached += not verdict.held
                table.add_row(
                    "[green]held[/]" if verdict.held else "[red]BREACH[/]",
                    escape(verdict.name),
                    escape(verdict.tried),
                    one.runtime,
                    escape(verdict.stopped_by[:160]),
                )
    except (HostRefused, SandboxError, docker.errors.DockerException) as refusal:
        raise fail(f"The attacks could not be tried: {refusal}") from None
    console.print(table)
    if not tried:
        raise fail(f"No attack has “{only}” in its name.")
    console.print(f"{tried} attacks, {tried - breached} held, {breached} breached.")
    raise typer.Exit(1 if breached else 0)


@app.command("import-challenge")
def import_challenge(
    folder: Annotated[Path, typer.Argument(help="Holds cases.csv and a folder for each case.")],
    definition: Annotated[
        Path | None, typer.Option(help="challenge.yaml, where it is not in the folder.")
    ] = None,
    organiser: Annotated[
        str, typer.Option(help="Username of the person who becomes its organiser.")
    ] = "",
    draft: Annotated[bool, typer.Option(help="Publish nothing yet.")] = False,
    accept: Annotated[
        str, typer.Option(help="Accept what was found in the data, with this reason.")
    ] = "",
) -> None:
    """Make a challenge from a folder of scans, and publish it; begun again, it goes on."""
    from rich.progress import Progress

    settings = _django()
    from accounts.models import User
    from challenges.ingest import FolderRefused
    from challenges.services.importing import import_challenge as import_folder
    from config.platform import migrate

    migrate(console)
    person = User.objects.filter(username=organiser).first() if organiser else None
    if organiser and person is None:
        raise fail(f"There is no user “{organiser}”. Sign up in the browser first.")
    with Progress(console=console, transient=True) as shown:
        task = shown.add_task("Checking and storing cases", total=None)
        try:
            challenge, notices = import_folder(
                folder=folder,
                definition_file=definition,
                organiser=person,
                processes=min(4, os.cpu_count() or 1),
                draft=draft,
                accept=accept,
                progress=lambda done, total: shown.update(task, completed=done, total=total),
            )
        except FolderRefused as refusal:
            shown.stop()
            console.print(f"[red]{_what_was_kept(refusal)}: {len(refusal.problems)} problem(s).[/]")
            for problem in refusal.problems:
                console.print(f"  {problem}", markup=False)
            console.print(_what_to_do(refusal), markup=False)
            raise typer.Exit(1) from None
    for notice in notices:
        console.print(f"  note: {notice}", markup=False)
    cases = challenge.dataset.cases.count()
    place = "organise" if draft else "challenges"
    console.print(
        f"“{challenge.title}”: {cases} cases. http://{settings.bind}/{place}/{challenge.slug}/"
    )


@app.command(
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
)
def test(context: typer.Context) -> None:
    """Install what the tests need, and run the whole suite (further arguments go to pytest)."""
    from config.host import (
        HostRefused,
        browser,
        build_base_image,
        engine,
        engine_answers,
        programs_for_tests,
    )
    from config.postgresql.server import temporary_server

    state = ROOT / ".uptake" / "test"
    (state / "logs").mkdir(parents=True, exist_ok=True)
    try:
        programs_for_tests(console)  # before the engine, which is started with gVisor
        chromium = browser(console)
    except HostRefused as refusal:
        raise fail(refusal) from None
    with engine(console, state) as found:
        if found is None:
            raise fail("The suite needs a Docker engine.")
        try:
            import docker

            from config.host import BASE_IMAGE

            client = docker.from_env()
            if not client.images.list(name=BASE_IMAGE):
                console.print("Making a base image from Debian's packages …")
                build_base_image(console)
            client.close()
        except HostRefused as refusal:
            raise fail(refusal) from None
        console.print(f"Docker engine {engine_answers()}, {chromium}")
        variables = {**os.environ, "UPTAKE_CHROMIUM": chromium}

        def run(arguments: list[str], **more: str) -> None:
            command = [sys.executable, "-m", "pytest", *arguments]
            done = subprocess.run(command, cwd=ROOT, env=variables | more, check=False)
            if done.returncode:
                raise typer.Exit(done.returncode)

        if context.args:
            run(context.args)
            return
        # The quick part first; then what starts platforms and containers, file by file.
        quick = ["-n", "auto", "-m", f"not ({_SERIAL})"]
        run(quick)
        try:
            with temporary_server(console) as url:
                run(quick, UPTAKE_TEST_DATABASE=url)
        except HostRefused as refusal:
            raise fail(refusal) from None
        run(["-n", "2", "--dist", "loadfile", "-m", _SERIAL])


def main() -> None:
    try:
        app()
    except SettingsRefused as refusal:
        raise SystemExit(str(refusal)) from None


if __name__ == "__main__":
    main()
