"""One grid, three libraries: RAS and LPS, flips, turns, tolerances, and the text that tells."""

from pathlib import Path

import nibabel
import numpy as np
import pytest
import SimpleITK
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from evaluation.errors import VolumeRefused
from evaluation.geometry import Geometry, side_by_side
from evaluation.volumes import read_volume
from tests.evaluation.grids import QUICK

SIZE = (5, 4, 3)
GRID = Geometry(SIZE, (4.07283, 4.07283, 3.0), (-203.6, -180.25, 55.5))


def turned(x: float, y: float, z: float) -> NDArray[np.float64]:
    """A rotation by three angles, radians."""
    sx, cx, sy, cy, sz, cz = np.sin(x), np.cos(x), np.sin(y), np.cos(y), np.sin(z), np.cos(z)
    about_x = np.array([[1, 0, 0], [0, cx, -sx], [0, sx, cx]])
    about_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    about_z = np.array([[cz, -sz, 0], [sz, cz, 0], [0, 0, 1]])
    rotation: NDArray[np.float64] = about_z @ about_y @ about_x
    return rotation


def affine(matrix: NDArray[np.float64], origin: tuple[float, float, float]) -> NDArray[np.float64]:
    whole = np.eye(4)
    whole[:3, :3], whole[:3, 3] = matrix, origin
    return whole


def by_simpleitk(path: Path) -> Geometry:
    image = SimpleITK.ReadImage(str(path))
    return Geometry(image.GetSize(), image.GetSpacing(), image.GetOrigin(), image.GetDirection())


ORIENTATIONS = {
    "as RAS": np.diag([2.0, 3.0, 4.0]),
    "as LPS": np.diag([-2.0, -3.0, 4.0]),
    "x flipped": np.diag([-2.0, 3.0, 4.0]),
    "z flipped": np.diag([2.0, 3.0, -4.0]),
    "axes swapped": np.array([[0, 2.0, 0], [0, 0, 3.0], [4.0, 0, 0]]),
    "oblique": turned(0.3, -0.2, 0.5) @ np.diag([2.0, 3.0, 4.0]),
}


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_nibabel_simpleitk_and_uptake_agree_on_a_nifti(orientation: str, tmp_path: Path) -> None:
    ras = affine(ORIENTATIONS[orientation], (10.5, -20.25, 30.125))
    voxels = np.arange(60, dtype=np.int16).reshape(SIZE)
    path = tmp_path / "image.nii.gz"
    nibabel.save(nibabel.Nifti1Image(voxels, ras), path)
    ours = read_volume(path)
    assert by_simpleitk(path).differences(ours.geometry) == ()
    # A voxel's place in the patient, from our parts, is nibabel's in RAS.
    index = np.array([4, 2, 1])
    direction = np.array(ours.geometry.direction).reshape(3, 3)
    lps = direction @ (index * ours.geometry.spacing) + ours.geometry.origin
    np.testing.assert_allclose(lps * [-1, -1, 1], (ras @ [*index, 1])[:3], atol=1e-4)
    assert ours.voxels[1, 2, 4] == voxels[4, 2, 1]


@pytest.mark.parametrize("ending", ["mha", "nii", "nii.gz"])
@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_what_simpleitk_writes_in_any_format_is_one_grid(
    orientation: str, ending: str, tmp_path: Path
) -> None:
    matrix = ORIENTATIONS[orientation]
    image = SimpleITK.GetImageFromArray(np.zeros(SIZE[::-1], np.uint8))
    spacing = np.linalg.norm(matrix, axis=0)
    image.SetSpacing(spacing.tolist())
    image.SetOrigin((1.5, -2.5, 3.5))
    image.SetDirection((matrix / spacing).ravel().tolist())
    path = tmp_path / f"image.{ending}"
    SimpleITK.WriteImage(image, str(path))
    expected = Geometry(SIZE, image.GetSpacing(), image.GetOrigin(), image.GetDirection())
    assert expected.differences(read_volume(path).geometry) == ()


@pytest.mark.parametrize("unit", ["mm", "meter", "micron", "unknown"])
def test_the_unit_of_a_nifti_header_is_followed_as_simpleitk_does(
    unit: str, tmp_path: Path
) -> None:
    image = nibabel.Nifti1Image(np.zeros(SIZE, np.uint8), np.diag([2.0, 3.0, 4.0, 1.0]))
    image.header.set_xyzt_units(unit)
    nibabel.save(image, tmp_path / "image.nii")
    ours = read_volume(tmp_path / "image.nii").geometry
    assert ours.spacing == pytest.approx(by_simpleitk(tmp_path / "image.nii").spacing)


def test_a_grid_flipped_along_an_axis_is_another_grid(tmp_path: Path) -> None:
    """Equal arrays, equal spacing, mirrored patient: the scorer must not take it for the same."""
    grids = []
    for name, sign in (("one", 1.0), ("other", -1.0)):
        ras = affine(np.diag([sign * 2.0, 3.0, 4.0]), (0.0, 0.0, 0.0))
        nibabel.save(nibabel.Nifti1Image(np.zeros(SIZE, np.uint8), ras), tmp_path / f"{name}.nii")
        grids.append(read_volume(tmp_path / f"{name}.nii").geometry)
    assert grids[0].differences(grids[1]) == ("direction",)


