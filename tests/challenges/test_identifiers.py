"""Names, dates and numbers of persons are found in what is uploaded, shown masked, and little else."""

import gzip
from itertools import pairwise
from pathlib import Path

import nibabel
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, PositronEmissionTomographyImageStorage, generate_uid

from challenges.ingest.cases import CaseFiles
from challenges.ingest.identifiers import identifiers_in, search_file, search_name, search_text
from challenges.ingest.identifiers.found import masked
from challenges.ingest.layouts import Wanted, look_through
from challenges.ingest.sources import Source
from tests.evaluation.files import mha, nrrd

TELLING = {
    "Mueller^Hans": "a person's name",
    "MÜLLER^HANS^^DR": "a person's name",
    "Dr. Weber": "a person's name",
    "JOHN_DOE_PET": "a person's name",
    "pet-doe-john": "a person's name",
    "Hans Mueller": "a person's name",
    "Garcia, Maria": "a person's name",
    "HansMueller_CT": "a person's name",
    "1957-03-12": "a date",
    "12.03.1957": "a date",
    "3/12/1957": "a date",
    "12-Mar-1957": "a date",
    "19570312": "a date",
    "PET_20240229_final": "a date",
    "psma_95b833d65be26d2f_2018-04-22": "a date",
    "20240229110000": "a date",
    "4711081512": "a long number",
    "MRN 12345678": "a long number",
    "someone@clinic.org": "an e-mail address",
    "University Hospital Zürich": "an institution",
    "Universitätsklinikum Tübingen": "an institution",
}

HARMLESS = [
    "STS_001", "STS_040", "case-1", "PETCT_0011f3deaf", "PETCT_1285b86bea", "sub-01_ses-02_pet",
    "case_0000", "pet", "ct_mask", "reference", "reader-a", "Reader A", "GTV_Mass", "GTV_Edema",
    "imagesTr", "labelsTr_reader2", "SUV", "CTres", "FSL5.0", "5.0.10:abc", "SUV_max", "1-001",
    "Discovery ST", "Siemens Biograph mCT 128", "OSEM 2i21s PSF+TOF", "388.8", "6586.2", "1.63",
    "FDG -- fluorodeoxyglucose", "PET AC", "Soft tissue sarcoma", "centre-1", "STS-1", "45.2",
    "1.3.6.1.4.1.14519.5.2.1.5168.1900.279539551699081894888330051583", "0.20240229",
    "TE=30;Time=123456.789", "None", "", "Created by dcm2niix v1.0.20220720", "20.5 20.5 3.27",
    "baseline follow up", "left lung", "peter out in the end", "ORIGINAL PRIMARY AXIAL", "2 4 2000000 0.5",
]  # fmt: skip


@pytest.mark.parametrize("text", TELLING)
def test_what_tells_of_a_person_is_found(text: str) -> None:
    found = list(search_text(text))
    assert [what for what, _ in found] == [TELLING[text]]


@pytest.mark.parametrize("text", HARMLESS)
def test_what_tells_of_nobody_is_let_be(text: str) -> None:
    assert list(search_text(text)) == []
    assert search_name(f"{text}.nii.gz") == ()


@pytest.mark.parametrize("name", ["JOHN_DOE_PET.nii.gz", "19570312_pet.dcm", "4711081512.mha"])
def test_names_of_files_are_searched_and_not_repeated_in_full(name: str) -> None:
    (found,) = search_name(name)
    stem = name.split(".")[0]
    assert stem not in found.place
    assert stem not in found.example_masked


@given(st.text(min_size=3, max_size=80))
def test_a_mask_shows_one_character_of_a_word_and_is_fit_to_print(text: str) -> None:
    shown = masked(text)
    assert shown.isprintable()
    assert len(shown) <= 41
    for one, other in pairwise(shown):
        assert one == "•" or other == "•" or not (one.isalnum() and other.isalnum())


def test_masks_are_enough_to_find_it_again() -> None:
    assert masked("Mueller^Hans") == "M••••••^H•••"
    assert masked("1957-03-12") == "1•••-0•-1•"


@given(st.text(max_size=300))
def test_no_text_is_too_strange_to_be_searched(text: str) -> None:
    for what, part in search_text(text):
        assert what
        assert part


def dicom(path: Path, **tags: object) -> Path:
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPClassUID = PositronEmissionTomographyImageStorage
    dataset.SOPInstanceUID = generate_uid()
    dataset.SeriesInstanceUID = generate_uid()
    dataset.Modality = "PT"
    dataset.PatientID = "P-01"
    for keyword, value in tags.items():
        setattr(dataset, keyword, value)
    dataset.save_as(path, enforce_file_format=True)
    return path


@pytest.mark.parametrize(
    ("keyword", "value", "what", "tag"),
    [
        ("PatientName", "Mueller^Hans", "a person's name", "(0010,0010) PatientName"),
        ("PatientName", "Mueller", "a person's name", "(0010,0010) PatientName"),
        ("ReferringPhysicianName", "Weber^Eva", "a person's name", "(0008,0090) Ref"),
        ("PatientBirthDate", "19570312", "a date of birth", "(0010,0030) PatientBirthDate"),
        ("StudyDate", "20240229", "a date", "(0008,0020) StudyDate"),
        ("AccessionNumber", "4711081512", "an accession number", "(0008,0050) AccessionNumber"),
        ("InstitutionName", "Inselspital", "an institution", "(0008,0080) InstitutionName"),
        ("PatientID", "4711081512", "a long number", "(0010,0020) PatientID"),
        ("PatientComments", "call Hans Mueller", "a person's name", "(0010,4000) PatientComments"),
        ("StudyDescription", "born 12.03.1957", "a date", "(0008,1030) StudyDescription"),
    ],
)
def test_tags_of_a_person_are_found(
    tmp_path: Path, keyword: str, value: str, what: str, tag: str
) -> None:
    (found,) = search_file(dicom(tmp_path / "a.dcm", **{keyword: value}))
    assert found.what == what
    assert found.place.startswith(f"a.dcm: {tag}")
    assert value not in found.text


