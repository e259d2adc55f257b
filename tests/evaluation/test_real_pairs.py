"""Published numbers on real PET masks, and the thresholds' known Dice on 40 sarcomas."""

from pathlib import Path

import numpy as np
import pytest

from evaluation.geometry import Geometry
from evaluation.masks import label_values
from evaluation.oracle import medpy_dice, medpy_hd, medpy_hd95_pooled
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
    assert scored["dice"]["lesion"].value == 1.0
    assert scored["hd"]["lesion"].value == 0.0


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
