"""Folders are looked through as organisers have them, and what is missing is told case by case."""

import csv
import json
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from challenges.definition import read_definition
from challenges.ingest import survey_folder
from challenges.ingest.layouts import (
    LAYOUTS,
    Choices,
    Survey,
    Wanted,
    WantedReader,
    detect,
    look_through,
)
from challenges.ingest.sources import Source, read_ct, read_mask, read_pet
from evaluation.errors import EvaluationError
from evaluation.volumes import read_volume
from tests.challenges.folders import ChallengeFolder
from tests.evaluation.dicoms import GRID, contours_of, ct_series, pet_series, rtstruct, seg, written
from tests.evaluation.files import refused_files

BOTH = Wanted(modalities=("PET", "CT"))
EXPERT = Wanted(readers=(WantedReader("Expert", "reference"),))


def put(root: Path, *names: str) -> Path:
    """Files that no survey opens: were one read as an image, it would be refused."""
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"not an image")
    return root


def table(
    root: Path, rows: Iterable[Iterable[str]], name: str = "cases.csv", tab: bool = False
) -> None:
    with (root / name).open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, delimiter="\t" if tab else ",").writerows(rows)


def names(survey: Survey) -> list[str]:
    return [case.name for case in survey.cases]


def reasons(survey: Survey) -> dict[str, tuple[str, ...]]:
    return {one.name: one.reasons for one in survey.incomplete}


def below(root: Path, source: Source | None) -> str:
    assert source is not None
    (path,) = source.paths
    return str(path.relative_to(root))


def taken(survey: Survey) -> list[tuple[str, str, int]]:
    return [(one.name, one.key, one.cases) for one in survey.readers if one.taken]


class TestFolderForEachCase:
    def test_cases_are_told_with_their_files(self, tmp_path: Path) -> None:
        put(tmp_path, "c10/pet.nii.gz", "c10/reference.mha", "c2/pet.mha", "c2/reference.nrrd")
        survey = look_through(tmp_path, wanted=Wanted())
        assert survey.layout == "folders"
        assert names(survey) == ["c2", "c10"]
        assert below(tmp_path, survey.cases[1].pet) == "c10/pet.nii.gz"
        assert below(tmp_path, survey.cases[1].annotations["reference"]) == "c10/reference.mha"
        assert [case.position for case in survey.cases] == [0, 1]

    def test_what_is_missing_is_told_case_by_case(self, tmp_path: Path) -> None:
        put(tmp_path, "a/pet.nii", "a/ct.nii", "a/reference.nii", "b/pet.nii", "b/reference.nii")
        put(tmp_path, "c/pet.nii", "c/ct.nii", "d/ct.nii", "d/reference.nii")
        put(tmp_path, "e/pet.nii", "e/pet.mha", "e/ct.nii", "e/reference.nii")
        survey = look_through(tmp_path, wanted=BOTH)
        assert names(survey) == ["a"]
        assert (survey.found, survey.with_ct) == (5, 4)
        several = (
            "one PET image as .nii.gz, .nii, .mha or .nrrd is expected; found pet.mha, pet.nii"
        )
        assert reasons(survey) == {
            "b": ("no CT",),
            "c": ("no reference",),
            "d": ("no PET",),
            "e": (several,),
        }

    def test_the_table_gives_order_patients_splits_and_columns(self, tmp_path: Path) -> None:
        put(tmp_path, "a/pet.nii", "a/reference.nii", "b/pet.nii", "b/reference.nii")
        put(tmp_path, "c/pet.nii", "c/reference.nii")
        rows = [("b", "P1", "test", "Bern"), ("a", "P1", "", "Graz"), ("z", "", "", "")]
        table(tmp_path, [("case_id", "patient_id", "split", "centre"), *rows])
        survey = look_through(tmp_path, wanted=EXPERT)
        assert [(case.name, case.patient, case.split) for case in survey.cases] == [
            ("b", "P1", "test"), ("a", "P1", ""),
        ]  # fmt: skip
        assert survey.cases[0].metadata == {"centre": "Bern"}
        assert survey.columns == ("centre",)
        assert reasons(survey) == {
            "z": ("has a row in cases.csv, but no images",),
            "c": ("no row in cases.csv",),
        }

    def test_readers_are_proposed_where_most_cases_have_them(self, tmp_path: Path) -> None:
        for case in "abcd":
            put(tmp_path, f"{case}/pet.nii", f"{case}/anna.nii", f"{case}/ben.nii")
        (tmp_path / "d" / "ben.nii").unlink()
        put(tmp_path, "a/ct_mask.nii")
        survey = look_through(tmp_path, wanted=Wanted())
        assert taken(survey) == [("anna", "anna", 4), ("ben", "ben", 3)]
        assert reasons(survey) == {"d": ("no mask of ben",)}
        assert list(survey.cases[0].auxiliary) == ["ct_mask"]

    def test_a_person_chooses_who_reads(self, tmp_path: Path) -> None:
        put(tmp_path, "a/pet.nii", "a/x1.nii", "a/x2.nii", "b/pet.nii", "b/x1.nii")
        survey = look_through(tmp_path, wanted=Wanted(), choices=Choices({"Anna": "x1"}))
        assert taken(survey) == [("Anna", "x1", 2)]
        assert [list(case.annotations) for case in survey.cases] == [["Anna"], ["Anna"]]

    def test_inputs_are_wanted_of_every_case(self, tmp_path: Path) -> None:
        put(
            tmp_path,
            "a/pet.nii",
            "a/reference.nii",
            "a/clinic.json",
            "b/pet.nii",
            "b/reference.nii",
        )
        survey = look_through(tmp_path, wanted=replace(EXPERT, inputs=("clinic",)))
        assert survey.cases[0].inputs == {"clinic": tmp_path / "a" / "clinic.json"}
        assert reasons(survey) == {"b": ("no clinic.json",)}


