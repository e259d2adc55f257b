"""What the platform needs of its host: a Docker engine, a browser for tests, a base for images.

Steps that need privileges are listed before they run; the configuration of an engine that is there
is never edited.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import docker
import docker.errors
from requests.exceptions import RequestException
from rich.console import Console
from rich.markup import escape

from config.environment import ROOT

SOCKET = Path("/var/run/docker.sock")
BASE_IMAGE = "uptake/base:local"
REGISTRY_BASE = "python:3.12-slim"
_START_SECONDS = 60
_DAEMON_CONFIGURATION = Path("/etc/docker/daemon.json")
_SYSTRAP_SINCE = 2023_06_01


class HostRefused(Exception):
    """Something is missing, and was not or could not be installed; the text is the remedy."""


def engine_answers() -> str | None:
    """The engine's version, or None where none answers."""
    try:
        client = docker.from_env(timeout=10)
        try:
            return str(client.version()["Version"])
        finally:
            client.close()
    except (docker.errors.DockerException, RequestException):
        return None


@contextmanager
def engine(console: Console, state: Path) -> Iterator[str | None]:
    """An engine for as long as the block lasts: the one that answers, else one started here.

    Yields None where none can be had, after saying why. One that was started here is stopped at
    the end; one that was there is left alone.
    """
    if engine_answers():
        yield engine_answers()
        return
    try:
        started = _start_engine(console, state)
    except HostRefused as refusal:
        console.print(f"[yellow]No Docker engine:[/] {escape(str(refusal))}")
        yield None
        return
    try:
        yield engine_answers()
    finally:
        if started is not None:
            console.print("Stopping the Docker engine that was started here …")
            _stop_engine(started)


