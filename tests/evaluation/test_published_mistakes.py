"""What published scorers got wrong, one by one. None of it may come back here.

More stands where it belongs: the table of empty masks in test_empty_masks.py, values of masks in
test_masks.py, grids in test_geometry.py.
"""

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import SimpleITK

from evaluation.aggregate import clip_to_worst, summarise
from evaluation.errors import MaskRefused
from evaluation.files import score_files
from evaluation.geometry import Geometry
from evaluation.masks import label_values, read_mask
from evaluation.metrics import REGISTRY, Direction
from evaluation.oracle import medpy_hd, medpy_hd95_pooled
from evaluation.ranking import aggregate_then_rank
from evaluation.spec import EvaluationSpec
from evaluation.volumes import Volume, write_volume
from tests.evaluation.grids import EVERY_METRIC, Labels, grid, mask, score

SHAPE = (6, 7, 8)
GRID = grid(SHAPE, (4.0, 4.0, 5.0))
EMPTY = mask(SHAPE)
LESION = mask(SHAPE, (2, 3, 3), (2, 3, 4), (3, 3, 3))
SURFACES = ("hd", "hd95", "hd95_pooled", "assd")
VOLUMES = EvaluationSpec(metrics=["dice", "mtv_ml", "mtv_error_ml", "fpv_ml", "fnv_ml"])


def values(reference: Labels, prediction: Labels | None) -> dict[str, float | None]:
    scored = score(reference, prediction, GRID)
    return {metric: labels["lesion"].value for metric, labels in scored.metrics.items()}


@pytest.mark.parametrize("metric", SURFACES)
def test_an_empty_prediction_has_not_the_best_distance(metric: str) -> None:
    """A published scorer gives HD95 = 0, which is what a perfect answer gets."""
    assert values(LESION, LESION)[metric] == 0.0
    assert values(LESION, EMPTY)[metric] == pytest.approx(GRID.diagonal_mm)


@pytest.mark.parametrize("metric", SURFACES)
def test_an_empty_prediction_is_no_better_than_one_voxel_anywhere(metric: str) -> None:
    worst = values(LESION, EMPTY)[metric]
    assert worst is not None
    for place in [(0, 0, 0), (5, 6, 7), (2, 3, 3)]:
        one = values(LESION, mask(SHAPE, place))[metric]
        assert one is not None
        assert one < worst


def test_an_empty_mask_stops_no_program() -> None:
    """medpy raises; a loop over cases then ends, or drops the case."""
    for reference, prediction in ((EMPTY, LESION), (LESION, EMPTY), (EMPTY, EMPTY)):
        for theirs in (medpy_hd, medpy_hd95_pooled):
            with pytest.raises(RuntimeError):
                theirs(prediction > 0, reference > 0, (5.0, 4.0, 4.0))
        assert set(values(reference, prediction)) == {one.id for one in EVERY_METRIC.shown}


def test_two_empty_masks_have_no_dice_and_not_an_infinite_or_perfect_one() -> None:
    """SimpleITK's is not a number; others' is 1, so that lesion-free cases raise the mean."""
    image = SimpleITK.GetImageFromArray(EMPTY)
    measures = SimpleITK.LabelOverlapMeasuresImageFilter()
    measures.Execute(image, image)
    assert not math.isfinite(measures.GetDiceCoefficient())
    found = values(EMPTY, EMPTY)
    assert (found["dice"], found["correct_negative"]) == (None, 1.0)


def test_a_case_without_lesions_cannot_be_won_or_lost_in_dice() -> None:
    """Only its own metrics speak of it: neither 0 nor 1 enters the mean of the others."""
    found = [values(LESION, LESION)["dice"], values(EMPTY, LESION)["dice"]]
    assert (summarise(found).count, summarise(found).mean) == (1, 1.0)


def test_leaving_out_the_hard_cases_raises_no_mean() -> None:
    """A published scorer skips what is missing: 0.9 on one case of three would be a mean of 0.9."""
    one_voxel = mask(SHAPE, (2, 3, 3))
    honest = [values(LESION, answer)["dice"] for answer in (LESION, one_voxel, one_voxel)]
    picking = [values(LESION, answer)["dice"] for answer in (LESION, None, None)]
    means = [summarise(one) for one in (honest, picking)]
    assert means[0].count == means[1].count == 3
    assert means[1].mean == pytest.approx(1 / 3)
    assert (means[0].mean or 0) > (means[1].mean or 0)