class TestNnunet:
    def write(self, root: Path, **dataset: object) -> Path:
        for case in ("psma_1", "psma_2"):
            put(root, f"imagesTr/{case}_0000.nii.gz", f"imagesTr/{case}_0001.nii.gz")
            put(root, f"labelsTr/{case}.nii.gz")
        if dataset:
            (root / "dataset.json").write_text(json.dumps(dataset))
        return root

    @pytest.mark.parametrize("key", ["channel_names", "modality"])
    @pytest.mark.parametrize("pet", ["PET", "pt", "SUV", "PET SUV"])
    def test_dataset_json_says_which_channel_is_pet(
        self, tmp_path: Path, key: str, pet: str
    ) -> None:
        self.write(tmp_path, **{key: {"0": "CT", "1": pet}})
        survey = look_through(tmp_path, wanted=replace(EXPERT, modalities=("PET", "CT")))
        assert (survey.layout, names(survey)) == ("nnunet", ["psma_1", "psma_2"])
        case = survey.cases[0]
        assert below(tmp_path, case.pet) == "imagesTr/psma_1_0001.nii.gz"
        assert below(tmp_path, case.ct) == "imagesTr/psma_1_0000.nii.gz"
        assert below(tmp_path, case.annotations["Expert"]) == "labelsTr/psma_1.nii.gz"

    @pytest.mark.parametrize("dataset", [{}, {"channel_names": {"0": "a", "1": "b"}}])
    def test_where_no_channel_is_pet_a_person_is_asked(
        self, tmp_path: Path, dataset: dict[str, object]
    ) -> None:
        self.write(tmp_path, **dataset)
        survey = look_through(tmp_path, wanted=EXPERT)
        (problem,) = survey.problems
        assert "no channel is PET" in problem.text
        chosen = Choices(channels={"0000": "CT", "0001": "PET"})
        survey = look_through(tmp_path, wanted=EXPERT, choices=chosen)
        assert below(tmp_path, survey.cases[0].pet) == "imagesTr/psma_1_0001.nii.gz"

    def test_further_readers_and_test_cases_are_found(self, tmp_path: Path) -> None:
        self.write(tmp_path, channel_names={"0": "CT", "1": "PET"})
        put(tmp_path, "labelsTr_anna/psma_1.nii.gz", "labelsTr_anna/psma_9.nii.gz")
        put(tmp_path, "imagesTs/psma_3_0001.nii.gz", "imagesTs/odd.nii.gz")
        survey = look_through(tmp_path, wanted=Wanted())
        assert taken(survey) == [("reference", "reference", 2), ("anna", "anna", 1)]
        assert reasons(survey) == {"psma_2": ("no mask of anna",)}
        assert survey.notices == (
            "imagesTs/odd.nii.gz: a name as case_0000 is expected, left out",
            "anna: 1 masks without images, left out",
            "imagesTs: 1 cases without labelsTs, left out",
        )
        put(tmp_path, "labelsTs/psma_3.nii.gz")
        assert "psma_3" in names(look_through(tmp_path, wanted=EXPERT))

    @pytest.mark.parametrize(
        "content", ["[1]", "{", '{"channel_names": 3}', '{"modality": {"a": 1}}']
    )
    def test_a_dataset_json_that_is_none_is_told(self, tmp_path: Path, content: str) -> None:
        self.write(tmp_path)
        (tmp_path / "dataset.json").write_text(content)
        survey = look_through(tmp_path, wanted=EXPERT)
        assert any("cannot be read" in one.text for one in survey.problems)


