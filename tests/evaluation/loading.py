"""Which modules and files are asked for late, by jobs in a process that loaded what a nurse does.

``python -m tests.evaluation.loading FOLDER`` does the jobs of FOLDER's jobs.json, each {job, order,
files}, and prints {"late": […], "ways": […]}: what was loaded by them, and how they measured.
"""

import io
import json
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from evaluation import components, distances, lesions, nurse

WATCHED = ("import", "open")
WAYS = {
    "tree": (distances, "_by_tree"),
    "transform": (distances, "_by_transform"),
    "runs": (components, "_join"),
    "labelling": (components, "by_labelling"),
    "assignment": (lesions, "_assign"),
}


def watch(ways: set[str]) -> None:
    """Note in ``ways`` which of the functions that load something late are called."""
    for name, (module, function) in WAYS.items():

        def noting(*given: Any, way: str = name, called: Callable[..., Any]) -> Any:
            ways.add(way)
            return called(*given)

        setattr(module, function, partial(noting, called=getattr(module, function)))


def main() -> None:
    folder = Path(sys.argv[1])
    jobs = json.loads((folder / "jobs.json").read_text())
    for job in jobs:
        job["files"] = [io.BytesIO((folder / name).read_bytes()) for name in job["files"]]
    late: list[str] = []
    ways: set[str] = set()
    if "--unprepared" not in sys.argv:
        nurse.load()
    components._MANY_RUNS = 1000  # so that a small mask is labelled
    watch(ways)
    sys.addaudithook(
        lambda event, given: late.append(f"{event} {given[0]}") if event in WATCHED else None
    )
    for job in jobs:
        nurse._JOBS[job["job"]](job["order"], job["files"], io.BytesIO())
    print(json.dumps({"late": list(late), "ways": sorted(ways)}))


if __name__ == "__main__":
    main()