def test_texts_of_private_tags_are_searched(tmp_path: Path) -> None:
    item = Dataset()
    block = item.private_block(0x0029, "A VENDOR", create=True)
    block.add_new(0x01, "LO", "Mueller^Hans")
    block.add_new(0x02, "UN", b"someone@clinic.org")
    block.add_new(0x03, "DS", "4711081512")
    path = dicom(tmp_path / "a.dcm", RequestAttributesSequence=[item])
    found = search_file(path)
    assert [one.what for one in found] == ["a person's name", "an e-mail address"]
    assert found[0].place == "a.dcm: (0029,1001) private tag of A VENDOR"


@pytest.mark.parametrize(
    "tags",
    [
        {"PatientName": "STS_001"},
        {"PatientName": "Anonymous^^"},
        {"PatientName": "", "PatientBirthDate": "", "AccessionNumber": ""},
        {"InstitutionName": "removed"},
        {"StudyDate": "20000907", "LongitudinalTemporalInformationModified": "MODIFIED"},
        {"SeriesDescription": "PET AC 3mm", "ManufacturerModelName": "Discovery ST"},
    ],
)
def test_tags_of_nobody_are_let_be(tmp_path: Path, tags: dict[str, object]) -> None:
    assert search_file(dicom(tmp_path / "a.dcm", **tags)) == ()


def test_dates_count_unless_the_file_says_that_they_were_shifted(tmp_path: Path) -> None:
    path = dicom(
        tmp_path / "a.dcm",
        StudyDate="20240229",
        LongitudinalTemporalInformationModified="UNMODIFIED",
    )
    assert [one.what for one in search_file(path)] == ["a date"]


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("kind", [nibabel.Nifti1Image, nibabel.Nifti2Image])
def test_headers_of_nifti_are_searched(tmp_path: Path, packed: bool, kind: type) -> None:
    image = kind(np.zeros((2, 2, 2), np.uint8), np.eye(4))
    image.header["descrip"] = b"Mueller^Hans"
    image.header["aux_file"] = b"19570312"
    image.header.extensions.append(nibabel.nifti1.Nifti1Extension("comment", b"Dr. Weber"))
    content = image.to_bytes()
    path = tmp_path / "a.nii.gz"
    path.write_bytes(gzip.compress(content) if packed else content)
    found = search_file(path)
    assert [one.place.split(": ")[1] for one in found] == ["descrip", "aux_file", "extension 6"]


def test_headers_of_nrrd_and_metaimage_are_searched(tmp_path: Path) -> None:
    content = nrrd().replace(b"# by hand", b"# by Dr. Weber\npatient:=Mueller^Hans\nspacing:=2.0")
    (tmp_path / "a.nrrd").write_bytes(content)
    assert [one.place for one in search_file(tmp_path / "a.nrrd")] == [
        "a.nrrd: comment", "a.nrrd: patient",
    ]  # fmt: skip
    (tmp_path / "a.mha").write_bytes(mha(bytes(24), Comment="Mueller^Hans", Offset="0 20240229 0"))
    assert [one.place for one in search_file(tmp_path / "a.mha")] == ["a.mha: Comment"]


@pytest.mark.parametrize(
    "content", [b"", b"\x1f\x8b\x08", b"\x5c\x01\x00\x00", b"NRRD", bytes(999)]
)
def test_a_damaged_file_holds_nothing_to_find(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.nii.gz").write_bytes(content)
    assert search_file(tmp_path / "a.nii.gz") == ()


def test_a_case_is_searched_whole_and_tells_each_thing_once(tmp_path: Path) -> None:
    folder = tmp_path / "Doe_John"
    folder.mkdir()
    pet = tuple(dicom(folder / f"{n}.dcm", PatientName="Mueller^Hans") for n in range(5))
    (folder / "mask.mha").write_bytes(mha(bytes(24)))
    case = CaseFiles(
        name="case-1",
        patient="4711081512",
        position=0,
        metadata={"diagnosis": "sarcoma", "referred_by": "Dr. Weber", "dose_bq": "388777472"},
        pet=Source(pet, "dicom_pet"),
        ct=None,
        annotations={"Expert": Source((folder / "mask.mha",))},
        inputs={},
    )
    assert [(one.place, one.what) for one in identifiers_in(case, tmp_path)] == [
        ("the name D••_J•••", "a person's name"),
        ("0.dcm: (0010,0010) PatientName", "a person's name"),
        ("cases.csv, patient_id", "a long number"),
        ("cases.csv, referred_by", "a person's name"),
    ]


@pytest.mark.data
@pytest.mark.parametrize("folder", ["sts_pet", "sts001_dicom"])
def test_real_cases_that_were_deidentified_hold_none(data_folder: Path, folder: str) -> None:
    survey = look_through(data_folder / folder, wanted=Wanted())
    assert survey.cases
    found = [one for case in survey.cases for one in identifiers_in(case, data_folder / folder)]
    assert found == []
