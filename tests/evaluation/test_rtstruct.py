"""Contours become masks by voxel centre and the even-odd rule, or are refused by tag."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataset import Dataset

from evaluation.dicom import DicomRefused, read_rtstruct
from evaluation.dicom.rtstruct import inside
from evaluation.geometry import Geometry
from evaluation.volumes import read_volume
from tests.evaluation.dicoms import GRID, contours_of, rtstruct, written

SQUARE = [(0.5, 0.5), (3.5, 0.5), (3.5, 2.5), (0.5, 2.5)]
HOLE = [(1.5, 1.5), (2.5, 1.5), (2.5, 2.4), (1.5, 2.4)]


def drawn(polygons: list[list[tuple[float, float]]], columns: int = 6, rows: int = 5) -> list[str]:
    """A picture of the mask, a text for each row."""
    mask = inside([np.array(one, np.float64) for one in polygons], columns, rows)
    return ["".join(".#"[value] for value in row) for row in mask]


def mask_of(folder: Path, dataset: Dataset, roi: str = "tumour", grid: Geometry = GRID):
    (path,) = written(folder, [dataset])
    return read_rtstruct(path, roi, grid).voxels


def refused(folder: Path, dataset: Dataset, roi: str = "tumour") -> str:
    with pytest.raises(DicomRefused) as error:
        mask_of(folder, dataset, roi)
    assert str(folder) not in error.value.message
    return error.value.message


def test_a_square_takes_the_centres_within_it() -> None:
    assert drawn([SQUARE]) == ["......", ".###..", ".###..", "......", "......"]


def test_a_triangle_takes_the_centres_within_it() -> None:
    assert drawn([[(-0.5, -0.5), (4.6, -0.5), (-0.5, 4.6)]]) == [
        "#####.", "####..", "###...", "##....", "#.....",
    ]  # fmt: skip


def test_a_contour_within_another_is_a_hole() -> None:
    assert drawn([SQUARE, HOLE]) == ["......", ".###..", ".#.#..", "......", "......"]


def test_a_keyhole_that_joins_a_hole_to_its_border_leaves_the_hole() -> None:
    outer = [(0.5, 0.5), (4.5, 0.5), (4.5, 3.5), (0.5, 3.5), (0.5, 2.0)]
    inner = [(1.5, 2.0), (1.5, 2.5), (3.5, 2.5), (3.5, 1.5), (1.5, 1.5), (1.5, 2.0), (0.5, 2.0)]
    assert drawn([outer + inner]) == ["......", ".####.", ".#..#.", ".####.", "......"]


def test_a_centre_on_an_edge_belongs_to_the_left_and_upper_one() -> None:
    assert drawn([[(1, 1), (3, 1), (3, 3), (1, 3)]]) == [
        "......", ".##...", ".##...", "......", "......",
    ]  # fmt: skip


def test_it_makes_no_difference_where_and_which_way_round_a_contour_begins() -> None:
    polygon = [(0.2, 0.1), (4.7, 1.2), (3.3, 4.4), (1.9, 2.2)]
    assert drawn([polygon]) == drawn([polygon[::-1]]) == drawn([polygon[2:] + polygon[:2]])


coordinate = st.floats(-2, 8, allow_nan=False)
polygons = st.lists(st.tuples(coordinate, coordinate), min_size=3, max_size=12)


def crossings(polygon: list[tuple[float, float]], x: int, y: int) -> int:
    """How often a ray from (x, y) to the left meets the polygon, edge by edge."""
    count = 0
    for (x0, y0), (x1, y1) in zip(polygon, polygon[1:] + polygon[:1], strict=True):
        if (y0 <= y - 0.0) == (y1 <= y - 0.0) and (y0 < y) == (y1 < y):
            continue
        low, high = min(y0, y1), max(y0, y1)
        if low <= y < high and x0 + (y - y0) / (y1 - y0) * (x1 - x0) <= x:
            count += 1
    return count


@given(polygons, polygons)
def test_any_polygons_are_filled_as_a_ray_from_each_centre_tells(
    one: list[tuple[float, float]], other: list[tuple[float, float]]
) -> None:
    expected = [
        "".join(".#"[(crossings(one, x, y) + crossings(other, x, y)) % 2] for x in range(6))
        for y in range(5)
    ]
    assert drawn([one, other]) == expected


OBLIQUE = (0.8, -0.36, 0.48, 0.6, 0.48, -0.64, 0.0, 0.8, 0.6)


@pytest.mark.parametrize("direction", [GRID.direction, OBLIQUE, (-1, 0, 0, 0, -1, 0, 0, 0, 1)])
def test_contours_in_mm_find_their_voxels_on_any_grid(
    tmp_path: Path, direction: tuple[float, ...]
) -> None:
    grid = replace(GRID, direction=direction)
    contours = contours_of([SQUARE], 1, grid) + contours_of([SQUARE, HOLE], 2, grid)
    mask = mask_of(tmp_path, rtstruct({"other": [], "tumour": contours}), grid=grid)
    expected = np.zeros(GRID.shape, np.uint8)
    expected[1:3, 1:3, 1:4] = 1
    expected[2, 2, 2] = 0
    np.testing.assert_array_equal(mask, expected)
    assert mask.dtype == np.uint8


def test_slices_between_coarser_planes_take_the_nearest(tmp_path: Path) -> None:
    contours = contours_of([SQUARE], 0.2) + contours_of([HOLE], 2.2)
    mask = mask_of(tmp_path, rtstruct({"tumour": contours}))
    assert mask.sum(axis=(1, 2)).tolist() == [6, 6, 1, 1]


def test_a_plane_of_one_contour_is_on_one_slice(tmp_path: Path) -> None:
    mask = mask_of(tmp_path, rtstruct({"tumour": contours_of([SQUARE], 1.1)}))
    assert mask.sum(axis=(1, 2)).tolist() == [0, 6, 0, 0]


def test_an_roi_without_contours_is_an_empty_mask(tmp_path: Path) -> None:
    assert mask_of(tmp_path, rtstruct({"tumour": []})).sum() == 0


def test_two_rois_of_one_name_are_told_apart_by_number(tmp_path: Path) -> None:
    dataset = rtstruct({"tumour": contours_of([SQUARE], 1), "other": contours_of([HOLE], 1)})
    dataset.StructureSetROISequence[1].ROIName = "tumour"
    assert mask_of(tmp_path, dataset, "tumour #2").sum() == 1
    assert "found tumour #1, tumour #2; expected “tumour”" in refused(tmp_path, dataset)


def change(keyword: str, value: object) -> Callable[[Dataset], None]:
    return lambda contour: setattr(contour, keyword, value)


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        (change("ContourGeometricType", "POINT"), "(3006,0042) ContourGeometricType: found POINT"),
        (change("ContourData", ["1", "2", "3"]), "(3006,0050) ContourData: found nothing usable"),
        (change("ContourData", ["1"] * 10), "(3006,0050) ContourData: found nothing usable"),
        (change("NumberOfContourPoints", 7), "(3006,0046) NumberOfContourPoints"),
    ],
)
def test_a_contour_that_is_none_is_refused(
    tmp_path: Path, changed: Callable[[Dataset], None], told: str
) -> None:
    dataset = rtstruct({"tumour": contours_of([SQUARE, SQUARE], 1)})
    changed(dataset.ROIContourSequence[0].ContourSequence[1])
    message = refused(tmp_path, dataset)
    assert told in message
    assert "in 1 contour of “tumour”" in message


def test_contours_across_the_slices_and_beyond_the_image_are_refused_at_once(
    tmp_path: Path,
) -> None:
    points = np.array([(1, 1, 0), (2, 1, 2), (2, 2, 3)]) * GRID.spacing + np.array(GRID.origin)
    far = contours_of([[(50, 1), (60, 1), (60, 3)]], 1)
    contours = [[str(value) for value in points.ravel()], *far, *contours_of([SQUARE], 9)]
    message = refused(tmp_path, rtstruct({"tumour": contours}))
    assert "1 of 3 contours across the slices of the PET" in message
    assert "2 of 3 contours reach beyond the PET" in message


def test_an_roi_that_is_not_there_is_refused_with_those_that_are(tmp_path: Path) -> None:
    message = refused(tmp_path, rtstruct({"heart": [], "lung": []}))
    assert message.startswith("(3006,0026) ROIName: found heart, lung; expected “tumour”")


def test_another_kind_of_file_is_refused(tmp_path: Path) -> None:
    dataset = rtstruct({"tumour": []})
    dataset.Modality = "RTPLAN"
    assert "(0008,0060) Modality: found RTPLAN; expected RTSTRUCT" in refused(tmp_path, dataset)
    (tmp_path / "a.txt").write_text("hello")
    with pytest.raises(DicomRefused, match=r"found a\.txt \(not DICOM\)"):
        read_rtstruct(tmp_path / "a.txt", "tumour", GRID)


@pytest.mark.data
def test_a_real_contour_equals_its_published_mask(data_folder: Path) -> None:
    """Of STS_001: 5 095 voxels, on the crop that was published."""
    published = read_volume(data_folder / "sts_pet" / "STS_001" / "reference.nii.gz")
    (path,) = (data_folder / "sts001_dicom" / "mask").glob("*.dcm")
    mask = read_rtstruct(path, "GTV_Mass", published.geometry)
    assert np.count_nonzero(mask.voxels) == 5095
    np.testing.assert_array_equal(mask.voxels != 0, published.voxels != 0)