class TestAutopet:
    def test_studies_are_cases_whose_names_hold_no_date(self, tmp_path: Path) -> None:
        for study in ("PETCT_01/12-05-2003-NA", "PETCT_01/02-01-2004-NA", "PETCT_02/01-01-2001-X"):
            put(
                tmp_path,
                *(f"{study}/{name}.nii.gz" for name in ("SUV", "CTres", "SEG", "CT", "PET")),
            )
        survey = look_through(tmp_path, wanted=replace(EXPERT, modalities=("PET", "CT")))
        assert survey.layout == "autopet"
        assert [(case.name, case.patient) for case in survey.cases] == [
            ("PETCT_01-1", "PETCT_01"), ("PETCT_01-2", "PETCT_01"), ("PETCT_02", "PETCT_02"),
        ]  # fmt: skip
        case = survey.cases[2]
        files = [case.pet, case.ct, case.annotations["Expert"]]
        assert [source.name for source in files if source] == [
            "SUV.nii.gz", "CTres.nii.gz", "SEG.nii.gz",
        ]  # fmt: skip
        assert "“SEG” is taken as the mask of reader Expert" in survey.notices

    def test_pet_in_bq_is_not_taken_for_suv(self, tmp_path: Path) -> None:
        put(tmp_path, "PETCT_01/a/PET.nii.gz", "PETCT_01/a/SEG.nii.gz")
        survey = look_through(tmp_path, wanted=EXPERT)
        assert reasons(survey) == {
            "PETCT_01": ("no SUV.nii.gz; PET.nii.gz is in Bq/ml and is not taken",)
        }


class TestBids:
    def write(self, root: Path) -> Path:
        put(
            root,
            "sub-01/ses-1/pet/sub-01_ses-1_pet.nii.gz",
            "sub-01/ses-1/ct/sub-01_ses-1_ct.nii.gz",
        )
        put(root, "sub-02/pet/sub-02_pet.nii.gz")
        put(root, "derivatives/anna/sub-01/ses-1/pet/sub-01_ses-1_desc-lesion_mask.nii.gz")
        put(root, "derivatives/anna/sub-02/pet/sub-02_dseg.nii.gz")
        put(root, "derivatives/ben/sub-01/ses-1/sub-01_ses-1_mask.nii.gz")
        return root

    def test_subjects_sessions_and_readers_are_found(self, tmp_path: Path) -> None:
        survey = look_through(self.write(tmp_path), wanted=Wanted())
        assert survey.layout == "bids"
        assert taken(survey) == [("anna", "anna", 2), ("ben", "ben", 1)]
        assert [(case.name, case.patient) for case in survey.cases] == [("sub-01_ses-1", "sub-01")]
        assert reasons(survey) == {"sub-02": ("no mask of ben",)}
        assert survey.with_ct == 1

    def test_participants_are_metadata(self, tmp_path: Path) -> None:
        self.write(tmp_path)
        table(
            tmp_path,
            [("participant_id", "age", "sex"), ("sub-01", "61", "n/a")],
            "participants.tsv",
            True,
        )
        survey = look_through(tmp_path, wanted=Wanted())
        assert survey.cases[0].metadata == {"age": "61", "sex": ""}
        assert survey.columns == ("age", "sex")

    def test_pet_that_says_to_be_no_suv_is_refused(self, tmp_path: Path) -> None:
        self.write(tmp_path)
        (tmp_path / "sub-02/pet/sub-02_pet.json").write_text('{"Units": "Bq/mL"}')
        (tmp_path / "sub-01/ses-1/pet/sub-01_ses-1_pet.json").write_text('{"Units": "g/ml"}')
        wanted = Wanted(readers=(WantedReader("Anna", "anna"),))
        survey = look_through(tmp_path, wanted=wanted)
        assert names(survey) == ["sub-01_ses-1"]
        told = "its PET is in Bq/mL; SUV (g/ml) is expected, convert it"
        assert reasons(survey) == {"sub-02": (told,)}

    def test_several_pet_images_of_a_session_are_told(self, tmp_path: Path) -> None:
        put(self.write(tmp_path), "sub-02/pet/sub-02_rec-acdyn_pet.nii.gz")
        survey = look_through(tmp_path, wanted=Wanted(readers=(WantedReader("Anna", "anna"),)))
        assert (
            "several PET: sub-02_pet.nii.gz, sub-02_rec-acdyn_pet.nii.gz"
            in reasons(survey)["sub-02"]
        )


