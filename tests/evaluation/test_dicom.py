"""PET series in DICOM files become volumes of SUVbw, or are refused with all that is wrong."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
import SimpleITK
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import (
    UID,
    EnhancedPETImageStorage,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    PositronEmissionTomographyImageStorage,
    generate_uid,
)

from evaluation.dicom import header_of, read_pet_series
from evaluation.geometry import Geometry
from evaluation.suv import Conversion, SliceHeader, SuvRefused, plausibility
from evaluation.volumes import Volume, read_volume

FACTOR = 70_000.0 / (350e6 * 2.0 ** (-3600.0 / 6586.2))
SPACING = (2.0, 3.0, 4.0)
ORIGIN = (-10.0, 20.0, -300.0)
AXIAL = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
SERIES = generate_uid()
Change = Callable[[list[Dataset]], object]


def slices(count: int = 5, orientation: Sequence[float] = AXIAL) -> list[Dataset]:
    """Slices of 2 rows and 3 columns along their normal, each with its own slope."""
    normal = np.cross(orientation[:3], orientation[3:])
    return [
        pet_slice(number, orientation, np.array(ORIGIN) + number * SPACING[2] * normal)
        for number in range(count)
    ]


def pet_slice(number: int, orientation: Sequence[float], position: Any) -> Dataset:
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = PositronEmissionTomographyImageStorage
    dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    dataset.SOPClassUID = PositronEmissionTomographyImageStorage
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID
    dataset.SeriesInstanceUID = SERIES
    dataset.Modality = "PT"
    dataset.CorrectedImage = ["ATTN", "DECY"]
    dataset.Units = "BQML"
    dataset.DecayCorrection = "START"
    dataset.SeriesDate = dataset.AcquisitionDate = "20240229"
    dataset.SeriesTime = dataset.AcquisitionTime = "110000.00"
    dataset.PatientWeight = "70"
    item = Dataset()
    item.RadionuclideTotalDose = "3.5E8"
    item.RadionuclideHalfLife = "6586.2"
    item.RadiopharmaceuticalStartTime = "100000"
    dataset.RadiopharmaceuticalInformationSequence = [item]
    dataset.ImagePositionPatient = [f"{value:.10g}" for value in position]
    dataset.ImageOrientationPatient = [f"{value:.10g}" for value in orientation]
    dataset.PixelSpacing = [SPACING[1], SPACING[0]]  # between rows, then between columns
    dataset.RescaleSlope = str(1 + number)
    dataset.RescaleIntercept = "0"
    dataset.Rows, dataset.Columns = 2, 3
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.BitsAllocated = dataset.BitsStored = 16
    dataset.HighBit, dataset.PixelRepresentation = 15, 1
    dataset.PixelData = (np.arange(6, dtype="<i2") * 1000 - 1000).tobytes()
    return dataset


def written(folder: Path, datasets: Sequence[Dataset]) -> list[Path]:
    paths = []
    for number, dataset in enumerate(datasets):
        path = folder / f"{number:03}.dcm"
        dataset.save_as(path, enforce_file_format=True)
        paths.append(path)
    return paths


def read(folder: Path, datasets: Sequence[Dataset]) -> tuple[Volume, Conversion]:
    return read_pet_series(written(folder, datasets))


def problems(folder: Path, datasets: Sequence[Dataset]) -> list[str]:
    with pytest.raises(SuvRefused) as refused:
        read(folder, datasets)
    assert refused.value.code == "suv_refused"
    return [str(problem) for problem in refused.value.problems]


def suv(volume: Volume) -> NDArray[np.float64]:
    return volume.voxels.astype(np.float64)


# What is read


def test_slices_become_one_volume_of_suv_each_by_its_own_slope(tmp_path: Path) -> None:
    volume, made = read(tmp_path, slices())
    stored = (np.arange(6).reshape(2, 3) * 1000 - 1000)[None]
    expected = stored * np.arange(1, 6)[:, None, None] * FACTOR
    assert volume.voxels.dtype == np.float32
    np.testing.assert_allclose(suv(volume), expected, rtol=1e-6)
    assert made.factor == pytest.approx(FACTOR)
    assert volume.geometry.differences(Geometry((3, 2, 5), SPACING, ORIGIN)) == ()


def test_files_may_come_in_any_order(tmp_path: Path) -> None:
    straight, _ = read(tmp_path, slices())
    mixed, _ = read(tmp_path, [slices()[number] for number in (3, 0, 4, 2, 1)])
    assert mixed.sha256() == straight.sha256()


def test_slices_run_along_their_normal_even_where_files_run_against_it(tmp_path: Path) -> None:
    backwards, _ = read(tmp_path, slices()[::-1])
    assert backwards.geometry.origin == ORIGIN
    assert backwards.geometry.direction == (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)


TILTED = (0.8, 0.6, 0.0, 0.0, 0.0, -1.0)
OBLIQUE = (0.8, 0.6, 0.0, -0.36, 0.48, 0.8)


@pytest.mark.parametrize("orientation", [AXIAL, TILTED, OBLIQUE, (-1, 0, 0, 0, -1, 0)])
def test_the_grid_is_that_which_simpleitk_reads(
    tmp_path: Path, orientation: tuple[float, ...]
) -> None:
    paths = written(tmp_path, slices(orientation=orientation))
    volume, _ = read_pet_series(paths)
    image = SimpleITK.ReadImage([str(path) for path in paths])
    theirs = Geometry(image.GetSize(), image.GetSpacing(), image.GetOrigin(), image.GetDirection())
    assert volume.geometry.differences(theirs) == ()
    slopes = np.arange(1, 6)[:, None, None]
    stored = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(paths[0])))
    np.testing.assert_allclose(suv(volume), stored * slopes * FACTOR, rtol=1e-6)


def test_positions_that_are_rounded_to_the_beds_steps_are_even_enough(tmp_path: Path) -> None:
    rounded = slices(20)
    for dataset in rounded[8:]:
        x, y, z = dataset.ImagePositionPatient
        dataset.ImagePositionPatient = [x, y, z + 0.08]
    volume, _ = read(tmp_path, rounded)
    assert volume.geometry.spacing[2] == pytest.approx(4.0 + 0.08 / 19)


def test_a_header_is_read_as_the_rule_needs_it() -> None:
    (dataset,) = slices(1)
    assert header_of(dataset) == SliceHeader(
        series_uid=SERIES,
        modality="PT",
        corrected_image=("ATTN", "DECY"),
        units="BQML",
        decay_correction="START",
        slope=1.0,
        intercept=0.0,
        weight_kg=70.0,
        radiopharmaceuticals=1,
        dose_bq=3.5e8,
        half_life_seconds=6586.2,
        injection_time="100000",
        series_date="20240229",
        series_time="110000.00",
        acquisition_date="20240229",
        acquisition_time="110000.00",
    )


def test_an_empty_header_is_an_empty_header() -> None:
    assert header_of(Dataset()) == SliceHeader()
    blank = Dataset()
    for keyword in ("Units", "PatientWeight", "SeriesTime", "CorrectedImage"):
        setattr(blank, keyword, "")
    assert header_of(blank) == SliceHeader()


def test_one_correction_alone_is_read() -> None:
    (dataset,) = slices(1)
    dataset.CorrectedImage = "ATTN"
    assert header_of(dataset).corrected_image == ("ATTN",)


def test_dose_and_times_of_two_radiopharmaceuticals_are_not_mixed() -> None:
    (dataset,) = slices(1)
    dataset.RadiopharmaceuticalInformationSequence.append(Dataset())
    header = header_of(dataset)
    assert (header.radiopharmaceuticals, header.dose_bq, header.injection_time) == (2, None, None)


def with_private(tmp_path: Path, *, creator: str, syntax: UID, block: int = 0x10) -> SliceHeader:
    """All private tags of the rule in one slice, after a round through a file."""
    (dataset,) = slices(1)
    dataset.file_meta.TransferSyntaxUID = syntax
    for group, name in ((0x0009, "GEMS_PETD_01"), (0x0071, "SIEMENS MED PT")):
        dataset.add_new((group, block), "LO", creator or name)
    dataset.add_new((0x7053, block), "LO", creator or "Philips PET Private Group")
    dataset.add_new((0x0009, block << 8 | 0x0D), "DT", "20240229104000.00")
    dataset.add_new((0x0071, block << 8 | 0x22), "DT", "20240229104100")
    dataset.add_new((0x7053, block << 8), "DS", "0.000728")
    dataset.add_new((0x7053, block << 8 | 0x09), "DS", "4.709921")
    (path,) = written(tmp_path, [dataset])
    return header_of(pydicom.dcmread(path))


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
@pytest.mark.parametrize("block", [0x10, 0x23])
def test_private_tags_are_read_from_their_vendors_block(
    tmp_path: Path, syntax: UID, block: int
) -> None:
    header = with_private(tmp_path, creator="", syntax=syntax, block=block)
    assert header.ge_scan_datetime == "20240229104000.00"
    assert header.siemens_scan_datetime == "20240229104100"
    assert header.philips_suv_factor == 0.000728
    assert header.philips_activity_factor == 4.709921


def test_private_tags_of_another_creator_are_not_taken_for_a_vendors(tmp_path: Path) -> None:
    header = with_private(tmp_path, creator="SOMEBODY ELSE", syntax=ExplicitVRLittleEndian)
    assert header == header_of(slices(1)[0])


def test_counts_of_philips_are_read_end_to_end(tmp_path: Path) -> None:
    series = slices()
    for dataset in series:
        dataset.Units = "CNTS"
        block = dataset.private_block(0x7053, "Philips PET Private Group", create=True)
        block.add_new(0x00, "DS", "0.5")
    volume, made = read(tmp_path, series)
    assert made.factor == 0.5
    assert volume.voxels.max() == pytest.approx(4000 * 5 * 0.5)


# What is refused


def shift(number: int, z: float, x: float = 0.0) -> Change:
    def change(series: list[Dataset]) -> None:
        a, b, c = series[number].ImagePositionPatient
        series[number].ImagePositionPatient = [a + x, b, c + z]

    return change


def put(keyword: str, value: object, number: int = 1) -> Change:
    return lambda series: setattr(series[number], keyword, value)


def narrow(series: list[Dataset]) -> None:
    series[1].Columns, series[1].PixelData = 2, series[1].PixelData[:8]


def drop(keyword: str, number: int = 1) -> Change:
    return lambda series: delattr(series[number], keyword)


@pytest.mark.filterwarnings("ignore:The number of bytes of pixel data")
@pytest.mark.parametrize(
    ("change", "tag", "text"),
    [
        (lambda series: series.pop(2), "ImagePositionPatient", "a gap between -296.00 and -288.00"),
        (shift(4, 4.0), "ImagePositionPatient", "a gap between -288.00 and -280.00"),
        (shift(4, 1.0), "ImagePositionPatient", "uneven spacing between -288.00 and -283.00"),
        (shift(2, 4.0), "ImagePositionPatient", "two slices in one place"),
        (shift(2, 0.0, x=1.0), "ImagePositionPatient", "002.dcm 1.00 mm aside"),
        (
            put("ImageOrientationPatient", list(TILTED)),
            "ImageOrientationPatient",
            "same in every slice",
        ),
        (put("PixelSpacing", [2.0, 3.0]), "(0028,0030) PixelSpacing", "2 3 in 001.dcm"),
        (narrow, "(0028,0010) Rows, (0028,0011) Columns", "2 2 in 001.dcm"),
        (put("SeriesInstanceUID", "1.2.3"), "(0020,000E) SeriesInstanceUID", "1.2.3"),
        (put("Rows", 1), "(7FE0,0010) PixelData", "several images in 001.dcm"),
        (drop("PixelData"), "(7FE0,0010) PixelData", "nothing in 001.dcm"),
        (put("PixelData", b"\0\0"), "(7FE0,0010) PixelData", "unreadable pixels"),
        (drop("ImagePositionPatient"), "(0020,0032) ImagePositionPatient", "nothing usable"),
        (drop("ImageOrientationPatient"), "(0020,0037)", "nothing usable in 001.dcm"),
        (put("ImageOrientationPatient", [1, 0, 0, 1, 0, 0]), "(0020,0037)", "right angles"),
        (put("ImageOrientationPatient", [2, 0, 0, 0, 2, 0]), "(0020,0037)", "unit vectors"),
        (drop("PixelSpacing"), "(0028,0030)", "nothing usable in 001.dcm"),
        (put("PixelSpacing", [0.0, 2.0]), "(0028,0030)", "positive"),
        (drop("Columns"), "(0028,0011) Columns", "0 2 in 001.dcm"),
        (drop("RescaleSlope"), "(0028,1053) RescaleSlope", "nothing in 1 of 5 slices"),
        (put("PatientWeight", "80"), "(0010,1030) PatientWeight", "80.0"),
        (put("Modality", "CT"), "(0008,0060) Modality", "CT in 1 of 5 slices"),
    ],
)
def test_a_refusal_says_what_is_wrong_and_where(
    tmp_path: Path, change: Change, tag: str, text: str
) -> None:
    series = slices()
    change(series)
    told = [one for one in problems(tmp_path, series) if tag in one]
    assert any(text in one for one in told), told


def test_spacing_that_changes_little_by_little_is_refused(tmp_path: Path) -> None:
    series = slices(60)
    for number, dataset in enumerate(series):
        x, y, _ = dataset.ImagePositionPatient
        dataset.ImagePositionPatient = [x, y, 4.0 * number + 0.03 * max(0, number - 30)]
    (told,) = problems(tmp_path, series)
    assert "uneven spacing, 030.dcm is off by" in told


def test_a_tilted_stack_is_refused(tmp_path: Path) -> None:
    series = slices()
    for number in range(len(series)):
        shift(number, 0.0, x=0.4 * number)(series)
    (told,) = problems(tmp_path, series)
    assert "(0020,0032)" in told
    assert "no tilt" in told


def test_time_frames_in_one_place_are_refused_once(tmp_path: Path) -> None:
    (told,) = problems(tmp_path, [*slices(), *slices()])
    assert "two slices in one place" in told
    assert "and 2 more" in told


def test_one_slice_is_no_volume(tmp_path: Path) -> None:
    (told,) = problems(tmp_path, slices(1))
    assert "at least two slices" in told


def test_a_number_that_is_none_is_told_as_such(tmp_path: Path) -> None:
    paths = written(tmp_path, slices())
    for path in paths:
        content = path.read_bytes()
        assert content.count(b"6586.2") == 1
        path.write_bytes(content.replace(b"6586.2", b"6586,2"))
    with pytest.raises(SuvRefused) as refused:
        read_pet_series(paths)
    (problem,) = refused.value.problems
    assert problem.tag == "(0018,1075) RadionuclideHalfLife"
    assert problem.found == "nan"


def test_everything_wrong_is_told_at_once(tmp_path: Path) -> None:
    series = slices(6)
    for dataset in series:
        dataset.PatientWeight = "0"
    drop("PixelData")(series)
    put("SeriesInstanceUID", "1.2.3", 2)(series)
    put("PixelSpacing", [5.0, 5.0], 3)(series)
    series.pop(4)
    paths = written(tmp_path, series)
    (tmp_path / "notes.txt").write_text("Not DICOM")
    with pytest.raises(SuvRefused) as refused:
        read_pet_series([*paths, tmp_path / "notes.txt", tmp_path / "absent.dcm"])
    told = refused.value.message
    for text in (
        "Files: found notes.txt (not DICOM), absent.dcm (malformed: No such file or directory)",
        "(0010,1030) PatientWeight",
        "(0020,000E) SeriesInstanceUID",
        "(0028,0030) PixelSpacing",
        "(7FE0,0010) PixelData: found nothing in 001.dcm",
        "a gap between",
    ):
        assert text in told
    assert len(refused.value.problems) == 6
    assert str(tmp_path) not in told


@pytest.mark.parametrize(
    "change", [put("SOPClassUID", EnhancedPETImageStorage), put("NumberOfFrames", 5)]
)
def test_multi_frame_images_are_refused_with_a_way_out(tmp_path: Path, change: Change) -> None:
    series = slices()
    change(series)
    (told,) = problems(tmp_path, series)
    assert "(0008,0016) SOPClassUID: found several frames in 001.dcm" in told
    assert "one slice in each file" in told


def test_no_file_at_all_is_refused() -> None:
    with pytest.raises(SuvRefused, match="no slice"):
        read_pet_series([])


# A real whole body


@pytest.fixture(scope="module")
def whole_body(data_folder: Path) -> tuple[Volume, Conversion]:
    return read_pet_series((data_folder / "sts001_dicom" / "image").glob("*.dcm"))


@pytest.mark.data
def test_a_real_whole_body_equals_its_published_suv(
    data_folder: Path, whole_body: tuple[Volume, Conversion]
) -> None:
    """Of STS_001: its cropped SUV begin at (k, j, i) = (0, 45, 59)."""
    volume, made = whole_body
    published = read_volume(data_folder / "sts_pet" / "STS_001" / "pet.nii.gz")
    nx, ny, nz = published.geometry.size
    crop = suv(volume)[:nz, 45 : 45 + ny, 59 : 59 + nx]
    np.testing.assert_allclose(crop, suv(published), rtol=0, atol=1e-3)
    ours = volume.geometry
    (x, y, z), (sx, sy, _) = ours.origin, ours.spacing
    cropped = replace(ours, size=(nx, ny, nz), origin=(x + 59 * sx, y + 45 * sy, z))
    assert cropped.differences(published.geometry) == ()
    assert made.decay_seconds == 2711.0
    assert made.times.uptake_minutes == pytest.approx(45.2, abs=0.05)
    assert made.warnings == ()


@pytest.mark.data
def test_a_real_tumour_has_its_known_suv_and_activity(
    data_folder: Path, whole_body: tuple[Volume, Conversion]
) -> None:
    volume, made = whole_body
    mask = suv(read_volume(data_folder / "sts_pet" / "STS_001" / "reference.nii.gz")) > 0
    nz, ny, nx = mask.shape
    tumour = suv(volume)[:nz, 45 : 45 + ny, 59 : 59 + nx][mask]
    assert tumour.size == 5095
    assert 7.9 <= tumour.max() <= 8.0
    assert 0.15 <= tumour.min() <= 0.20
    measured = float(tumour.max()) / made.factor
    assert measured == pytest.approx(32_567, abs=1)  # Bq/ml at the scan, as SimpleITK reads it
    assert made.decay_seconds is not None
    at_injection = measured * 2.0 ** (made.decay_seconds / made.half_life_seconds)
    assert 43_300 <= at_injection <= 43_400


@pytest.mark.data
def test_a_real_whole_body_is_plausible(whole_body: tuple[Volume, Conversion]) -> None:
    assert plausibility(suv(whole_body[0]), whole_body=True) == ()


@pytest.mark.data
def test_a_report_of_a_real_series_says_where_its_times_come_from(
    whole_body: tuple[Volume, Conversion],
) -> None:
    times = asdict(whole_body[1].times)
    assert times["injected_at"].isoformat() == "2000-09-07T10:35:00"
    assert times["scanned_at"].isoformat() == "2000-09-07T11:20:11"
    assert "(0018,1072)" in times["injected_at_from"]
    assert "(0008,0031)" in times["scanned_at_from"]
