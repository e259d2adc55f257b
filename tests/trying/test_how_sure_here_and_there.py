"""Maps and stated numbers of real containers, good and bad: on a server and under `uptake try`."""

import json
from pathlib import Path

import pytest

from evaluation.counts import Counts
from evaluation.maps import kept_map
from submissions.models import Prediction
from tests.images import EMPTY_MASK, THRESHOLD_MASK, save_program
from tests.scans import GRID, write_challenge
from tests.trying.test_works_here_works_there import LIMITS, on_server

pytestmark = [pytest.mark.docker, pytest.mark.django_db]

MAP = {"kind": "probability_map", "name": "pet-probability", "required": True}
VALUE = {"kind": "uncertainty_value", "name": "certainty", "dice_at_least": 0.9}
STATES = (
    THRESHOLD_MASK.replace("2.5", "1.05")
    + """
def state(name="map.mha", beyond=1.0, content=None, **changes):
    maps = pathlib.Path("/output/images/pet-probability")
    maps.mkdir(exist_ok=True)
    values = array.array("f", [min(beyond, max(0.0, one / 8)) for one in suv])
    packed = zlib.compress(values.tobytes() if content is None else content, 1)
    said = fields | {"ElementType": "MET_FLOAT", "CompressedDataSize": str(len(packed))} | changes
    text = "".join(f"{key} = {one}\\n" for key, one in said.items() if key != "ElementDataFile")
    end = f"ElementDataFile = {changes.get('ElementDataFile', 'LOCAL')}\\n".encode()
    (maps / name).write_bytes(text.encode() + end + packed)
nan = array.array("f", [float("nan")] * voxels).tobytes()
"""
)
OF_MAPS = {
    "good": ("state()", ""),
    "of doubles": (
        "state(content=array.array('d', [min(1.0, max(0.0, v / 8)) for v in suv]).tobytes(),"
        " ElementType='MET_DOUBLE')",
        "",
    ),
    "missing": ("", "no_confidence"),
    "two": ("state(); state('b.mha')", "two_maps"),
    "of NaN": ("state(content=nan)", "map_not_finite"),
    "beyond 1": ("suv = [8 * one for one in suv]; state(beyond=9.0)", "map_out_of_range"),
    "on another grid": ("state(Offset='1 2 3')", "map_wrong_grid"),
    "declared huge": ("state(DimSize='10000 10000 10000')", "map_unreadable"),
    "pointing elsewhere": ("state(ElementDataFile='/etc/passwd')", "map_unreadable"),
}
CERTAINTY = EMPTY_MASK + "\nopen('/output/certainty.json', 'w').write(SAID)"
OF_VALUES = {
    "good": (CERTAINTY.replace("SAID", "'0.25'"), ""),
    "silent": (EMPTY_MASK, ""),
    "of NaN": (CERTAINTY.replace("SAID", "'NaN'"), "bad_json"),
    "of percents": (CERTAINTY.replace("SAID", "'85'"), "wrong_confidence"),
}


@pytest.fixture(autouse=True)
def _own_broker(monkeypatch, settings):
    monkeypatch.setattr("challenges.hints.current_app.send_task", lambda *_, **__: None)
    settings.GVISOR = "never"


def written(home, asked):
    evaluation = {"metrics": ["dice", "expected_calibration_error", "brier"], "confidence": asked}
    phase = {"slug": "open", "title": "Open phase", "cases": "public", "limits": LIMITS}
    return write_challenge(home, slug="sure", cases=2, evaluation=evaluation, phases=[phase])


def both_ways(program, asked, engine, tmp_path, trial):
    """Runs on a server, and results here, which are the same."""
    folder = written(tmp_path / "cases", asked)
    archive = save_program(program, tmp_path / "image.tar")
    submission, runs = on_server(folder, archive, engine)
    _, words, here = trial(archive, "--keep", tmp_path / "kept", challenge=folder)
    assert [one["code"] for one in here["cases"]] == [run.reason_code for run in runs], words
    assert [one["text"] for one in here["cases"]] == [run.reason_text for run in runs]
    counts = [[one.counts for one in run.results.all()] for run in runs]
    assert [one["counts"] for one in here["cases"]] == counts
    return submission, runs, here


@pytest.mark.parametrize("name", OF_MAPS)
def test_a_map_is_judged_alike_on_the_server_and_here(name, engine, tmp_path, trial):
    lines, code = OF_MAPS[name]
    submission, runs, here = both_ways(STATES + lines, MAP, engine, tmp_path, trial)
    assert runs[0].reason_code == code
    assert submission.state == ("failed" if code else "scored")
    if code:
        assert "root:" not in runs[0].reason_text
        assert not Prediction.objects.exists()
        return
    for run, one in zip(runs, here["cases"], strict=True):
        kept = kept_map(Path(run.prediction.probability.path), GRID)
        mine = kept_map(tmp_path / "kept" / one["name"] / "probability.mha", GRID)
        assert (kept == mine).all()
        found = Counts.from_json(one["counts"][0]["lesion"]).reliability
        assert found is not None
        assert found.total > 100
        assert found.brier is not None
        assert 0 < found.brier < 1


@pytest.mark.parametrize("name", OF_VALUES)
def test_a_stated_number_is_judged_alike_on_the_server_and_here(name, engine, tmp_path, trial):
    program, code = OF_VALUES[name]
    submission, runs, here = both_ways(program, VALUE, engine, tmp_path, trial)
    assert runs[0].reason_code == code
    assert submission.state == ("failed" if code else "scored")
    if name == "good":
        assert [one["stated"] for one in here["cases"]] == [0.25, 0.25]
        found = [Counts.from_json(one["counts"][0]["lesion"]).reliability for one in here["cases"]]
        assert [(one.total, sum(one.held), one.brier) for one in found] == [(1, 0, 0.0625)] * 2
    if name == "silent":
        assert all("reliability" not in json.dumps(one["counts"]) for one in here["cases"])