SQUARE = contours_of([[(0.5, 0.5), (3.5, 0.5), (3.5, 2.5), (0.5, 2.5)]], 1)


class TestDicom:
    def write(self, root: Path, **tags: Any) -> tuple[Path, str]:
        """PET, CT and an RTSTRUCT of two ROIs in one folder, under names that say nothing."""
        study = {"StudyInstanceUID": "1.2.3", **tags}
        pet = pet_series(**study)
        uid = pet[0].SeriesInstanceUID
        written(root / "all", pet, "x")
        written(root / "all", ct_series(**study), "y")
        drawn = rtstruct({"tumour": SQUARE, "heart": SQUARE}, uid, **study, SeriesInstanceUID="1.9")
        written(root / "all", [drawn], "z")
        return root, uid

    def test_series_are_told_apart_by_uid_and_become_suv_hu_and_masks(self, tmp_path: Path) -> None:
        self.write(tmp_path)
        survey = look_through(
            tmp_path, wanted=Wanted(("PET", "CT"), (WantedReader("Expert", "tumour"),))
        )
        assert (survey.layout, survey.problems) == ("dicom", ())
        (case,) = survey.cases
        assert (case.name, case.patient) == ("P-01", "P-01")
        assert [(one.key, one.taken) for one in survey.readers] == [
            ("tumour", True),
            ("heart", False),
        ]
        pet, report = read_pet(case.pet)
        factor = 70_000.0 / (350e6 * 2.0 ** (-3600.0 / 6586.2))
        expected = np.array([2000, 4000, 6000, 8000]) * factor
        np.testing.assert_allclose(pet.voxels[:, 0, 0].astype(float), expected, rtol=1e-6)
        assert json.loads(json.dumps(report))["times"]["injected_at"] == "2024-02-29T10:00:00"
        assert report["factor"] == pytest.approx(factor)
        assert case.ct is not None
        assert read_ct(case.ct).voxels[:, 0, 0].tolist() == [0, 1, 2, 3]
        assert read_mask(case.annotations["Expert"], pet.geometry).voxels.sum() == 6

    def test_rois_are_proposed_as_readers(self, tmp_path: Path) -> None:
        self.write(tmp_path)
        assert taken(look_through(tmp_path, wanted=Wanted())) == [
            ("tumour", "tumour", 1), ("heart", "heart", 1),
        ]  # fmt: skip

    def test_a_segment_of_a_seg_is_a_reader_too(self, tmp_path: Path) -> None:
        self.write(tmp_path)
        mask = np.zeros(GRID.shape, np.uint8)
        mask[2, 1, 1] = 1
        dataset = seg({"lesion": mask}, StudyInstanceUID="1.2.3")
        written(tmp_path, [dataset], "seg")
        chosen = Choices({"Expert": "lesion"})
        (case,) = look_through(tmp_path, wanted=Wanted(), choices=chosen).cases
        assert read_mask(case.annotations["Expert"], GRID).voxels.sum() == 1

    def test_two_readers_who_named_an_roi_alike_are_told_apart_by_series(
        self, tmp_path: Path
    ) -> None:
        _, uid = self.write(tmp_path)
        for reader in ("Anna", "Ben"):
            drawn = rtstruct(
                {"tumour": SQUARE}, uid, SeriesDescription=reader, StudyInstanceUID="1.2.3"
            )
            written(tmp_path, [drawn], reader)
        keys = [one.key for one in look_through(tmp_path, wanted=Wanted()).readers]
        assert {"tumour of Anna", "tumour of Ben", "heart"} <= set(keys)

    def test_studies_of_a_patient_are_cases_of_their_own(self, tmp_path: Path) -> None:
        for study in ("1.2.3", "1.2.4"):
            self.write(tmp_path / study, StudyInstanceUID=study)
        self.write(tmp_path / "other", PatientID="Ärzte 7/1")
        survey = look_through(tmp_path, wanted=Wanted())
        assert [(case.name, case.patient) for case in survey.cases] == [
            ("P-01-1", "P-01"), ("P-01-2", "P-01"), ("rzte-7-1", "Ärzte 7/1"),
        ]  # fmt: skip

    def test_of_two_pet_series_the_one_corrected_for_attenuation_is_meant(
        self, tmp_path: Path
    ) -> None:
        self.write(tmp_path)
        written(tmp_path, pet_series(StudyInstanceUID="1.2.3", CorrectedImage=["DECY"]), "nac")
        (case,) = look_through(tmp_path, wanted=Wanted()).cases
        assert {path.name[0] for path in case.pet.paths} == {"x"}

    def test_where_several_pet_series_may_be_meant_a_person_chooses(self, tmp_path: Path) -> None:
        _, uid = self.write(tmp_path)
        other = pet_series(StudyInstanceUID="1.2.3", SeriesDescription="PSF")
        written(tmp_path, other, "other")
        drawn = rtstruct({"tumour": SQUARE}, other[0].SeriesInstanceUID, StudyInstanceUID="1.2.3")
        written(tmp_path, [drawn], "drawn")
        survey = look_through(tmp_path, wanted=Wanted())
        (told,) = reasons(survey)["P-01"][:1]
        assert told.startswith("2 PET series, choose one: ")
        assert "PSF, 4 files" in told
        survey = look_through(tmp_path, wanted=Wanted(), choices=Choices(series=(uid,)))
        (case,) = survey.cases
        assert {path.name[0] for path in case.pet.paths} == {"x"}

    def test_what_belongs_to_no_pet_is_noticed(self, tmp_path: Path) -> None:
        self.write(tmp_path)
        written(tmp_path, [rtstruct({"a": SQUARE}, "9.9", PatientID="P-02")], "lost")
        put(tmp_path, "notes.txt")
        survey = look_through(tmp_path, wanted=Wanted())
        assert "lost000: drawn on no PET that is there, 1 files left out" in survey.notices
        assert "notes.txt: not DICOM, left out" in survey.notices

    def test_ct_alone_is_told(self, tmp_path: Path) -> None:
        written(tmp_path, ct_series())
        (problem,) = look_through(tmp_path, wanted=Wanted()).problems
        assert "no PET series" in problem.text


