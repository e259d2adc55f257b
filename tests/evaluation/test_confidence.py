"""What a challenge may ask for beside the mask: declared, read, decoded apart, and scored."""

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from evaluation.cli import app
from evaluation.errors import EvaluationError, MapRefused
from evaluation.geometry import Geometry
from evaluation.isolated import decode_map, score_files
from evaluation.maps import kept_map, read_map
from evaluation.masks import DrawnMask
from evaluation.probability import reliability_of_map
from evaluation.reliability import STEPS, Reliability, to_steps
from evaluation.scoring import score_case, score_masks
from evaluation.spec import EvaluationSpec
from evaluation.volumes import Volume, write_mha, write_nifti, write_volume
from tests.evaluation.grids import QUICK, grid, mask

SHAPE = (3, 4, 5)
GRID = grid(SHAPE, (4.0, 5.0, 3.0))
LESION = mask(SHAPE, (1, 1, 1), (1, 1, 2), (1, 2, 1))
ANSWER = mask(SHAPE, (1, 1, 1), (1, 1, 2), (1, 1, 3))
METRICS = ["dice", "expected_calibration_error", "brier"]


def asking(**how: Any) -> EvaluationSpec:
    asked = {"kind": "probability_map", "name": "pet-probability", **how}
    return EvaluationSpec.model_validate({"metrics": METRICS, "confidence": asked})


OF_VALUE = asking(kind="uncertainty_value", dice_at_least=0.6)


def refused(**document: Any) -> str:
    with pytest.raises(ValueError) as refusal:
        EvaluationSpec.model_validate(document)
    return str(refusal.value)


def probabilities() -> np.ndarray:
    found = np.zeros(SHAPE, np.float32)
    found[1, 1, :4] = (0.9, 0.8, 0.7, 0.2)
    return found


def written(path: Path, voxels: np.ndarray, geometry: Geometry = GRID) -> Path:
    path.write_bytes(write_mha(Volume(voxels, geometry)))
    return path


# Declared


def test_a_challenge_that_asks_for_nothing_is_written_as_before() -> None:
    assert "confidence" not in EvaluationSpec().model_dump(mode="json")
    assert "confidence" not in EvaluationSpec().model_dump(mode="json", exclude={"ranking"})


def test_what_is_asked_for_is_written_with_every_default_said_and_read_again() -> None:
    written_down = asking().model_dump(mode="json")
    assert written_down["confidence"] == {
        "kind": "probability_map", "name": "pet-probability", "required": False,
        "within_mm": 10.0, "dice_at_least": None,
    }  # fmt: skip
    assert EvaluationSpec.model_validate(json.loads(json.dumps(written_down))) == asking()


def test_a_metric_that_nothing_is_stated_for_is_refused() -> None:
    assert "brier needs a probability map or a stated probability: declare confidence" in refused(
        metrics=["dice", "brier"]
    )


