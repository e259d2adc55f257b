"""``./uptake attack``: the hostile suite against this installation's own engine."""

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import docker
from rich.console import Console

from config.host import ensure_base_image
from submissions.attacks import ATTACKS
from submissions.attacks.suite import Suite, Verdict, build_images, try_tarball
from submissions.attacks.tarballs import TARBALLS
from submissions.sandbox.engine import GVISOR, Engine


@dataclass(frozen=True)
class Tried:
    """runtime: what contained the program; empty where none was started."""

    verdict: Verdict
    runtime: str


def attacks(console: Console, installation: str, only: str) -> Iterator[Tried]:
    """Every attack whose name holds ``only``, under each runtime that this engine has.

    installation: an id of the attacks' own, so that the reconciler of a running platform does not
    take their containers for left-overs.
    """
    with tempfile.TemporaryDirectory(prefix="uptake-attack-") as name:
        work = Path(name)

        def connect() -> Engine:
            return Engine.connect(installation=installation, host="attack", folder=work / "engine")

        client = docker.from_env(timeout=600)
        good, hostile = build_images(client, ensure_base_image(console, client), work)
        client.close()
        engine = connect()
        runtimes = [engine.plain_runtime, *([GVISOR] if GVISOR in engine.runtimes else [])]
        engine.close()
        for runtime in runtimes:
            folder = work / runtime
            folder.mkdir()
            suite = Suite(connect, good, hostile, folder, runtime=runtime)
            if runtime == runtimes[0]:
                for tarball in TARBALLS:
                    if only in tarball.name:
                        yield Tried(try_tarball(tarball, good, folder), "")
            for attack in ATTACKS:
                if only in attack.name:
                    yield Tried(suite.attack(attack), runtime)