def _start_engine(console: Console, state: Path) -> "subprocess.Popen[bytes] | None":
    """Start dockerd, installing it where it is missing; None where the system's own was started."""
    if os.environ.get("DOCKER_HOST"):
        raise HostRefused(f"DOCKER_HOST={os.environ['DOCKER_HOST']} does not answer.")
    if SOCKET.exists() and not os.access(SOCKET, os.R_OK | os.W_OK):
        raise HostRefused(
            f"{SOCKET} may not be used by you. Add yourself to its group "
            "(sudo usermod -aG docker $USER), sign in again, and start again."
        )
    if not _dockerd():
        install(console, ["docker.io"], "a Docker engine, which runs the algorithms' containers")
        if _wait_for_engine(3):
            return None  # the package's own service started it
    if Path("/run/systemd/system").is_dir():
        privileged(console, [["systemctl", "start", "docker"]], "start the Docker engine")
        if _wait_for_engine(_START_SECONDS):
            return None
        raise HostRefused("systemctl start docker did not bring it up: journalctl -u docker")
    command = [_dockerd() or "dockerd", "--group", str(os.getgid()), *_configuration(state)]
    _ask(console, [command], "start the Docker engine, for as long as this program runs")
    log_path = state / "logs" / "dockerd.log"
    with log_path.open("ab") as log:
        process = subprocess.Popen(
            [*_sudo(), *command],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        if not _wait_for_engine(_START_SECONDS, process):
            raise HostRefused(f"dockerd did not come up; its log is {log_path}")
    except BaseException:
        _stop_engine(process)
        raise
    return process


def _configuration(state: Path) -> list[str]:
    """With gVisor as a runtime, where it is installed and nobody has configured the engine."""
    program = shutil.which("runsc")
    if program is None or _DAEMON_CONFIGURATION.exists():
        return []
    told = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
    dates = [int(date) for date in re.findall(r"20\d{6}", told.stdout)]
    # Before systrap was the default, it was ptrace that runs everywhere.
    platform = [] if dates and dates[0] >= _SYSTRAP_SINCE else ["--platform=ptrace"]
    file = state / "run" / "dockerd.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    runtime = {"path": program, "runtimeArgs": [*platform, "--network=none"]}
    file.write_text(json.dumps({"runtimes": {"runsc": runtime}}, indent=1))
    return ["--config-file", str(file)]


def _dockerd() -> str | None:
    return shutil.which("dockerd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")


def _wait_for_engine(seconds: float, process: "subprocess.Popen[bytes] | None" = None) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if engine_answers():
            return True
        if process is not None and process.poll() is not None:
            return False
        time.sleep(0.2)
    return False


def _stop_engine(process: "subprocess.Popen[bytes]") -> None:
    if _sudo():
        subprocess.run([*_sudo(), "kill", str(process.pid)], check=False)
    else:
        process.terminate()
    try:
        process.wait(timeout=30)
    except subprocess.TimeoutExpired:
        subprocess.run([*_sudo(), "kill", "-9", str(process.pid)], check=False)
        process.wait()


def install(console: Console, packages: list[str], what: str) -> None:
    """Debian packages by apt-get; HostRefused with the remedy where that is not possible."""
    if shutil.which("apt-get") is None:
        raise HostRefused(f"{what} is missing; install it by your system's means.")
    environment = ["env", "DEBIAN_FRONTEND=noninteractive"]
    privileged(
        console,
        [
            [*environment, "apt-get", "update", "-qq"],
            [*environment, "apt-get", "install", "-y", "-qq", "--no-install-recommends", *packages],
        ],
        f"install {what}",
    )


def privileged(console: Console, commands: list[list[str]], what: str) -> None:
    """List the commands, ask where there is a terminal, and run them (with sudo where not root)."""
    _ask(console, commands, what)
    for command in commands:
        done = subprocess.run([*_sudo(), *command], capture_output=True, text=True, check=False)
        if done.returncode:
            raise HostRefused(f"{' '.join(command)} failed: {done.stderr.strip()[-800:]}")


def _ask(console: Console, commands: list[list[str]], what: str) -> None:
    console.print(f"[bold]With privileges, to {what}:[/]")
    for command in commands:
        console.print("  " + " ".join([*_sudo(), *command]), highlight=False)
    if sys.stdin.isatty() and console.input("Go ahead? [Y/n] ").strip().lower() not in (
        "",
        "y",
        "yes",
    ):
        raise HostRefused(f"You chose not to {what}.")


def _sudo() -> list[str]:
    if os.geteuid() == 0:
        return []
    if shutil.which("sudo") is None:
        raise HostRefused("You are not root, and sudo is not there.")
    return ["sudo"]


def ensure_base_image(console: Console, client: docker.DockerClient) -> str:
    """An image with Python, NumPy and SciPy or what installs them: local, registry's, or made."""
    if client.images.list(name=BASE_IMAGE):
        return BASE_IMAGE
    try:
        repository, _, tag = REGISTRY_BASE.partition(":")
        client.images.pull(repository, tag=tag)
    except (docker.errors.APIError, RequestException):
        console.print(f"No registry gave {REGISTRY_BASE}; making a base from Debian's packages …")
    else:
        return REGISTRY_BASE
    return build_base_image(console)


def build_base_image(console: Console) -> str:
    """The base from Debian's packages, where no registry can be reached."""
    if shutil.which("mmdebstrap") is None:
        install(console, ["mmdebstrap"], "mmdebstrap, which makes a base image without a registry")
    script = ROOT / "examples" / "algorithms" / "base" / "build.sh"
    done = subprocess.run(
        ["sh", str(script), BASE_IMAGE], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise HostRefused(f"No base image could be made: {done.stderr.strip()[-800:]}")
    return BASE_IMAGE


def programs_for_tests(console: Console) -> None:
    """What the tests do to the platform needs these: gVisor, a shifted clock, small disks."""
    present = {
        "runsc": shutil.which("runsc"),
        "faketime": next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None),
        "e2fsprogs": shutil.which(
            "mkfs.ext4", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
        ),
    }
    missing = [package for package, found in present.items() if found is None]
    if missing:
        install(console, missing, "what the tests of the sandbox and of faults need")


def browser(console: Console) -> str:
    """Chromium's path, installing it where it is missing; for tests."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if found := shutil.which(name):
            return found
    install(console, ["chromium"], "Chromium, which the tests of pages drive")
    return "/usr/bin/chromium"
