"""Bring a platform up on this machine, and keep it up until it is told to stop."""

import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from rich.console import Console

from config.environment import Environment
from config.supervisor import StartRefused, Supervisor, only_one, roles, wait_until_answering


class Interrupted(Exception):
    """SIGINT or SIGTERM came."""


@contextmanager
def interruptible() -> Iterator[None]:
    """Both signals end the block by Interrupted; while it cleans up they are held back."""

    def interrupt(*_: object) -> None:
        for name in (signal.SIGINT, signal.SIGTERM):
            signal.signal(name, signal.SIG_IGN)
        raise Interrupted

    before = {name: signal.signal(name, interrupt) for name in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for name, handler in before.items():
            signal.signal(name, handler)


def migrate(console: Console) -> None:
    """Database, static files and signing key, as this version of the code wants them."""
    from django.conf import settings
    from django.core.management import call_command

    from leaderboards.evidence.keys import KeyRefused, signing_key

    call_command("migrate", interactive=False, verbosity=0)
    call_command("collectstatic", interactive=False, verbosity=0)
    try:
        signing_key(settings.STATE)
    except KeyRefused as error:
        raise StartRefused(str(error)) from None
    console.print("Database and static files are ready.")


@contextmanager
def running(
    console: Console, environment: Environment, broker_socket: Path
) -> Iterator[Supervisor]:
    """Every process of the platform, for as long as the block lasts; nothing is left behind."""
    _require_free(environment.bind)
    with only_one(environment.state):
        _release_this_host()
        supervisor = Supervisor(
            roles(
                bind=environment.bind,
                slots=environment.slots,
                broker_socket=None if environment.redis_url else broker_socket,
            ),
            logs=environment.state / "logs",
            environment={**os.environ, **variables(environment)},
        )
        try:
            supervisor.start()
            wait_until_answering(environment.bind, supervisor.watch)
            yield supervisor
        finally:
            console.print("Stopping …")
            supervisor.stop()
            _release_this_host()


def variables(environment: Environment) -> dict[str, str]:
    """The environment as variables, for the processes."""
    found = {
        Environment.variable(name): str(value)
        for name, value in environment.model_dump(exclude={"hosts", "demo", "https"}).items()
    }
    found["UPTAKE_HOSTS"] = ",".join(environment.hosts)
    found["UPTAKE_DEMO"] = str(int(environment.demo))
    found["UPTAKE_HTTPS"] = str(int(environment.https))
    return found


def stay(console: Console, watch: Callable[[], list[str]]) -> None:
    """Watch the processes until a signal comes."""
    while True:
        for name in watch():
            console.print(f"[yellow]Restarting[/] {name}; its log says why.")
        time.sleep(0.5)


def free_bind(bind: str, tries: int = 20) -> str:
    """``bind``, or with the next port that is free."""
    host, port = bind.rsplit(":", 1)
    for number in range(int(port), int(port) + tries):
        if _is_free(host, number):
            return f"{host}:{number}"
    raise StartRefused(f"No port from {port} to {int(port) + tries - 1} is free at {host}.")


def _require_free(bind: str) -> None:
    host, port = bind.rsplit(":", 1)
    if not _is_free(host, int(port)):
        raise StartRefused(f"{bind} is in use. Choose another: UPTAKE_BIND={host}:{int(port) + 1}")


def _is_free(host: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def _release_this_host() -> None:
    """No process of this host's platform is alive: give back its leases, remove its containers."""
    from django.conf import settings
    from django.db import connection

    from challenges.leases import give_up_leases_of
    from challenges.models import DataImport, Rehearsal
    from leaderboards.models import Drawing
    from submissions.models import CrossScoring, Rescore, Run, Submission, Worker
    from submissions.sandbox.outcome import SandboxError
    from submissions.services.clean_up import clean_up
    from submissions.tasks import connect_engine

    give_up_leases_of(
        settings.HOST_ID, Run, Submission, Rescore, CrossScoring, DataImport, Rehearsal, Drawing
    )
    Worker.objects.filter(host=settings.HOST_ID).delete()
    try:
        engine = connect_engine()
    except SandboxError:  # none to be cleaned up
        clean_up(None, everything=True)
    else:
        with closing(engine):
            clean_up(engine, everything=True)
    connection.close()