def test_several_labels_cannot_be_asked_about() -> None:
    asked = {"kind": "probability_map", "name": "pet-probability"}
    assert "of one label, and there are 2 (primary, node)" in refused(
        labels={"primary": 1, "node": 2}, confidence=asked
    )


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"kind": "uncertainty_value", "name": "risk"}, "from which Dice on"),
        ({"kind": "uncertainty_value", "name": "risk", "dice_at_least": 0.0}, "greater than 0"),
        ({"kind": "uncertainty_value", "name": "risk", "dice_at_least": 0.8, "within_mm": 5}, "within_mm is of"),
        ({"kind": "probability_map", "name": "prob", "dice_at_least": 0.8}, "dice_at_least is of"),
        ({"kind": "probability_map", "name": "prob", "within_mm": 31}, "less than or equal to 30"),
        ({"kind": "probability_map", "name": "../etc"}, "match pattern"),
        ({"kind": "entropy", "name": "prob"}, "probability_map"),
        ({"name": "prob"}, "kind"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused_with_words(asked: dict[str, Any], words: str) -> None:
    assert words in refused(confidence=asked)


# Read


@pytest.mark.parametrize("ending", [".mha", ".nii.gz", ".nrrd"])
@pytest.mark.parametrize("kind", [np.float32, np.uint8])
def test_a_map_is_read_from_any_format_and_type(tmp_path: Path, ending: str, kind: type) -> None:
    voxels: np.ndarray = np.zeros(SHAPE, kind)
    voxels[1, 2, 3] = 1
    if kind is np.float32:
        voxels[0, 0, 0] = 0.25
    path = tmp_path / f"map{ending}"
    write_volume(path, Volume(voxels, GRID))
    steps = read_map(path, GRID)
    assert steps.dtype == np.uint16
    assert steps.shape == SHAPE
    assert steps[1, 2, 3] == STEPS
    np.testing.assert_array_equal(steps, to_steps(voxels))


def test_whole_numbers_with_a_slope_are_probabilities(tmp_path: Path) -> None:
    """scl_slope and scl_inter stand at byte 112 of a NIfTI header."""
    content = write_nifti(Volume(np.full(SHAPE, 50, np.int16), GRID))
    path = tmp_path / "map.nii"
    path.write_bytes(content[:112] + np.array([0.01, 0.0], "<f4").tobytes() + content[120:])
    np.testing.assert_array_equal(read_map(path, GRID), np.full(SHAPE, STEPS // 2))


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (np.nan, "map_not_finite"),
        (np.inf, "map_not_finite"),
        (-np.inf, "map_not_finite"),
        (-0.001, "map_out_of_range"),
        (1.001, "map_out_of_range"),
        (255.0, "map_out_of_range"),
    ],
)
def test_what_is_no_probability_is_refused(tmp_path: Path, value: float, code: str) -> None:
    voxels = np.zeros(SHAPE, np.float32)
    voxels[2, 3, 4] = value
    with pytest.raises(MapRefused, match="expected 0 to 1") as refusal:
        read_map(written(tmp_path / "map.mha", voxels), GRID)
    assert refusal.value.code == code


def test_what_a_softmax_exceeds_one_by_is_one(tmp_path: Path) -> None:
    voxels = np.zeros(SHAPE, np.float32)
    voxels[0, 0, :2] = (1.0 + 5e-7, -5e-7)
    steps = read_map(written(tmp_path / "map.mha", voxels), GRID)
    assert steps[0, 0, :2].tolist() == [STEPS, 0]


@pytest.mark.parametrize(
    "other",
    [
        grid((3, 4, 6), (4.0, 5.0, 3.0)),
        grid(SHAPE, (4.0, 5.0, 3.1)),
        Geometry((5, 4, 3), (4.0, 5.0, 3.0), (1.0, 0.0, 0.0)),
    ],
)
def test_a_map_on_another_grid_is_refused_before_it_is_read(
    tmp_path: Path, other: Geometry
) -> None:
    path = written(tmp_path / "map.mha", np.full(other.shape, np.nan, np.float32), other)
    with pytest.raises(MapRefused, match="CopyInformation") as refusal:
        read_map(path, GRID)
    assert refusal.value.code == "map_wrong_grid"


@pytest.mark.parametrize("content", [b"", b"no image at all", write_mha(Volume(LESION, GRID))[:-9]])
def test_a_file_that_is_no_volume_is_refused_as_the_map(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "map.mha"
    path.write_bytes(content)
    with pytest.raises(MapRefused, match=r"^The probability map cannot be read: ") as refusal:
        read_map(path, GRID)
    assert refusal.value.code == "map_unreadable"


@QUICK
@given(st.integers(0, 2**32 - 1))
def test_what_is_kept_gives_the_same_steps(seed: int) -> None:
    values = np.random.default_rng(seed).random(SHAPE).astype(np.float32)
    steps = read_map(io.BytesIO(write_mha(Volume(values, GRID))), GRID)
    again = kept_map(io.BytesIO(write_mha(Volume(steps, GRID))), GRID)
    np.testing.assert_array_equal(again, steps)
    assert np.abs(steps / STEPS - values).max() <= 0.5 / STEPS + 1e-7


def test_only_a_kept_map_is_taken_for_one(tmp_path: Path) -> None:
    too_high = np.full(SHAPE, STEPS + 1, np.uint16)
    for name, voxels in {"float.mha": probabilities(), "high.mha": too_high}.items():
        with pytest.raises(EvaluationError, match="No map in steps"):
            kept_map(written(tmp_path / name, voxels), GRID)
    with pytest.raises(EvaluationError, match="differs from the reference"):
        kept_map(written(tmp_path / "map.mha", to_steps(probabilities())), grid(SHAPE))


# Decoded apart


def test_the_decoder_gives_what_the_library_reads(tmp_path: Path) -> None:
    path = written(tmp_path / "map.mha", probabilities())
    with path.open("rb") as file:
        found = decode_map(file, GRID)
    np.testing.assert_array_equal(found, read_map(path, GRID))
    found[0, 0, 0] = 7  # its owner's to change


@pytest.mark.parametrize("kind", ["nan", "grid", "elsewhere", "huge"])
def test_the_decoder_refuses_with_the_codes_of_the_library(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "map.mha"
    written(path, np.full(SHAPE, np.nan if kind == "nan" else 0.5, np.float32))
    text = path.read_bytes()
    changes = {
        "grid": (b"Offset = 0.0", b"Offset = 9.0"),
        "elsewhere": (b"ElementDataFile = LOCAL", b"ElementDataFile = /etc/passwd"),
        "huge": (b"DimSize = 5 4 3", b"DimSize = 10000 10000 10000"),
    }
    old, new = changes.get(kind, (b"", b""))
    assert old in text
    path.write_bytes(text.replace(old, new, 1) if old else text)
    with path.open("rb") as file, pytest.raises(MapRefused) as refusal:
        decode_map(file, GRID)
    with pytest.raises(MapRefused) as alone:
        read_map(path, GRID)
    assert (refusal.value.code, refusal.value.message) == (alone.value.code, alone.value.message)
    assert (
        refusal.value.code
        in {
            "nan": {"map_not_finite"},
            "grid": {"map_wrong_grid"},
            "elsewhere": {"map_unreadable"},
            "huge": {"map_unreadable", "map_wrong_grid"},
        }[kind]
    )
    assert "/etc/passwd" not in refusal.value.message or kind == "elsewhere"


# Where a map is judged


def test_voxels_near_the_reference_the_mask_or_a_likely_one_are_judged() -> None:
    """Along a line of 5 mm; each of the three alone brings itself and a neighbour on each side."""
    line = grid((1, 1, 20), (5.0, 1.0, 1.0))
    steps = np.full((1, 1, 20), 6_000, np.uint16)
    reference, drawn = np.zeros((1, 1, 20), bool), np.zeros((1, 1, 20), bool)
    reference[0, 0, 2], drawn[0, 0, 8], steps[0, 0, 14] = True, True, STEPS // 2
    found = reliability_of_map(steps, reference, drawn, line, within_mm=5.0)
    assert found.total == 9
    assert sum(found.held) == 1
    assert found.number[5] == 1
    assert reliability_of_map(steps, reference, drawn, line, within_mm=0.0).total == 3
    assert reliability_of_map(steps, reference, drawn, line, within_mm=4.99).total == 3


def test_the_region_grows_with_what_the_challenge_declares() -> None:
    totals = [
        score_of(asking(within_mm=within), to_steps(probabilities())).total
        for within in (0, 3, 5, 10, 30)
    ]
    assert totals == sorted(totals)
    assert totals[-1] == LESION.size


# Scored


def score_of(spec: EvaluationSpec, confidence: Any, answer: Any = ANSWER) -> Reliability:
    found = counted(spec, confidence, answer)
    assert found is not None
    return found


def counted(spec: EvaluationSpec, confidence: Any, answer: Any = ANSWER) -> Reliability | None:
    drawn = None if answer is None else DrawnMask.from_array(answer, GRID)
    reference = DrawnMask.from_array(LESION, GRID)
    return score_masks(reference, drawn, spec, confidence=confidence).counts["lesion"].reliability


def test_a_map_is_counted_beside_its_mask() -> None:
    found = score_of(asking(within_mm=0), to_steps(probabilities()))
    # R, P and p ≥ 0.5 together: (1,1,0) 0.9, (1,1,1) 0.8, (1,1,2) 0.7, (1,1,3) 0.2, (1,2,1) 0.
    assert found.number == (1, 0, 1, 0, 0, 0, 0, 1, 1, 1)
    assert found.held == (1, 0, 0, 0, 0, 0, 0, 1, 1, 0)
    assert found.brier == pytest.approx((0.81 + 0.04 + 0.09 + 0.04 + 1.0) / 5)


@pytest.mark.parametrize(("dice_at_least", "so"), [(0.5, 1), (2 / 3, 1), (0.7, 0)])
def test_a_value_is_right_where_the_mask_reaches_the_dice(dice_at_least: float, so: int) -> None:
    """Dice is 2·2/6."""
    spec = asking(kind="uncertainty_value", dice_at_least=dice_at_least)
    found = score_of(spec, 0.75)
    assert (found.total, sum(found.held), sum(found.stated)) == (1, so, 45_000)
    assert found.brier == pytest.approx((0.75 - so) ** 2)


def test_without_lesions_an_empty_mask_is_good_and_any_other_is_not() -> None:
    nothing = np.zeros(SHAPE, np.uint8)
    empty = DrawnMask.from_array(nothing, GRID)
    for answer, so in ((nothing, 1), (ANSWER, 0)):
        drawn = DrawnMask.from_array(answer, GRID)
        counts = score_masks(empty, drawn, OF_VALUE, confidence=0.5).counts["lesion"]
        assert counts.reliability is not None
        assert sum(counts.reliability.held) == so


def test_nothing_is_counted_without_a_statement_a_result_or_a_question() -> None:
    assert counted(asking(), None) is None
    assert counted(asking(), to_steps(probabilities()), answer=None) is None
    assert counted(EvaluationSpec(), to_steps(probabilities())) is None


def test_a_statement_changes_no_other_score() -> None:
    reference, answer = (DrawnMask.from_array(one, GRID) for one in (LESION, ANSWER))
    stated = score_masks(reference, answer, asking(), confidence=to_steps(probabilities()))
    assert stated.metrics == score_case(LESION, ANSWER, GRID, asking()).metrics


def test_the_scorer_apart_counts_as_the_library(tmp_path: Path) -> None:
    reference = written(tmp_path / "reference.mha", LESION)
    answer = written(tmp_path / "answer.mha", ANSWER)
    steps = to_steps(probabilities())
    kept = written(tmp_path / "kept.mha", steps)
    found = score_files(reference, answer, GRID.voxels, asking(), probability=kept)
    assert found["counts"]["lesion"]["reliability"] == score_of(asking(), steps).to_json()
    found = score_files(reference, answer, GRID.voxels, OF_VALUE, stated=0.75)
    assert found["counts"]["lesion"]["reliability"] == score_of(OF_VALUE, 0.75).to_json()
    found = score_files(reference, answer, GRID.voxels, EvaluationSpec(), probability=kept)
    assert "reliability" not in found["counts"]["lesion"]


# On one's own machine


def run(*arguments: object) -> Any:
    return CliRunner().invoke(app, [str(one) for one in arguments], env={"COLUMNS": "200"})


def folders(tmp_path: Path) -> list[object]:
    for role in ("references", "predictions", "maps"):
        (tmp_path / role).mkdir()
    for name in "abc":
        written(tmp_path / "references" / f"{name}.mha", LESION)
        written(tmp_path / "predictions" / f"{name}.mha", ANSWER)
    written(tmp_path / "maps" / "a.mha", probabilities())
    written(tmp_path / "maps" / "b.mha", np.full(SHAPE, np.nan, np.float32))
    return [
        "score", "--references", tmp_path / "references", "--predictions",
        tmp_path / "predictions", "--probability", tmp_path / "maps",
    ]  # fmt: skip


def test_maps_beside_masks_are_scored_as_on_a_platform(tmp_path: Path) -> None:
    found = run(*folders(tmp_path), "--json")
    assert found.exit_code == 1  # b's map is none, and costs the case
    document = json.loads(found.stdout)
    cases = {one["case"]: one for one in document["cases"]}
    assert cases["b"]["reason"]["code"] == "map_not_finite"
    assert cases["c"]["reason"] is None
    kept = cases["a"]["targets"][0]["counts"]["lesion"]["reliability"]
    expected = score_of(asking(), to_steps(probabilities()))
    assert kept == expected.to_json()
    brier = document["cohort"]["brier"]["lesion"]
    assert brier["value"] == expected.brier
    assert brier["note"] == "2 of 3 cases without a statement left out"


def test_a_map_that_is_required_and_missing_costs_the_case(tmp_path: Path) -> None:
    spec = tmp_path / "spec.yaml"
    spec.write_text(
        "metrics: [dice, brier]\n"
        "confidence: {kind: probability_map, name: pet-probability, required: true}\n"
    )
    text = f"evaluation:\n  {spec.read_text().replace(chr(10), chr(10) + '  ')}"
    spec.write_text(text.rstrip() + "\n")
    found = run(*folders(tmp_path), "--spec", spec, "--json")
    cases = {one["case"]: one for one in json.loads(found.stdout)["cases"]}
    assert cases["c"]["reason"]["code"] == "no_confidence"
    assert cases["a"]["reason"] is None


def test_one_map_beside_one_mask(tmp_path: Path) -> None:
    paths = [written(tmp_path / f"{n}.mha", one) for n, one in enumerate((LESION, ANSWER))]
    found = run("score", *paths, "--probability", written(tmp_path / "p.mha", probabilities()))
    assert found.exit_code == 0
    assert "expected_calibration_error" in found.stdout
    assert "expected_calibration_error" not in run("score", *paths).stdout


def test_maps_that_nothing_asks_for_are_refused(tmp_path: Path) -> None:
    spec = tmp_path / "spec.yaml"
    spec.write_text("evaluation:\n  metrics: [dice]\n")
    found = run(*folders(tmp_path), "--spec", spec)
    assert found.exit_code == 2
    assert "leave --probability out" in found.stderr