def test_failing_on_the_worst_case_never_improves_a_rank() -> None:
    """For every metric that ranks: each answer in turn is replaced by none."""
    far = mask(SHAPE, (0, 0, 0), (5, 6, 7))
    noise = (np.random.default_rng(3).random(SHAPE) < 0.5).astype(np.uint8)
    references = [LESION, EMPTY, LESION]
    entries: dict[str, list[Labels | None]] = {
        "good": [LESION, EMPTY, LESION],
        "fair": [mask(SHAPE, (2, 3, 3)), EMPTY, mask(SHAPE, (2, 3, 4))],
        "poor": [far, noise, noise],
    }
    ranked = [metric for metric in EVERY_METRIC.shown if metric.rankable]
    before = ranks(entries, references)
    for entry, answers in entries.items():
        for case in range(len(references)):
            failed: list[Labels | None] = [*answers]
            failed[case] = None
            after = ranks({**entries, entry: failed}, references)
            for metric in ranked:
                assert after[metric.id][entry] >= before[metric.id][entry], (metric.id, entry)


def test_a_declared_cost_of_failing_is_a_floor_for_every_answer() -> None:
    """A challenge may say that failing is worth a Dice of 0.3: then no answer is worth less."""
    assert clip_to_worst(REGISTRY["dice"], 0.1, 0.3) == 0.3
    assert clip_to_worst(REGISTRY["dice"], 0.4, 0.3) == 0.4
    assert clip_to_worst(REGISTRY["hd95"], 90.0, 60.0) == 60.0


def ranks(
    entries: dict[str, list[Labels | None]], references: list[Labels]
) -> dict[str, dict[str, int]]:
    """[metric][entry], by the mean of clipped values."""
    scored = {
        entry: [
            score(reference, answer, GRID).metrics
            for reference, answer in zip(references, answers, strict=True)
        ]
        for entry, answers in entries.items()
    }
    found = {}
    for metric in EVERY_METRIC.shown:
        if metric.rankable:
            table = {}
            for entry, cases in scored.items():
                cells = [case[metric.id]["lesion"] for case in cases]
                clipped = [clip_to_worst(metric, cell.value, cell.worst) for cell in cells]
                table[entry] = [summarise(clipped).mean]
            standing = aggregate_then_rank(table, [metric.direction])
            found[metric.id] = {entry: rank for entry, (rank, _) in standing.items()}
    return found


def test_nothing_that_is_not_a_number_is_written_down() -> None:
    """A published scorer's NaN takes the whole entry out of the ranking."""
    for reference in (EMPTY, LESION):
        for prediction in (EMPTY, LESION, None):
            scored = score(reference, prediction, GRID).to_json()
            assert json.loads(json.dumps(scored, allow_nan=False)) == scored


def test_a_metric_that_does_not_apply_takes_no_entry_out() -> None:
    standing = aggregate_then_rank(
        {"one": [0.5, None], "other": [0.4, None]}, [Direction.HIGHER, Direction.LOWER]
    )
    assert {entry: rank for entry, (rank, _) in standing.items()} == {"one": 1, "other": 2}


