"""Published numbers on real PET masks, and the thresholds' known Dice on 40 sarcomas."""

from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import generate_binary_structure, label

from evaluation.distances import Engine
from evaluation.empties import Family
from evaluation.geometry import Geometry
from evaluation.masks import label_values
from evaluation.metrics import Direction
from evaluation.oracle import medpy_dice, medpy_hd, medpy_hd95_pooled
from evaluation.pair import Pair
from evaluation.scoring import score_case
from evaluation.spec import EvaluationSpec
from evaluation.volumes import read_volume
from tests.evaluation.grids import EVERY_METRIC, Labels

pytestmark = pytest.mark.data


@pytest.fixture(scope="module")
def psma112(data_folder: Path) -> tuple[Labels, Labels, Geometry]:
    return pair(data_folder, "psma112")


def pair(data_folder: Path, name: str) -> tuple[Labels, Labels, Geometry]:
    folder = data_folder / "autopet_pairs"
    reference = read_volume(folder / f"{name}_reference.nii.gz")
    prediction = read_volume(folder / f"{name}_prediction.nii.gz")
    assert reference.geometry.differences(prediction.geometry) == ()
    return (
        label_values(reference.voxels, [1]),
        label_values(prediction.voxels, [1]),
        reference.geometry,
    )


@pytest.fixture(scope="module")
def scored(psma112: tuple[Labels, Labels, Geometry]) -> dict[str, float | None]:
    metrics = score_case(*psma112, EVERY_METRIC).metrics
    return {name: labels["lesion"].value for name, labels in metrics.items()}


def test_dice(scored: dict[str, float | None]) -> None:
    assert scored["dice"] == pytest.approx(0.6967340590979783, rel=1e-12)


def test_distances(scored: dict[str, float | None]) -> None:
    assert scored["hd"] == pytest.approx(119.12, abs=0.005)
    assert scored["hd95"] == pytest.approx(20.82, abs=0.005)
    assert scored["assd"] == pytest.approx(3.385, abs=0.0005)


def test_missed_and_false_volume(scored: dict[str, float | None]) -> None:
    """As autoPET publishes them: volumes of components without contact."""
    assert scored["fpv_ml"] == pytest.approx(2.754, abs=0.0005)
    assert scored["fnv_ml"] == pytest.approx(25.015, abs=0.0005)


def test_the_pooled_percentile(scored: dict[str, float | None]) -> None:
    assert scored["hd95_pooled"] == pytest.approx(8.39, abs=0.005)


def test_112_lesions_are_counted_and_no_more_are_found(
    psma112: tuple[Labels, Labels, Geometry], scored: dict[str, float | None]
) -> None:
    """Against SciPy's labels; each found lesion overlaps one, and is one, drawn component."""
    reference, prediction, geometry = psma112
    pair = Pair.of_arrays(reference > 0, prediction > 0, geometry)
    edges = generate_binary_structure(3, 2)
    counts = [label(mask, edges)[1] for mask in (reference, prediction)]
    assert [side.lesions.count for side in (pair.reference, pair.prediction)] == counts
    assert counts[0] == 112
    found = pair.matching(0.1)
    assert scored["lesion_sensitivity"] == found.true_positives / 112
    assert scored["lesion_ppv"] == found.true_positives / counts[1]
    assert scored["lesion_fp_count"] == counts[1] - found.true_positives
    assert 0 < found.true_positives < min(counts)


def test_every_engine_and_thread_gives_the_bits_of_every_other(
    psma112: tuple[Labels, Labels, Geometry],
) -> None:
    reference, prediction, geometry = psma112
    drawn = [np.flatnonzero(mask).astype(np.int32) for mask in (reference, prediction)]
    found = set()
    for engine in Engine:
        for threads in (1, 2):
            pair = Pair(drawn[0], drawn[1], geometry, engine=engine, threads=threads)
            mm = pair.reference_to_prediction_mm, pair.prediction_to_reference_mm
            found.add((mm[0].tobytes(), mm[1].tobytes()))
    assert len(found) == 1


def test_a_shift_by_one_voxel_costs_a_dice_of_0_38_where_lesions_are_small(
    psma112: tuple[Labels, Labels, Geometry],
) -> None:
    """Why the origin in the header has to be the reference's, and is no matter of taste."""
    reference, _, geometry = psma112
    shifted = np.roll(reference, 1, axis=2)
    spec = EvaluationSpec(metrics=["dice"])
    dice = score_case(reference, shifted, geometry, spec).metrics["dice"]["lesion"].value
    assert dice is not None
    assert 1 - dice == pytest.approx(0.38, abs=0.005)


