"""``./uptake rank`` says what the leaderboard says, to the last digit, of the oddest results too."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from challenges.leases import Watch
from challenges.models import Membership, Phase
from challenges.services.importing import import_challenge
from config.cli import app
from leaderboards.exports import results_of
from leaderboards.models import Analysis, Snapshot
from leaderboards.services import refresh
from submissions.models import Submission
from submissions.services.cross_scoring import cross_score_next, reconcile
from tests.crowds import a_crowded_phase
from tests.factories import a_phase, a_user
from tests.leaderboards.entered import entered
from tests.submissions.reading import (
    HALF,
    NOTHING,
    QUARTER,
    WHOLE,
    a_phase_read_by,
    block,
    write_readings,
)  # fmt: skip

pytestmark = pytest.mark.django_db
BOTH = ["dice", "mtv_abs_error_ml", "dice_agg"]


def same(phase: Phase, folder: Path) -> dict[str, Any]:
    """The snapshot's document, when the file and the definition give all of it again."""
    snapshot = refresh(phase=phase)
    organiser = Membership.objects.filter(challenge=phase.challenge, role="organiser")[0].user
    results, spec, out = folder / "results.csv", folder / "challenge.yaml", folder / "out"
    results.write_text("".join(results_of(organiser, phase).lines()), "utf-8", newline="")
    spec.write_text(json.dumps(phase.challenge.protocols.all()[0].document))
    done = CliRunner().invoke(app, ["rank", str(results), "--spec", str(spec), "--out", str(out)])
    assert not done.exception or isinstance(done.exception, SystemExit), done.exception
    offline = json.loads((out / "analysis.json").read_text())
    kept = Analysis.objects.filter(snapshot=snapshot).first()
    assert offline["uncertainty"] == (
        None if kept is None else json.loads(json.dumps(kept.document))
    )
    document: dict[str, Any] = Snapshot.objects.get(pk=snapshot.pk).document
    assert offline["board"]["refused"] == document["refused"]
    assert offline["board"]["patients"] == document["patients"]
    standings = {one["key"]: one for one in offline["board"]["standings"]}
    assert len(standings) == len(document["rows"])
    for row in document["rows"]:
        one = standings[row["submission"]]
        assert (one["rank"], one["score"]) == (row["rank"], row["mean_rank"])
        assert (one["cases"], one["failed"]) == (row["cases"], row["failed"])
        assert one["cells"] == row["cells"]
    return document


@pytest.mark.parametrize(
    "ranking",
    [
        {"baselines_compete": True, "weights": {"dice": 2, "mtv_abs_error_ml": 1, "dice_agg": 1}},
        {"per_subgroup": "centre", "stratum": "lesion_free", "subgroups": ["centre"]},
        {"mean_of_subgroups": "centre", "most_resampled": 2, "aggregate": "median"},
        {"scheme": "rank_then_aggregate", "metrics": ["dice"], "tie_breakers": ["dice_agg"]},
        {"scheme": "test_then_rank", "metrics": ["dice"], "most_resampled": 3},
        {"scheme": "borda", "stratum": "centre"},
    ],
    ids=str,
)
def test_whatever_is_declared_and_who_fails_in_every_case(tmp_path, ranking):
    phase = a_crowded_phase(
        tmp_path, cases=24, qualities=[1.0, 0.9, 0.5, 0.4, 0.8], baselines=1, failing={2: 24},
        titles=["=1+1", 'Ö, "Ü"', "-", "'", "Grundlinie"],
        evaluation={"metrics": BOTH, "ranking": {"resamples": 200, **ranking}},
    )  # fmt: skip
    rows = same(phase, tmp_path)["rows"]
    failed = next(row for row in rows if row["failed"])
    assert (failed["cases"], failed["failed"]) == (24, 24)
    assert failed["rank"] == max(row["rank"] for row in rows)
    competing = {row["is_baseline"]: row["competes"] for row in rows}
    assert competing == {False: True, True: ranking.get("baselines_compete", False)}


def test_a_single_patient(tmp_path):
    phase = a_crowded_phase(
        tmp_path, cases=6, qualities=[1.0, 0.5, 0.2], evaluation={"metrics": BOTH}
    )
    phase.dataset.cases.update(patient="one")
    document = same(phase, tmp_path)
    assert document["patients"] == 1
    assert {(row["low"], row["high"]) for row in document["rows"]} == {(1, 1), (2, 2), (3, 3)}


def test_ties_everywhere(tmp_path):
    phase = a_phase_read_by(tmp_path, (WHOLE, WHOLE, HALF))
    for name in ("ada", "bert", "cleo"):
        entered(phase, a_user(name), [block(HALF).voxels.astype(np.uint8)] * 3, title=name)
    Submission.objects.update(is_baseline=False)
    assert {row["rank"] for row in same(phase, tmp_path)["rows"]} == {1}


@pytest.mark.parametrize(
    "readings",
    [
        ((WHOLE, HALF, NOTHING), (HALF, NOTHING, NOTHING)),
        ((WHOLE, HALF, NOTHING), (HALF, WHOLE, NOTHING), (WHOLE, QUARTER, NOTHING)),
    ],
    ids=["two targets", "a consensus"],
)
def test_readers_of_odd_names_labels_and_a_case_of_which_nothing_applies(tmp_path, readings):
    folder = write_readings(
        tmp_path, *readings,
        evaluation={
            "metrics": ["dice", "dice_agg"], "labels": {"lesion": 1, "node": 2},
            "ranking": {"weights": {"dice[lesion]": 2, "dice_agg[lesion]": 1}, "resamples": 100},
        },
    )  # fmt: skip
    rows = (folder / "cases.csv").read_text().split()
    told = [f"{row},{free}" for row, free in zip(rows, ("lesion_free", "", "", "yes"), strict=True)]
    (folder / "cases.csv").write_text("\n".join(told))
    declared = (folder / "challenge.yaml").read_text()
    for letter, name in zip("ABC", ('=Müller, "A"', "'Ö", "-1+1"), strict=True):
        declared = declared.replace(f'"name": "{letter}"', f'"name": {json.dumps(name)}')
    (folder / "challenge.yaml").write_text(declared)
    phase = a_phase(import_challenge(folder=folder, organiser=a_user("organiser"))[0])
    for name, drawn in (
        ("ada", (WHOLE, HALF, NOTHING)), ("bert", (QUARTER, None, QUARTER)),
        ("cleo", (None, None, None)),
    ):  # fmt: skip
        masks = [None if one is None else block(one).voxels.astype(np.uint8) for one in drawn]
        entered(phase, a_user(name), masks, title=name)
    Submission.objects.update(is_baseline=False)
    reconcile(Watch(60))
    while cross_score_next(worker="h:1"):
        pass
    document = same(phase, tmp_path)
    assert document["patients"] == 3, "the one of whom nothing applies is drawn too"
    names = {row["algorithm"] for row in document["rows"] if row["kind"] == "reader"}
    assert len(names) == len(readings)
    assert '=Müller, "A"' in names
    if len(readings) > 2:
        assert len(Analysis.objects.get().document["readers"]) == 3
