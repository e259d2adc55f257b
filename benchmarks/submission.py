"""A whole submission of 40 real cases against ``docker run`` of the same image 40 times in a loop.

    UPTAKE_DATA=FOLDER .venv/bin/python -m benchmarks.submission

The container writes an empty mask. Both are timed in the same run, on the same engine, one
container at a time; the platform's time is from the upload's end to the last score, by stage.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import docker

from evaluation.volumes import read_volume, write_mha
from tests.images import EMPTY_MASK, SLUG, save_program
from tests.platforms import ENDS, Platform

ROOT = Path(__file__).resolve().parent.parent
DEFINITION = ROOT / "examples" / "challenges" / "soft-tissue-sarcoma" / "challenge.yaml"
STAGES = ("load", "stage", "start", "wait", "collect", "remove", "decode")


def bare_loop(archive: Path, cases: list[Path], work: Path) -> float:
    """Seconds of ``docker run`` in a loop, each with a fresh output folder."""
    client = docker.from_env()
    with archive.open("rb") as file:
        (image,) = client.images.load(file)
    client.close()
    start = time.monotonic()
    for number, case in enumerate(cases):
        output = work / f"out-{number}"
        output.mkdir()
        output.chmod(0o777)  # the container runs as nobody
        subprocess.run(
            ["docker", "run", "--rm", "--network", "none", "--read-only", "--cpuset-cpus", "0",
             "-v", f"{case}:/input/images/pet:ro", "-v", f"{output}:/output", str(image.id)],
            check=True, capture_output=True,
        )  # fmt: skip
        assert list((output / "images" / SLUG).iterdir())
    return time.monotonic() - start


def staged(data: Path, work: Path) -> list[Path]:
    """Each case's PET as the container is given it, in a folder of its own."""
    folders = []
    for case in sorted(data.glob("STS_*")):
        folder = work / case.name
        folder.mkdir()
        (folder / "case.mha").write_bytes(write_mha(read_volume(case / "pet.nii.gz")))
        folders.append(folder)
    return folders


def submission(platform: Platform, archive: Path) -> tuple[float, dict[str, float]]:
    developer = platform.person("developer")
    identifier = developer.upload("soft-tissue-sarcoma", "Empty", archive)
    start = time.monotonic()
    assert developer.wait(identifier, *ENDS, seconds=900) == "scored"
    total = time.monotonic() - start
    sums = ", ".join(f"sum(json_extract(a.stages, '$.{name}'))" for name in STAGES)
    (stages,) = platform.rows(f"SELECT {sums} FROM submissions_attempt a")
    ((scoring,),) = platform.rows("SELECT sum(seconds) FROM submissions_caseresult")
    return total, dict(zip((*STAGES, "score"), (*stages, scoring), strict=True))


def main() -> None:
    data = Path(os.environ["UPTAKE_DATA"]) / "sts_pet"
    with tempfile.TemporaryDirectory(prefix="uptake-benchmark-") as name:
        work = Path(name)
        archive = save_program(EMPTY_MASK, work / "image.tar", "USER 65532:65532")
        cases = staged(data, work)
        bare = bare_loop(archive, cases, work)
        platform = Platform(work / "state", {"UPTAKE_SLOTS": "1"})
        platform.start()
        try:
            platform.run(
                "import-challenge", str(data), "--definition", str(DEFINITION), "--accept", "known"
            )
            total, stages = submission(platform, archive)
        finally:
            platform.stop()
    count = len(cases)
    print(f"{count} cases; seconds for all, per case, and as a share of docker run\n")
    print(f"{'docker run in a loop':<28}{bare:8.1f}{bare / count:8.2f}{1:8.2f}")
    print(f"{'submission, one slot':<28}{total:8.1f}{total / count:8.2f}{total / bare:8.2f}")
    for stage, seconds in stages.items():
        print(f"  {stage:<26}{seconds:8.1f}{seconds / count:8.2f}{seconds / bare:8.2f}")
    print("\nScoring runs beside the next case; all other stages follow one another.")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