@pytest.mark.parametrize(
    ("part", "within", "beyond"),
    [("spacing", 0.9e-3, 1.1e-3), ("origin", 0.009, 0.011), ("direction", 0.9e-4, 1.1e-4)],
)
def test_each_part_has_its_tolerance(part: str, within: float, beyond: float) -> None:
    def moved(by: float) -> Geometry:
        parts = GRID.to_json()
        parts[part][2] += by
        return Geometry.from_json(parts)

    assert GRID.differences(moved(within)) == ()
    assert GRID.differences(moved(-within)) == ()
    assert GRID.differences(moved(beyond)) == (part,)
    assert GRID.differences(moved(-beyond)) == (part,)


def test_a_shift_by_one_voxel_is_another_grid() -> None:
    """It costs a Dice of 0.12 on bulky lesions, and 0.38 where there are 112 small ones."""
    shifted = Geometry(SIZE, GRID.spacing, (GRID.origin[0] + GRID.spacing[0], *GRID.origin[1:]))
    assert GRID.differences(shifted) == ("origin",)


def test_every_part_that_differs_is_named() -> None:
    other = Geometry((5, 4, 4), (1.0, 1.0, 1.0), (0.0, 0.0, 0.0), tuple(turned(1, 0, 0).ravel()))
    assert GRID.differences(other) == ("size", "spacing", "origin", "direction")


@pytest.mark.parametrize("part", ["spacing", "origin", "direction"])
def test_a_number_that_is_not_finite_is_never_near(part: str) -> None:
    parts = GRID.to_json()
    parts[part][1] = float("nan")
    assert GRID.differences(Geometry.from_json(parts)) == (part,)


def test_both_grids_stand_side_by_side() -> None:
    found = Geometry((5, 4, 4), (4.07283, 4.07283, 2.0), GRID.origin)
    assert side_by_side(GRID, found).splitlines() == [
        "            expected (PET image)  found (mask)",
        "size        5 4 3                 5 4 4",
        "spacing mm  4.07283 4.07283 3     4.07283 4.07283 2",
        "origin mm   -203.6 -180.25 55.5   -203.6 -180.25 55.5",
        "direction   1 0 0 0 1 0 0 0 1     1 0 0 0 1 0 0 0 1",
    ]


@pytest.mark.parametrize(
    "matrix",
    [
        np.array([[2.0, 0.5, 0], [0, 3.0, 0], [0, 0, 4.0]]),
        np.array([[2.0, 0, 0], [0, 0, 0], [0, 0, 4.0]]),
        np.array([[2.0, 0, 0], [0, 3.0, 0], [0, 0, np.nan]]),
        np.array([[2.0, 0, 0], [0, np.inf, 0], [0, 0, 4.0]]),
        np.diag([1e200, 1.0, 1.0]),
        np.diag([1e-30, 1.0, 1.0]),
    ],
    ids=["sheared", "an axis of no length", "NaN", "infinite", "too long", "too short"],
)
def test_a_grid_in_which_no_distance_can_be_told_is_refused(matrix: NDArray[np.float64]) -> None:
    with pytest.raises(VolumeRefused) as refused:
        Geometry.from_ras_affine(SIZE, affine(matrix, (0.0, 0.0, 0.0)))
    assert refused.value.code == "bad_geometry"


def test_the_volume_of_a_voxel_is_in_ml_and_blind_to_turns() -> None:
    assert Geometry(SIZE, (10.0, 10.0, 10.0)).voxel_volume_ml == pytest.approx(1.0)
    oblique = Geometry(SIZE, (2.0, 3.0, 4.0), direction=tuple(turned(0.4, 1.0, 2.0).ravel()))
    assert oblique.voxel_volume_ml == pytest.approx(0.024)
    mirrored = Geometry(SIZE, (2.0, 3.0, 4.0), direction=(-1.0, 0, 0, 0, 1.0, 0, 0, 0, 1.0))
    assert mirrored.voxel_volume_ml == pytest.approx(0.024)


def test_the_diagonal_counts_whole_voxels() -> None:
    assert Geometry((3, 4, 12), (1.0, 1.0, 1.0)).diagonal_mm == 13.0


angles = st.floats(-3, 3)


@QUICK
@given(angles, angles, angles, st.tuples(*[st.floats(0.1, 10)] * 3))
def test_any_turn_comes_back_from_json_and_from_an_affine(
    x: float, y: float, z: float, spacing: tuple[float, float, float]
) -> None:
    rotation = turned(x, y, z)
    lps = affine(rotation * np.array(spacing), (1.0, 2.0, 3.0))
    found = Geometry.from_ras_affine(SIZE, np.diag([-1.0, -1.0, 1.0, 1.0]) @ lps)
    expected = Geometry(SIZE, spacing, (1.0, 2.0, 3.0), tuple(rotation.ravel().tolist()))
    assert expected.differences(found) == ()
    assert Geometry.from_json(found.to_json()) == found