class TestAnyFolder:
    def test_an_archives_own_folder_is_looked_into(self, tmp_path: Path) -> None:
        put(tmp_path / "upload" / "data", "c1/pet.nii", "c1/reference.nii", "../../__MACOSX/x")
        survey = look_through(tmp_path, wanted=EXPERT)
        assert (survey.layout, names(survey)) == ("folders", ["c1"])

    def test_a_folder_of_no_known_layout_is_told_with_those_that_are(self, tmp_path: Path) -> None:
        survey = look_through(put(tmp_path, "readme.txt"), wanted=Wanted())
        (problem,) = survey.problems
        for layout in LAYOUTS.values():
            assert layout.title in problem.text
        assert detect(tmp_path) == ""

    def test_an_unknown_layout_is_an_error(self, tmp_path: Path) -> None:
        with pytest.raises(ValueError, match="known: nnunet"):
            look_through(tmp_path, layout="zip", wanted=Wanted())

    def test_links_that_lead_out_are_refused(self, tmp_path: Path) -> None:
        put(tmp_path, "secret.nii", "data/c1/pet.nii")
        (tmp_path / "data/c1/reference.nii").symlink_to(tmp_path / "secret.nii")
        survey = look_through(tmp_path / "data", wanted=EXPERT)
        assert [one.place for one in survey.problems] == ["c1/reference.nii"]
        assert survey.found == 0

    @pytest.mark.parametrize("kind", ["folders", "dicom", "none"])
    def test_a_survey_as_json_holds_no_path_of_this_machine(
        self, tmp_path: Path, kind: str
    ) -> None:
        put(tmp_path, "readme.txt")
        if kind == "folders":
            put(tmp_path, "c1/pet.nii", "c1/reference.nii", "c2/pet.nii")
        elif kind == "dicom":
            TestDicom().write(tmp_path)
        document = look_through(tmp_path, wanted=Wanted()).to_json()
        text = json.dumps(document)
        assert str(tmp_path) not in text
        assert "/tmp" not in text
        if kind == "folders":
            assert (document["found"], document["complete"], document["with_ct"]) == (2, 1, 0)
            assert document["incomplete"] == [{"name": "c2", "reasons": ["no reference"]}]

    def test_choices_survive_json_and_refuse_what_they_do_not_know(self) -> None:
        choices = Choices({"Anna": "x"}, {"0000": "CT"}, ("1.2",))
        assert Choices.from_json(json.loads(json.dumps(choices.to_json()))) == choices
        with pytest.raises(ValueError, match="unknown choices: reader"):
            Choices.from_json({"reader": {}})