class TestTheSubmittedHeader:
    """A published scorer reads the voxel volume from it: who writes 0.1 mm has no false volume."""

    def score_of(self, folder: Path, prediction: Labels, on: Geometry) -> dict[str, float | None]:
        write_volume(folder / "reference.nii.gz", Volume(LESION, GRID))
        write_volume(folder / "prediction.mha", Volume(prediction, on))
        scored = score_files(folder / "reference.nii.gz", folder / "prediction.mha", VOLUMES)
        return {name: labels["lesion"].value for name, labels in scored.metrics.items()}

    def test_with_tiny_voxels_is_refused(self, tmp_path: Path) -> None:
        tiny = replace(GRID, spacing=(0.1, 0.1, 0.1))
        with pytest.raises(MaskRefused, match="spacing") as refused:
            self.score_of(tmp_path, LESION, tiny)
        assert refused.value.code == "wrong_grid"
        assert "0.1 0.1 0.1" in refused.value.message
        assert "4 4 5" in refused.value.message

    def test_within_the_tolerance_is_not_what_volumes_are_measured_by(self, tmp_path: Path) -> None:
        stray = mask(SHAPE, (0, 0, 0), (0, 0, 1))
        expected = self.score_of(tmp_path, stray, GRID)
        a_little_less = replace(GRID, spacing=(3.9991, 3.9991, 4.9991), origin=(0.009, 0.0, 0.0))
        assert self.score_of(tmp_path, stray, a_little_less) == expected
        assert expected["fpv_ml"] == pytest.approx(2 * 0.08)
        assert read_mask(tmp_path / "prediction.mha", GRID, [1]).geometry == GRID

    @pytest.mark.parametrize("axis", [0, 1, 2])
    def test_one_voxel_off_is_refused(self, axis: int, tmp_path: Path) -> None:
        """It would cost a Dice of 0.12 on bulky lesions and 0.38 on 112 small ones, unseen."""
        origin = [0.0, 0.0, 0.0]
        origin[axis] = GRID.spacing[axis]
        shifted = replace(GRID, origin=(origin[0], origin[1], origin[2]))
        with pytest.raises(MaskRefused, match="origin"):
            self.score_of(tmp_path, LESION, shifted)

    def test_of_a_mirrored_patient_is_refused(self, tmp_path: Path) -> None:
        mirrored = replace(GRID, direction=(-1.0, 0, 0, 0, -1.0, 0, 0, 0, 1.0))
        with pytest.raises(MaskRefused, match="direction"):
            self.score_of(tmp_path, LESION, mirrored)


def test_a_voxel_has_the_volume_of_its_grid_however_it_is_turned() -> None:
    """The product of a NIfTI affine's diagonal, as some have it, is 0 for axes that are swapped."""
    swapped = replace(GRID, direction=(0.0, 1.0, 0, 0, 0, 1.0, 1.0, 0, 0))
    assert np.prod(np.diag(swapped.ras_affine()[:3, :3])) == 0.0
    assert swapped.voxel_volume_ml == pytest.approx(GRID.voxel_volume_ml)
    assert score(LESION, LESION, swapped).reference_ml["lesion"] == pytest.approx(3 * 0.08)


def test_a_mask_of_0_and_255_is_refused_and_not_thresholded() -> None:
    """“> 0” would take it, and a probability map with it; “== 1” would take it for empty."""
    for strange in ((LESION * 255), LESION * 0.7, LESION * 2):
        with pytest.raises(MaskRefused) as refused:
            label_values(strange, [1])
        assert refused.value.code == "wrong_values"


def test_a_mask_of_0_and_255_in_a_file_is_told_what_to_write(tmp_path: Path) -> None:
    write_volume(tmp_path / "mask.nii.gz", Volume(LESION * 255, GRID))
    with pytest.raises(MaskRefused, match=r"holds the value 255; expected only \[0, 1\]"):
        read_mask(tmp_path / "mask.nii.gz", GRID, [1])


def test_distances_are_in_mm_and_not_in_voxels() -> None:
    """medpy's default is voxels; in a published evaluation they were taken for mm."""
    far = mask(SHAPE, (0, 3, 3)), mask(SHAPE, (4, 3, 3))
    assert values(*far)["hd"] == pytest.approx(4 * 5.0)
    assert medpy_hd(far[1] > 0, far[0] > 0, (1.0, 1.0, 1.0)) == pytest.approx(4.0)


def test_spacing_goes_with_its_own_axis() -> None:
    """SimpleITK's order is x, y, z, NumPy's is z, y, x."""
    geometry = grid(SHAPE, (1.0, 2.0, 5.0))
    for place, expected in (((3, 3, 3), 5.0), ((2, 4, 3), 2.0), ((2, 3, 4), 1.0)):
        scored = score(mask(SHAPE, (2, 3, 3)), mask(SHAPE, place), geometry)
        assert scored.metrics["hd"]["lesion"].value == pytest.approx(expected)


def test_a_false_lesion_in_a_lesion_free_case_costs() -> None:
    """Where such cases are skipped, drawing everywhere is free."""
    found = values(EMPTY, LESION)
    assert (found["correct_negative"], found["case_specificity"]) == (0.0, 0.0)
    assert found["lesion_fp_count"] == 1.0
    assert found["fpv_ml"] == pytest.approx(3 * 0.08)


def test_every_metric_says_which_way_is_better_and_what_it_hides() -> None:
    for metric in REGISTRY.values():
        assert metric.definition.endswith("."), metric.id
        assert metric.advice.endswith("."), metric.id
        assert metric.direction.words
