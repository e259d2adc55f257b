"""The baseline programs, run as plain processes on volumes that a person can check by hand."""

import os
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

ALGORITHMS = Path(__file__).resolve().parents[2] / "examples" / "algorithms"
SLUG = "pet-lesion-segmentation"


def write_pet(root: Path, suv: np.ndarray, *, compressed: bool = False, **geometry: object) -> Path:
    path = root / "images" / "pet" / "a1b2.mha"
    path.parent.mkdir(parents=True)
    image = sitk.GetImageFromArray(suv)
    image.SetSpacing(geometry.get("spacing", (4.0, 4.0, 5.0)))
    image.SetOrigin((-10.5, 20.25, 300.0))
    image.SetDirection(geometry.get("direction", (1, 0, 0, 0, 1, 0, 0, 0, 1)))
    sitk.WriteImage(image, str(path), compressed)
    return path


def start(name: str, root: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    known = ("SUV_THRESHOLD", "PERCENT", "SEED_SUV", "SCOPE", "PHYSIOLOGICAL", "OUTPUT_SLUG")
    clean = {key: value for key, value in os.environ.items() if key not in known}
    command = [sys.executable, str(ALGORITHMS / name / "algorithm.py")]
    command += ["--input", str(root), "--output", str(root / "out")]
    return subprocess.run(
        command, env=clean | settings, capture_output=True, text=True, timeout=60, check=False
    )


def mask(root: Path, slug: str = SLUG) -> np.ndarray:
    return sitk.GetArrayFromImage(sitk.ReadImage(str(root / "out/images" / slug / "a1b2.mha")))


def segment(name: str, root: Path, suv: np.ndarray, **settings: str) -> np.ndarray:
    write_pet(root, suv)
    result = start(name, root, **settings)
    assert result.returncode == 0, result.stderr
    return mask(root)


def row(*suv: float) -> np.ndarray:
    return np.array(suv, dtype=np.float32).reshape(1, 1, -1)


def test_a_voxel_of_exactly_the_threshold_is_lesion(tmp_path: Path) -> None:
    below = np.nextafter(np.float32(2.5), np.float32(0))
    assert segment("fixed_threshold", tmp_path, row(below, 2.5, 9, 0)).ravel().tolist() == [
        0,
        1,
        1,
        0,
    ]


def test_the_threshold_is_compared_in_float32(tmp_path: Path) -> None:
    """0.1 as float64 is below 0.1 as float32; the stored 3.3 is below 3.3 as float64."""
    found = segment("fixed_threshold", tmp_path, row(3.3, 3.2), SUV_THRESHOLD="3.3")
    assert found.ravel().tolist() == [1, 0]


def test_a_threshold_that_is_no_number_is_refused(tmp_path: Path) -> None:
    write_pet(tmp_path, row(1, 2))
    result = start("fixed_threshold", tmp_path, SUV_THRESHOLD="high")
    assert result.returncode == 1
    assert result.stderr == "SUV_THRESHOLD is 'high', expected a positive number\n"


def test_each_lesion_has_its_own_maximum(tmp_path: Path) -> None:
    """41 % of 10 is 4.1 and of 5 is 2.05: below the seed of 2.5, which bounds the lesion."""
    found = segment("percent_of_max", tmp_path, row(10, 4.2, 4, 0, 5, 2.6, 2.4))
    assert found.ravel().tolist() == [1, 1, 0, 0, 1, 1, 0]


def test_one_maximum_for_the_whole_image(tmp_path: Path) -> None:
    found = segment("percent_of_max", tmp_path, row(10, 4.2, 4, 0, 5, 2.6), SCOPE="image")
    assert found.ravel().tolist() == [1, 1, 0, 0, 1, 0]


def test_lesions_touch_by_edges_but_not_by_corners(tmp_path: Path) -> None:
    suv = np.zeros((2, 3, 3), dtype=np.float32)
    suv[0, 0, 0], suv[0, 1, 1], suv[1, 2, 2] = 20, 4, 4
    expected = np.zeros_like(suv, dtype=np.uint8)
    expected[0, 0, 0] = expected[1, 2, 2] = 1
    np.testing.assert_array_equal(segment("percent_of_max", tmp_path, suv), expected)


@pytest.mark.parametrize("scope", ["lesion", "image"])
def test_no_uptake_gives_an_empty_mask(tmp_path: Path, scope: str) -> None:
    assert not segment("percent_of_max", tmp_path, row(0, 0, 0), SCOPE=scope).any()


def test_an_unknown_scope_is_refused(tmp_path: Path) -> None:
    write_pet(tmp_path, row(1))
    result = start("percent_of_max", tmp_path, SCOPE="voxel")
    assert (result.returncode, result.stderr) == (1, "SCOPE is 'voxel', expected lesion or image\n")


@pytest.mark.parametrize("dtype", [np.int16, np.uint8, np.float32, np.float64])
@pytest.mark.parametrize("compressed", [False, True])
def test_every_number_type_raw_or_compressed_is_read(
    tmp_path: Path, dtype: type, compressed: bool
) -> None:
    suv: np.ndarray = np.arange(24).reshape(2, 3, 4).astype(dtype)
    write_pet(tmp_path, suv, compressed=compressed)
    assert start("fixed_threshold", tmp_path, SUV_THRESHOLD="11").returncode == 0
    np.testing.assert_array_equal(mask(tmp_path), suv >= 11)


def test_the_mask_keeps_the_geometry_of_the_pet(tmp_path: Path) -> None:
    turned = (0, 1, 0, -1, 0, 0, 0, 0, 1)
    path = write_pet(tmp_path, np.ones((2, 3, 4), np.float32), spacing=(2, 3, 7), direction=turned)
    assert start("fixed_threshold", tmp_path, OUTPUT_SLUG="tumour").returncode == 0
    pet = sitk.ReadImage(str(path))
    out = sitk.ReadImage(str(tmp_path / "out/images/tumour/a1b2.mha"))
    assert out.GetPixelID() == sitk.sitkUInt8
    assert out.GetSize() == pet.GetSize()
    assert out.GetSpacing() == pet.GetSpacing()
    assert out.GetOrigin() == pet.GetOrigin()
    assert out.GetDirection() == pet.GetDirection()


def test_big_endian_data_are_read(tmp_path: Path) -> None:
    path = tmp_path / "images/pet/a1b2.mha"
    path.parent.mkdir(parents=True)
    data = zlib.compress(np.array([1, 2, 3, 4], dtype=">f4").tobytes())
    header = "ObjectType = Image\nNDims = 3\nBinaryData = True\nBinaryDataByteOrderMSB = True\n"
    header += "CompressedData = True\nElementSpacing = 1 1 1\nDimSize = 4 1 1\n"
    path.write_bytes(
        (header + "ElementType = MET_FLOAT\nElementDataFile = LOCAL\n").encode() + data
    )
    assert start("fixed_threshold", tmp_path).returncode == 0
    assert mask(tmp_path).ravel().tolist() == [0, 0, 1, 1]


def test_data_in_another_file_are_refused(tmp_path: Path) -> None:
    path = write_pet(tmp_path, row(1, 2))
    path.write_bytes(path.read_bytes().replace(b"= LOCAL", b"= a.raw"))
    result = start("fixed_threshold", tmp_path)
    assert result.returncode == 1
    assert result.stderr == "a1b2.mha: ElementDataFile is a.raw, expected LOCAL\n"


def test_a_folder_without_a_pet_is_refused(tmp_path: Path) -> None:
    result = start("fixed_threshold", tmp_path)
    assert result.returncode == 1
    assert "0 .mha files in" in result.stderr


def torso() -> np.ndarray:
    """[z, y, x], 8 mm voxels, head up, left to the right: a lung over a liver, and one lesion."""
    suv = np.full((40, 30, 44), 0.8, dtype=np.float32)
    suv[24:38, 6:24, 4:18] = 0.3
    suv[10:24, 4:26, 3:20] = 2.0
    suv[30:33, 12:15, 30:33] = 6.0
    suv[5, 5, 30:32] = 3.0, 2.99
    return suv


def whole_body(suv: np.ndarray) -> np.ndarray:
    return np.pad(suv, 4)


def test_percist_takes_its_threshold_from_the_liver(tmp_path: Path) -> None:
    """An even liver of SUV 2: mean 2, SD 0, so the threshold is 3."""
    suv = whole_body(torso())
    write_pet(tmp_path, suv, spacing=(8, 8, 8))
    result = start("percist", tmp_path)
    assert result.returncode == 0, result.stderr
    assert "liver 2.00 ± 0.00, threshold SUV 3.00" in result.stdout
    np.testing.assert_array_equal(mask(tmp_path), suv >= 3)


def test_percist_finds_the_liver_in_any_orientation(tmp_path: Path) -> None:
    suv = whole_body(torso())[::-1, :, ::-1]
    write_pet(tmp_path, suv, spacing=(8, 8, 8), direction=(-1, 0, 0, 0, 1, 0, 0, 0, -1))
    assert start("percist", tmp_path).returncode == 0
    np.testing.assert_array_equal(mask(tmp_path), suv >= 3)


@pytest.mark.parametrize(
    "suv",
    [
        pytest.param(np.zeros((6, 6, 6), np.float32), id="empty"),
        pytest.param(whole_body(torso())[:, :, ::-1], id="on the left"),
        pytest.param(whole_body(torso())[::-1], id="above the lung"),
        pytest.param(whole_body(np.where(torso() == 2, np.float32(0.8), torso())), id="cold"),
    ],
)
def test_percist_without_a_liver_ends_with_one_message(tmp_path: Path, suv: np.ndarray) -> None:
    write_pet(tmp_path, np.ascontiguousarray(suv), spacing=(8, 8, 8))
    result = start("percist", tmp_path)
    assert result.returncode == 1
    assert result.stderr == (
        "no liver in the field: PERCIST takes its threshold from the liver, and found none\n"
    )
    assert not (tmp_path / "out").exists()


def whole_patient() -> np.ndarray:
    """[z, y, x], 8 mm voxels: brain, heart, two kidneys, bladder and one lesion."""
    suv = np.zeros((120, 40, 60), dtype=np.float32)
    suv[2:118, 6:34, 8:52] = 0.8
    suv[100:112, 12:28, 22:38] = 9.0
    suv[58:63, 10:15, 34:39] = 6.0
    suv[35:42, 24:28, 21:24] = suv[35:42, 24:28, 36:39] = 4.0
    suv[10:16, 14:20, 27:33] = 20.0
    suv[70:74, 18:22, 28:31] = 5.0
    return suv


def test_normal_uptake_is_dropped_by_position_when_asked(tmp_path: Path) -> None:
    suv = whole_patient()
    write_pet(tmp_path, suv, spacing=(8, 8, 8))
    assert start("fixed_threshold", tmp_path, PHYSIOLOGICAL="drop").returncode == 0
    np.testing.assert_array_equal(mask(tmp_path), suv == 5)


def test_normal_uptake_is_kept_by_default(tmp_path: Path) -> None:
    suv = whole_patient()
    np.testing.assert_array_equal(segment("fixed_threshold", tmp_path, suv), suv >= 2.5)
