"""How long the leaderboard's page and snapshot take, of 25 entries and of 2 000, in one run.

    .venv/bin/python -m benchmarks.leaderboard [--entries 2000] [--cases 200] [--pages 60]

Scores are drawn and stored as the arrays that the first snapshot of an entry makes of its case
results. Pages are asked for in this process, through every middleware, as a visitor does; of
``--pages`` answers, after one that fills the cache, the median. SQLite, in a temporary folder.
"""

import argparse
import os
import platform
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from challenges.models import Phase

FEW = 25


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--entries", type=int, default=2000)
    parser.add_argument("--cases", type=int, default=200)
    parser.add_argument("--pages", type=int, default=60)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="uptake-leaderboard-") as folder:
        os.environ["UPTAKE_STATE"] = folder
        os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
        _measure(Path(folder), chosen)


def _measure(folder: Path, chosen: argparse.Namespace) -> None:
    import django

    django.setup()
    import structlog
    from django.conf import settings
    from django.core.management import call_command

    import accounts.hints
    from leaderboards.services import refresh
    from tests.programs import write_programs

    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    call_command("migrate", verbosity=0)
    call_command("collectstatic", verbosity=0, interactive=False)
    settings.BASELINES = write_programs(folder / "programs")
    settings.ALLOWED_HOSTS = ["*"]
    accounts.hints.current_app.send_task = lambda *_, **__: None  # type: ignore[assignment]
    print(f"{platform.machine()}, {os.cpu_count()} processors, Python {sys.version.split()[0]}")
    medians = []
    for entries in (FEW, chosen.entries):
        phase = _phase(folder, entries, chosen.cases)
        begun = time.process_time()
        refresh(phase=phase)
        snapshot = time.process_time() - begun
        found = _pages(phase, chosen.pages)
        medians.append(found)
        print(
            f"{entries} entries × {chosen.cases} cases: snapshot {snapshot:.1f} s of CPU;"
            f" page {found * 1000:.1f} ms, median of {chosen.pages}"
        )
    print(f"ratio of the pages: {medians[1] / medians[0]:.2f}")


def _phase(folder: Path, entries: int, cases: int) -> "Phase":
    """With scores of every entry, and no case results."""
    from challenges.selectors import cases_of, current_edition
    from leaderboards.models import Scores
    from submissions.models import Submission
    from tests.crowds import a_crowded_phase

    evaluation = {"metrics": ["dice", "mtv_abs_error_ml", "lesion_f1", "case_specificity"]}
    phase = a_crowded_phase(
        folder, cases=cases, qualities=[0.0] * entries, slug=f"of-{entries}",
        evaluation=evaluation, with_results=False,
    )  # fmt: skip
    places = [case.pk for case in cases_of(phase)]
    random = np.random.default_rng(5)
    free = np.arange(cases) % 5 == 4

    def values() -> bytes:
        dice = 1 / (1 + np.exp(-random.normal(random.normal(1, 0.3), 0.6, size=cases)))
        measured = np.stack([dice, 40 * (1 - dice), np.round(dice * 8) / 8, dice > 0.5], axis=1)
        measured[free, 0] = measured[free, 2] = np.nan
        measured[~free, 3] = np.nan
        worst = np.zeros_like(measured)
        worst[:, 1] = 1000.0
        return np.stack([measured, worst])[:, None].tobytes()

    Scores.objects.bulk_create(
        Scores(
            edition=current_edition(phase),
            submission=submission,
            made_of="",
            cases=places,
            targets=1,
            values=values(),
            failed=[],
            seconds=30.0,
            peak_memory_bytes=2 << 30,
            sandboxed=True,
        )
        for submission in Submission.objects.filter(phase=phase)
    )
    return phase


def _pages(phase: "Phase", number: int) -> float:
    """Seconds, the median."""
    from django.test import Client

    client = Client()
    address = f"/challenges/{phase.challenge.slug}/{phase.slug}/leaderboard/"
    seconds = []
    for _ in range(number + 1):
        begun = time.perf_counter()
        answer = client.get(address)
        seconds.append(time.perf_counter() - begun)
        if answer.status_code != 200:
            raise RuntimeError(f"{address} answered {answer.status_code}; expected 200.")
    return statistics.median(seconds[1:])


if __name__ == "__main__":
    main()