class TestCommandLine:
    def test_a_challenge_in_another_layout_is_surveyed_too(self, tmp_path: Path) -> None:
        folder = ChallengeFolder(tmp_path / "other")
        folder.write()
        root = TestNnunet().write(tmp_path / "nnunet", channel_names={"0": "CT", "1": "PET"})
        definition = folder.path / "challenge.yaml"
        survey = survey_folder(root, definition)
        assert survey.definition == read_definition(definition)
        assert [case.name for case in survey.cases] == ["psma_1", "psma_2"]
        assert survey.problems == []
        (root / "labelsTr" / "psma_2.nii.gz").unlink()
        (problem,) = survey_folder(root, definition).problems
        assert str(problem) == "psma_2: no reference"


class TestSources:
    def test_a_source_is_known_by_its_content_whatever_its_name(self, tmp_path: Path) -> None:
        paths = [tmp_path / name for name in ("a", "b", "c")]
        for path, content in zip(paths, (b"1", b"2", b"1"), strict=True):
            path.write_bytes(content)
        a, b, c = paths
        assert Source((a,)).sha256() == Source((c,)).sha256() != Source((b,)).sha256()
        assert Source((a, b), "dicom_pet").sha256() == Source((b, c), "dicom_pet").sha256()
        assert Source((a,), "rtstruct", "x").sha256() != Source((a,), "rtstruct", "y").sha256()

    def test_hostile_images_are_refused_whatever_they_are_read_as(self, tmp_path: Path) -> None:
        for content, code in refused_files(tmp_path).values():
            (tmp_path / "image").write_bytes(content)
            source = Source((tmp_path / "image",))
            for read in (read_pet, read_ct, lambda one: read_mask(one, GRID)):
                with pytest.raises(EvaluationError) as error:
                    read(source)
                assert error.value.code == code

    def test_a_file_that_is_gone_is_told_without_its_path(self, tmp_path: Path) -> None:
        with pytest.raises(EvaluationError) as error:
            read_pet(Source((tmp_path / "gone.nii",)))
        assert str(tmp_path) not in error.value.message


@pytest.mark.data
def test_real_cases_are_found_with_their_metadata_and_extra_mask(data_folder: Path) -> None:
    survey = look_through(data_folder / "sts_pet", wanted=EXPERT)
    assert (survey.found, len(survey.cases), survey.with_ct) == (40, 40, 1)
    assert survey.columns[:3] == ("centre", "scanner", "tracer")
    assert [case.name for case in survey.cases if case.auxiliary] == ["STS_019"]


@pytest.mark.data
def test_a_real_dicom_folder_becomes_the_published_case(data_folder: Path) -> None:
    """SUV within 1e-3 at (k, j, i) = (0, 45, 59), and the mask of 5 095 voxels."""
    wanted = Wanted(readers=(WantedReader("Expert", "GTV_Mass"),))
    (case,) = look_through(data_folder / "sts001_dicom", wanted=wanted).cases
    assert case.name == "STS_001"
    pet, report = read_pet(case.pet)
    mask = read_mask(case.annotations["Expert"], pet.geometry)
    published = data_folder / "sts_pet" / "STS_001"
    expected = read_volume(published / "pet.nii.gz").voxels.astype(float)
    nz, ny, nx = expected.shape
    crop = np.s_[:nz, 45 : 45 + ny, 59 : 59 + nx]
    np.testing.assert_allclose(pet.voxels[crop].astype(float), expected, rtol=0, atol=1e-3)
    reference = read_volume(published / "reference.nii.gz").voxels
    np.testing.assert_array_equal(mask.voxels[crop] != 0, reference != 0)
    assert mask.voxels.astype(int).sum() == 5095
    assert report["decay_seconds"] == 2711.0
    assert report["times"]["scanned_at"] == "2000-09-07T11:20:11"