def test_the_volume_of_112_lesions(psma112: tuple[Labels, Labels, Geometry]) -> None:
    reference, _, geometry = psma112
    whole = score_case(reference, reference, geometry, EVERY_METRIC)
    assert whole.reference_ml["lesion"] == pytest.approx(431, abs=0.5)


def test_medpy_agrees_where_it_defines_the_same(
    psma112: tuple[Labels, Labels, Geometry], scored: dict[str, float | None]
) -> None:
    reference, prediction, geometry = psma112
    x, y, z = geometry.spacing
    box = tuple(
        slice(max(0, int(hit.min()) - 2), int(hit.max()) + 3)
        for hit in np.nonzero(reference | prediction)
    )
    masks = prediction[box] > 0, reference[box] > 0
    assert scored["dice"] == pytest.approx(medpy_dice(*masks))
    assert scored["hd"] == pytest.approx(medpy_hd(*masks, (z, y, x)))
    assert medpy_hd95_pooled(*masks, (z, y, x)) == pytest.approx(8.39, abs=0.005)


def test_the_second_pair(data_folder: Path) -> None:
    scored = score_case(*pair(data_folder, "psma8"), EvaluationSpec(metrics=["dice"]))
    assert scored.metrics["dice"]["lesion"].value == pytest.approx(0.8702044346217599, rel=1e-12)


def test_a_whole_body_label_is_read_and_equals_itself(data_folder: Path) -> None:
    volume = read_volume(data_folder / "autopet_pairs" / "fdg_label_400x400x326.nii.gz")
    labels = label_values(volume.voxels, [1])
    assert volume.geometry.size == (400, 400, 326)
    scored = score_case(labels, labels, volume.geometry, EVERY_METRIC).metrics
    found = {name: values["lesion"].value for name, values in scored.items()}
    assert found.pop("mtv_ml") == pytest.approx(labels.sum() * volume.geometry.voxel_volume_ml)
    for metric in EVERY_METRIC.shown:
        if metric.family is Family.EMPTY_CASE:
            assert found[metric.id] is None
        elif metric.id in found:
            perfect = 1.0 if metric.direction is Direction.HIGHER else 0.0
            assert found[metric.id] == pytest.approx(perfect, abs=1e-12), metric.id


def test_fixed_thresholds_on_40_sarcomas_reach_their_known_dice(data_folder: Path) -> None:
    """Low, as these are radiotherapy contours: which is right."""
    found: dict[str, list[float]] = {"2.5": [], "3.0": [], "4.0": [], "41 %": []}
    spec = EvaluationSpec(metrics=["dice"])
    for folder in sorted((data_folder / "sts_pet").glob("STS_*")):
        pet = read_volume(folder / "pet.nii.gz")
        reference = read_volume(folder / "reference.nii.gz")
        assert pet.geometry.differences(reference.geometry) == ()
        suv = pet.voxels.astype(np.float32)
        limits = {"2.5": 2.5, "3.0": 3.0, "4.0": 4.0, "41 %": 0.41 * float(suv.max())}
        for name, limit in limits.items():
            drawn = (suv >= limit).astype(np.uint8)
            scored = score_case(label_values(reference.voxels, [1]), drawn, pet.geometry, spec)
            dice = scored.metrics["dice"]["lesion"].value
            assert dice is not None
            found[name].append(dice)
    assert {name: len(values) for name, values in found.items()} == dict.fromkeys(found, 40)
    means = {name: float(np.mean(values)) for name, values in found.items()}
    assert means == pytest.approx(
        {"2.5": 0.5925, "3.0": 0.5479, "4.0": 0.4451, "41 %": 0.3320}, abs=5e-5
    )


def test_the_digital_phantom_has_its_published_volume(data_folder: Path) -> None:
    """592 mm³ by counting voxels; the Image Biomarker Standardisation Initiative's consensus."""
    mask = read_volume(data_folder / "digital_phantom" / "mask.nii.gz")
    labels = label_values(mask.voxels, [1])
    scored = score_case(labels, labels, mask.geometry, EVERY_METRIC)
    assert scored.reference_ml["lesion"] == pytest.approx(0.592)
