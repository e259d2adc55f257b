"""What the sandbox costs over bare ``docker run`` of the same image on the same input, in one run.

    .venv/bin/python -m benchmarks.sandbox [--cases 20] [--large]

The algorithm computes for two seconds on one CPU and writes an empty mask. Bare: a loop of
``docker run``, one container at a time. Platform: a submission of as many cases, scored, from its
first container's start to its last container's end (what the bare loop also is), with one slot and
with two, under the engine's own runtime and, where the engine has it, under gVisor. --large: also
the time from the upload's end to the first container's start, for an image of 1 GB.
"""

import argparse
import os
import subprocess
import tempfile
import time
from pathlib import Path

import docker

from tests.images import EMPTY_MASK, save_program
from tests.platforms import ENDS, Platform
from tests.scans import write_challenge

PROGRAM = (
    "import time\nend = time.monotonic() + 2\nwhile time.monotonic() < end: pass\n" + EMPTY_MASK
)
STAGES = ("load", "stage", "place", "start", "wait", "collect", "remove", "decode")


def bare_loop(archive: Path, pet: Path, work: Path, count: int, runtime: str) -> float:
    """Seconds a case of ``docker run`` in a loop, each with a fresh output folder."""
    client = docker.from_env()
    with archive.open("rb") as file:
        (image,) = client.images.load(file)
    client.close()
    start = time.monotonic()
    for number in range(count):
        output = work / f"{runtime}-{number}"
        output.mkdir()
        output.chmod(0o777)  # the container runs as nobody
        subprocess.run(
            ["docker", "run", "--rm", "--runtime", runtime, "--network", "none", "--read-only",
             "--cpuset-cpus", "0", "-v", f"{pet}:/input/images/pet:ro", "-v", f"{output}:/output",
             str(image.id)],
            check=True, capture_output=True,
        )  # fmt: skip
    return (time.monotonic() - start) / count


def submitted(work: Path, archive: Path, count: int, slots: int, gvisor: str) -> dict[str, float]:
    """Seconds: case (from the first start to the last end, per case), total, and each stage."""
    platform = Platform(
        work / f"state-{slots}-{gvisor}", {"UPTAKE_SLOTS": str(slots), "UPTAKE_GVISOR": gvisor}
    )
    platform.start()
    try:
        folder = write_challenge(work / f"c-{slots}-{gvisor}", slug="bench", cases=count)
        platform.run("import-challenge", str(folder))
        developer = platform.person("developer")
        identifier = developer.upload("bench", "Two seconds", archive)
        received = time.monotonic()
        assert developer.wait(identifier, *ENDS, seconds=900) == "scored", platform.log()
        total = time.monotonic() - received
        ((first, last),) = platform.rows(
            "SELECT min(86400 * julianday(a.started_at)), max(86400 * julianday(a.ended_at))"
            " FROM submissions_attempt a JOIN submissions_run r ON r.id = a.run_id"
            " WHERE NOT r.is_canary"
        )
        means = ", ".join(f"avg(json_extract(a.stages, '$.{name}'))" for name in STAGES)
        (stages,) = platform.rows(f"SELECT {means} FROM submissions_attempt a")
    finally:
        platform.stop()
    return {
        "case": (last - first) / (count - 1),
        "total": total,
        **dict(zip(STAGES, stages, strict=True)),
    }


def to_the_first_start(work: Path) -> float:
    """Seconds from the end of the upload of an image of 1 GB to its first container's start."""
    archive = save_program(
        EMPTY_MASK, work / "large.tar", "RUN head -c 1000000000 /dev/urandom > /weights"
    )
    platform = Platform(work / "state-large", {"UPTAKE_GVISOR": "never"})
    platform.start()
    try:
        folder = write_challenge(work / "c-large", slug="bench", cases=1)
        platform.run("import-challenge", str(folder))
        developer = platform.person("developer")
        identifier = developer.upload("bench", "Large", archive)
        assert developer.wait(identifier, *ENDS, seconds=900) == "scored", platform.log()
        ((seconds,),) = platform.rows(
            "SELECT 86400 * julianday(a.started_at) - 86400 * julianday(s.received_at)"
            " FROM submissions_attempt a, submissions_submission s"
        )
    finally:
        platform.stop()
    return float(seconds)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--cases", type=int, default=20)
    options.add_argument("--large", action="store_true")
    given = options.parse_args()
    client = docker.from_env()
    gvisor = "runsc" in client.info()["Runtimes"]
    print(f"Docker {client.version()['Version']}, {os.cpu_count()} CPUs, {given.cases} cases\n")
    client.close()
    with tempfile.TemporaryDirectory(prefix="uptake-benchmark-") as name:
        work = Path(name)
        archive = save_program(PROGRAM, work / "image.tar", "USER 65532:65532")
        pet = work / "pet"
        pet.mkdir()
        case = write_challenge(work / "one", slug="one", cases=1) / "case-1" / "pet.mha"
        (pet / "case.mha").write_bytes(case.read_bytes())
        print("| | s a case | × bare | cases a minute |")
        print("| --- | --- | --- | --- |")
        details = []
        for runtime in ("runc", "runsc") if gvisor else ("runc",):
            bare = bare_loop(archive, pet, work, given.cases, runtime)
            print(f"| docker run, {runtime} | {bare:.2f} | 1 | {60 / bare:.1f} |", flush=True)
            for slots in (1, 2):
                choice = "auto" if runtime == "runsc" else "never"
                found = submitted(work, archive, given.cases, slots, choice)
                what = f"Uptake, {runtime}, {slots} slot{'s' * (slots > 1)}"
                each = found["case"]
                print(f"| {what} | {each:.2f} | {each / bare:.2f} | {60 / each:.1f} |", flush=True)
                parts = ", ".join(f"{stage} {found[stage]:.2f}" for stage in STAGES)
                details.append(f"{what}: upload to last score {found['total']:.1f} s; {parts}")
        print("", *details, sep="\n")
        if given.large:
            seconds = to_the_first_start(work)
            print(f"\nFrom the upload's end to the first start, image of 1 GB: {seconds:.1f} s")


if __name__ == "__main__":
    main()
