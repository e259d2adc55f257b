"""The processes that decode and score: what they may not do, and that they say the same."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evaluation.errors import MaskRefused
from evaluation.geometry import Geometry
from evaluation.isolated import (
    IsolatedProcessFailed,
    IsolatedProcessStopped,
    _run,
    decode_mask,
    score_files,
)
from evaluation.scoring import score_case
from evaluation.spec import EvaluationSpec
from evaluation.volumes import Volume, write_mha
from tests.evaluation.files import PIXELS, mha, refused_files
from tests.evaluation.grids import EVERY_METRIC, grid, mask

SHAPE = (4, 5, 6)
GRID = grid(SHAPE, (2.0, 3.0, 4.0))
REFERENCE = mask(SHAPE, (0, 0, 0), (0, 0, 1), (3, 4, 5))
PREDICTION = mask(SHAPE, (0, 0, 0), (2, 2, 2))
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "reference.mha").write_bytes(write_mha(Volume(REFERENCE, GRID)))
    (tmp_path / "prediction.mha").write_bytes(write_mha(Volume(PREDICTION, GRID)))
    return tmp_path


def decode(path: Path, geometry: Geometry = GRID) -> np.ndarray:
    with path.open("rb") as file:
        return decode_mask(file, geometry, EVERY_METRIC)


def test_an_accepted_mask_comes_back_voxel_by_voxel(folder: Path) -> None:
    np.testing.assert_array_equal(decode(folder / "prediction.mha"), PREDICTION)


def test_a_header_that_names_an_existing_file_leads_nowhere(folder: Path) -> None:
    (folder / "pixels.raw").write_bytes(PIXELS)
    target = folder / "mask.mha"
    target.write_bytes(mha(b"", ElementDataFile=str(folder / "pixels.raw")))
    with pytest.raises(MaskRefused) as refused:
        decode(target, Geometry((4, 3, 2), (1.0, 1.0, 1.0)))
    assert refused.value.code == "points_elsewhere"


def test_the_decoder_can_open_no_file_while_it_decodes(folder: Path) -> None:
    """Even a reader that was led astray could not: in its place, one that tries."""
    spy = (
        "import sys, runpy, pathlib, evaluation.masks as masks\n"
        "from evaluation.errors import MaskRefused\n"
        "def astray(stream, expected, values):\n"
        f"    for path in ({str(folder / 'reference.mha')!r}, '/dev/null', '/etc/passwd'):\n"
        "        try:\n"
        "            open(path, 'rb')\n"
        "        except OSError as error:\n"
        "            if error.errno != 24:\n"
        "                raise\n"
        "        else:\n"
        "            raise MaskRefused('leak', path)\n"
        "    raise MaskRefused('no_leak', 'every path was refused')\n"
        "masks.read_mask = astray\n"
        "runpy.run_module('evaluation.decode', run_name='__main__')\n"
    )
    request = {
        "geometry": GRID.to_json(), "values": [1], "memory_bytes": 2**31, "cpu_seconds": 60,
        "resample": None,
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", spy, json.dumps(request)],
        stdin=subprocess.DEVNULL, capture_output=True, cwd=ROOT, timeout=60, check=True,
    )  # fmt: skip
    assert json.loads(done.stdout)["code"] == "no_leak"


@pytest.mark.parametrize(
    "kind", ["nothing", "gzip with a wrong checksum", "quaternion of no turn", "complex"]
)
def test_what_is_refused_here_is_refused_there(kind: str, tmp_path: Path) -> None:
    """Refusing takes no import and no file, which the process could not have."""
    content, code = refused_files(tmp_path)[kind]
    (tmp_path / "mask").write_bytes(content)
    with pytest.raises(MaskRefused) as refused:
        decode(tmp_path / "mask")
    assert refused.value.code == code


def test_wrong_values_and_grids_are_refused_with_their_words(folder: Path) -> None:
    strange = np.full(SHAPE, 255, np.uint8)
    (folder / "strange.mha").write_bytes(write_mha(Volume(strange, GRID)))
    with pytest.raises(MaskRefused, match="the value 255") as refused:
        decode(folder / "strange.mha")
    assert refused.value.code == "wrong_values"
    with pytest.raises(MaskRefused, match="differs from the PET image in spacing") as refused:
        decode(folder / "prediction.mha", grid(SHAPE, (2.0, 3.0, 5.0)))
    assert refused.value.code == "wrong_grid"


def test_the_environment_and_its_secrets_do_not_reach_the_process(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[dict[str, str]] = []

    class Watched(subprocess.Popen[bytes]):
        def __init__(self, *arguments: Any, **options: Any) -> None:
            seen.append(dict(options["env"]))
            super().__init__(*arguments, **options)

    monkeypatch.setattr(subprocess, "Popen", Watched)
    monkeypatch.setenv("DATABASE_URL", "postgres://secret")
    decode(folder / "prediction.mha")
    assert set(seen[0]) == {"OPENBLAS_NUM_THREADS", "PYTHONDONTWRITEBYTECODE", "LANG"}


def test_a_decoder_that_takes_too_much_is_the_masks_fault(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("evaluation.isolated._memory_for", lambda _: 400 * 2**20)
    greedy = folder / "greedy.mha"
    wide = Geometry((400, 400, 400), (1.0, 1.0, 1.0))
    drawn = np.ones(wide.shape, np.uint8)  # every voxel, and packed into a few kilobytes
    greedy.write_bytes(write_mha(Volume(drawn, wide)))
    with pytest.raises(MaskRefused) as refused:
        decode(greedy, wide)
    assert refused.value.code == "decoder_limit"


def test_the_scorer_gives_the_same_numbers_as_in_this_process(folder: Path) -> None:
    here = score_case(REFERENCE, PREDICTION, GRID, EVERY_METRIC).to_json()
    there = score_files(
        folder / "reference.mha", folder / "prediction.mha", GRID.voxels, EVERY_METRIC
    )
    assert there == here


def test_a_missing_result_is_scored_as_such(folder: Path) -> None:
    there = score_files(folder / "reference.mha", None, GRID.voxels, EVERY_METRIC)
    assert there == score_case(REFERENCE, None, GRID, EVERY_METRIC).to_json()
    assert there["metrics"]["dice"]["lesion"]["value"] == 0.0
    assert there["prediction_ml"] == {"lesion": None}


def test_several_labels_reach_the_scorer(folder: Path) -> None:
    spec = EvaluationSpec(labels={"primary": 1, "node": 2}, metrics=["dice"])
    there = score_files(folder / "reference.mha", folder / "prediction.mha", GRID.voxels, spec)
    assert there["metrics"]["dice"]["node"] == {"value": None, "worst": None}


def test_a_scorer_that_breaks_is_the_platforms_fault(folder: Path) -> None:
    with pytest.raises(IsolatedProcessFailed) as failed:
        score_files(folder / "reference.mha", folder / "lost.mha", GRID.voxels, EVERY_METRIC)
    assert failed.value.code == "scorer_failed"


def test_it_is_stopped_when_asked(folder: Path) -> None:
    """A cancelled run, or one whose lease was lost, waits for no scorer."""
    with pytest.raises(IsolatedProcessStopped):
        _run("http.server", ["--bind", "127.0.0.1", "0"], lambda: True, data=b"")
