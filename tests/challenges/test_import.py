"""A challenge is imported whole, or refused with every error at once and nothing of it kept."""

import os
import shutil
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np
import pytest
from django.apps import apps
from pytest_django import Settings

from accounts.models import User
from challenges.ingest import FolderRefused
from challenges.models import (
    Annotation,
    Case,
    Challenge,
    Edition,
    Image,
    Protocol,
    Reference,
)
from challenges.selectors import dataset_facts, definition_of
from challenges.services import editions, publishing
from challenges.services.clearing import reconcile
from challenges.services.editions import open_edition
from challenges.services.importing import import_challenge
from challenges.services.publishing import NotReady
from challenges.storage import private
from challenges.untouched import Untouched
from evaluation.readers import majority, staple
from evaluation.volumes import Volume, read_volume
from tests.challenges.folders import AFFINE, METRICS, READERS, SIZE, ChallengeFolder, lesion, pet

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def store(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Private storage of this test's own; pictures, which take most of the time, are small."""
    monkeypatch.setattr("challenges.ingest.pictures.PIXELS_HIGH", 8)
    place = tmp_path / "private"
    place.mkdir()
    kept = {**settings.STORAGES["private"], "OPTIONS": {"location": place, "base_url": None}}
    settings.STORAGES = {**settings.STORAGES, "private": kept}
    return place


@pytest.fixture
def folder(tmp_path: Path) -> ChallengeFolder:
    made = ChallengeFolder(tmp_path / "folder")
    made.write()
    return made


def written(tmp_path: Path, name: str = "other", **options: object) -> ChallengeFolder:
    made = ChallengeFolder(tmp_path / name, **options)  # type: ignore[arg-type]
    made.write()
    return made


def imported(folder: ChallengeFolder) -> Challenge:
    return import_challenge(folder=folder.path)[0]


def refused(folder: ChallengeFolder) -> list[str]:
    """The problems; and nothing of the folder is anywhere."""
    before = rows()
    with pytest.raises(FolderRefused) as error:
        import_challenge(folder=folder.path)
    assert rows() == before
    if not any(before.values()):
        assert [path for path in Path(private().path("")).rglob("*") if path.is_file()] == []
        assert not list(Path(private().path("")).glob("datasets/*"))
    return [str(problem) for problem in error.value.problems]


def kept_volume(row: Image | Reference | Annotation) -> Volume:
    assert row.file.name
    return read_volume(Path(private().path(row.file.name)))


def rows() -> dict[str, int]:
    return {
        model.__name__: model._default_manager.count()
        for model in apps.get_app_config("challenges").get_models()
    }


class TestWhole:
    def test_every_row_is_there(self, folder: ChallengeFolder) -> None:
        challenge = imported(folder)
        assert {name: count for name, count in rows().items() if count} == {
            "Challenge": 1, "Protocol": 1, "Phase": 1, "Edition": 1,
            "Dataset": 1, "Case": 2, "Image": 2, "Reader": 1, "Annotation": 2, "Reference": 2,
            "DataImport": 1,
        }  # fmt: skip
        case = challenge.phases.get().dataset.cases.get(name="case-1")
        assert (case.patient, case.position) == ("patient-case-1", 0)
        assert case.metadata == {"centre": "Centre A"}

    def test_images_are_kept_as_they_are_and_where_they_lie(self, folder: ChallengeFolder) -> None:
        imported(folder)
        image = Image.objects.get(case__name="case-2")
        kept = kept_volume(image)
        np.testing.assert_array_equal(kept.voxels, pet(1).T)
        source = read_volume(folder.path / "case-2" / "pet.nii.gz")
        assert kept.geometry.differences(source.geometry) == ()
        assert kept.voxels.dtype == np.float32

    def test_with_one_reader_the_reference_is_that_mask(self, folder: ChallengeFolder) -> None:
        imported(folder)
        reference = Reference.objects.get(case__name="case-1")
        assert reference.recipe == Reference.Recipe.SINGLE
        assert reference.volume_ml == pytest.approx(8 * 0.08)
        kept = kept_volume(reference)
        np.testing.assert_array_equal(kept.voxels, lesion().T)

    def test_no_file_is_kept_that_no_row_names(self, folder: ChallengeFolder, store: Path) -> None:
        imported(folder)
        named = {image.file.name for image in Image.objects.all()}
        named |= {one.file.name for one in Annotation.objects.all()}
        named |= {one.file.name for one in Reference.objects.all()}
        for case in Case.objects.all():
            named |= {case.picture.name, case.outlined.name}
        kept = {str(path.relative_to(store)) for path in store.rglob("*") if path.is_file()}
        assert kept == named

    def test_who_imports_organises(self, folder: ChallengeFolder) -> None:
        person = User.objects.create_user("organiser")
        challenge, _ = import_challenge(folder=folder.path, organiser=person)
        assert [one.role for one in challenge.memberships.all()] == ["organiser"]

    def test_the_definition_may_lie_elsewhere(self, folder: ChallengeFolder) -> None:
        elsewhere = folder.path.parent / "definition.yaml"
        shutil.move(folder.path / "challenge.yaml", elsewhere)
        challenge, _ = import_challenge(folder=folder.path, definition_file=elsewhere)
        assert challenge.slug == "small"

    @pytest.mark.parametrize("ending", ["nii", "nii.gz", "mha"])
    def test_each_file_format_is_taken(self, ending: str, folder: ChallengeFolder) -> None:
        for seed, case in enumerate(folder.cases):
            path = folder.path / case / "pet.nii.gz"
            if ending == "mha":
                import SimpleITK

                SimpleITK.WriteImage(
                    SimpleITK.ReadImage(str(path)), str(path.parent / "pet.mha"), True
                )
                path.unlink()
            elif ending == "nii":
                path.unlink()
                folder.image(case, "pet", pet(seed), ending="nii")
        imported(folder)

    def test_progress_is_told_and_several_processes_make_the_same(
        self, folder: ChallengeFolder, tmp_path: Path
    ) -> None:
        told: list[tuple[int, int]] = []
        one = imported(folder)
        folder.define(slug="other")
        other, _ = import_challenge(
            folder=folder.path, processes=2, progress=lambda *now: told.append(now)
        )
        assert told == [(1, 2), (2, 2)]
        assert edition_of(other).scoring_hash == edition_of(one).scoring_hash

    def test_what_is_not_declared_is_noticed_and_not_kept(self, folder: ChallengeFolder) -> None:
        (folder.path / "notes.txt").write_text("secret")
        (folder.path / "case-9").mkdir()
        (folder.path / "case-1" / "ct.nii.gz").write_bytes(b"not even an image")
        _, notices = import_challenge(folder=folder.path)
        assert [one for one in notices if "left out" in one] == [
            "case-1/ct.nii.gz: not declared in challenge.yaml, left out",
            "case-9: folder without a row in cases.csv, left out",
            "notes.txt: undeclared file, left out",
        ]
        assert Image.objects.filter(modality="ct").count() == 0

    def test_a_lesion_free_case_is_a_case(self, folder: ChallengeFolder) -> None:
        folder.image("case-1", "reference", np.zeros(SIZE, np.uint8))
        folder.table([("case_id", "lesion_free"), ("case-1", "yes"), ("case-2", "no")])
        imported(folder)
        assert Reference.objects.get(case__name="case-1").volume_ml == 0

    def test_a_case_without_lesions_that_was_not_called_so_waits_for_a_person(
        self, folder: ChallengeFolder
    ) -> None:
        folder.image("case-1", "reference", np.zeros(SIZE, np.uint8))
        with pytest.raises(NotReady, match="case-1: empty_mask"):
            imported(folder)
        assert Challenge.objects.get().published_at is None
        assert Case.objects.count() == 2

    def test_a_table_of_windows_and_excel_is_read(self, folder: ChallengeFolder) -> None:
        text = 'case_id,patient_id,centre\r\n\r\ncase-1, P1 ,Zürich\r\ncase-2,,"A, B"\r\n'
        (folder.path / "cases.csv").write_bytes(b"\xef\xbb\xbf" + text.encode())
        cases = imported(folder).phases.get().dataset.cases
        assert list(cases.values_list("patient", "metadata__centre")) == [
            ("P1", "Zürich"), ("case-2", "A, B"),
        ]  # fmt: skip


class TestCt:
    def test_ct_lies_on_the_pet_grid_with_air_outside(self, tmp_path: Path) -> None:
        folder = written(tmp_path, ct=True)
        half = AFFINE.copy()
        half[:, 0] /= 2  # half as fine along x, and so half as far
        folder.image("case-1", "ct", np.full(SIZE, 40, np.int16), half)
        import_challenge(folder=folder.path, draft=True)
        image = Image.objects.get(case__name="case-1", modality="ct")
        ct = kept_volume(image)
        source = read_volume(folder.path / "case-1" / "pet.nii.gz")
        assert ct.geometry.differences(source.geometry) == ()
        assert ct.voxels.dtype == np.int16
        assert (ct.voxels[:, :, :3] == 40).all()
        assert (ct.voxels[:, :, 3:] == -1024).all()

    def test_ct_is_interpolated_linearly(self, tmp_path: Path) -> None:
        folder = written(tmp_path, ct=True)
        ramp = np.broadcast_to(np.arange(6)[:, None, None] * 100, SIZE).astype(np.int16)
        shifted = AFFINE.copy()
        shifted[0, 3] += 2.0  # half a voxel along x
        folder.image("case-1", "ct", ramp, shifted)
        imported(folder)
        image = Image.objects.get(case__name="case-1", modality="ct")
        ct = kept_volume(image)
        assert ct.voxels[0, 0].tolist()[:5] == [50, 150, 250, 350, 450]

    def test_a_ct_that_one_case_lacks_is_missed(self, tmp_path: Path) -> None:
        folder = written(tmp_path, ct=True)
        (folder.path / "case-2" / "ct.nii.gz").unlink()
        assert refused(folder) == [
            "case-2/ct: one CT image as .nii.gz, .nii, .mha or .nrrd is expected; found none"
        ]

    def test_a_ct_of_nan_is_refused(self, tmp_path: Path) -> None:
        folder = written(tmp_path, ct=True)
        folder.image("case-1", "ct", np.full(SIZE, np.nan, np.float32))
        assert refused(folder) == ["case-1/ct.nii.gz: the CT holds NaN or infinity"]


class TestReaders:
    def test_the_reference_of_three_is_what_two_of_them_drew(self, tmp_path: Path) -> None:
        imported(written(tmp_path, readers=3))
        assert Annotation.objects.count() == 6
        reference = Reference.objects.get(case__name="case-1")
        assert reference.recipe == Reference.Recipe.MAJORITY
        kept = kept_volume(reference)
        np.testing.assert_array_equal(kept.voxels, lesion(1).T)

    def test_a_majority_is_more_than_half_per_label(self) -> None:
        one, two = np.array([[[1, 1, 1, 0]]], np.uint8), np.array([[[1, 1, 2, 0]]], np.uint8)
        three, four = np.array([[[1, 2, 2, 0]]], np.uint8), np.array([[[0, 2, 2, 1]]], np.uint8)
        assert majority([one, two, three]).tolist() == [[[1, 1, 2, 0]]]
        assert majority([one, two, three, four]).tolist() == [[[1, 0, 2, 0]]]

    def test_a_reader_who_drew_nothing_votes_for_nothing(self, tmp_path: Path) -> None:
        folder = written(tmp_path, readers=3)
        for reader in ("reader-a", "reader-b"):
            folder.image("case-1", reader, np.zeros(SIZE, np.uint8))
        import_challenge(folder=folder.path, draft=True)
        assert Reference.objects.get(case__name="case-1").volume_ml == 0

    def test_of_two_readers_each_is_scored_against(self, tmp_path: Path) -> None:
        challenge = imported(written(tmp_path, readers=3, keys={"readers": READERS[:2]}))
        references = Reference.objects.filter(case__name="case-1")
        assert {one.reader.name for one in references if one.reader} == {"Reader A", "Reader B"}
        assert {one.recipe for one in references} == {Reference.Recipe.READER}
        kept = {one.reader.name: kept_volume(one).voxels for one in references if one.reader}
        annotations = Annotation.objects.filter(case__name="case-1")
        for one in annotations:
            np.testing.assert_array_equal(kept[one.reader.name], kept_volume(one).voxels)
        facts = dataset_facts(challenge.phases.get())
        assert (facts.cases, facts.lesion_free) == (2, 0)

    def test_staple_may_be_chosen(self, tmp_path: Path) -> None:
        imported(written(tmp_path, readers=3, keys={"consensus": "staple"}))
        reference = Reference.objects.get(case__name="case-1")
        assert reference.recipe == Reference.Recipe.STAPLE
        assert reference.reader is None
        masks = [kept_volume(one).voxels for one in Annotation.objects.filter(case__name="case-1")]
        np.testing.assert_array_equal(
            kept_volume(reference).voxels, staple([m.astype(np.uint8) for m in masks], [1])
        )

    def test_a_mask_that_one_reader_lacks_is_missed(self, tmp_path: Path) -> None:
        folder = written(tmp_path, readers=3)
        (folder.path / "case-2" / "reader-b.nii.gz").unlink()
        assert refused(folder) == [
            "case-2/reader-b: one mask of reader Reader B as .nii.gz, .nii, .mha or .nrrd is expected; "
            "found none"
        ]


def remove(name: str) -> Callable[[ChallengeFolder], None]:
    def change(folder: ChallengeFolder) -> None:
        path = folder.path / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()

    return change


def put(name: str, content: bytes) -> Callable[[ChallengeFolder], None]:
    def change(folder: ChallengeFolder) -> None:
        (folder.path / name).write_bytes(content)

    return change


def case_id(name: str) -> Callable[[ChallengeFolder], None]:
    return lambda folder: folder.table([("case_id",), ("case-1",), (name,)])


def wrong_mask(value: float, kind: str = "u1") -> Callable[[ChallengeFolder], None]:
    def change(folder: ChallengeFolder) -> None:
        folder.image("case-1", "reference", (lesion() * value).astype(kind))

    return change


def wrong_pet(value: float, kind: str = "f4") -> Callable[[ChallengeFolder], None]:
    def change(folder: ChallengeFolder) -> None:
        voxels = pet(0).astype(kind)
        voxels[0, 0, 0] = value
        folder.image("case-1", "pet", voxels)

    return change


def second_file(folder: ChallengeFolder) -> None:
    folder.image("case-1", "pet", pet(0), ending="nii")


def folder_as_file(folder: ChallengeFolder) -> None:
    remove("case-1/pet.nii.gz")(folder)
    (folder.path / "case-1" / "pet.nii.gz").mkdir()


def table_as_folder(folder: ChallengeFolder) -> None:
    remove("cases.csv")(folder)
    (folder.path / "cases.csv").mkdir()


def broken_link(folder: ChallengeFolder) -> None:
    remove("case-1/pet.nii.gz")(folder)
    (folder.path / "case-1" / "pet.nii.gz").symlink_to("nowhere")


def fifo(folder: ChallengeFolder) -> None:
    remove("case-1/pet.nii.gz")(folder)
    os.mkfifo(folder.path / "case-1" / "pet.nii.gz")


BAD: dict[str, tuple[Callable[[ChallengeFolder], None], str]] = {
    "no definition": (remove("challenge.yaml"), "challenge.yaml: not found in"),
    "no table": (remove("cases.csv"), "cases.csv: not found"),
    "no PET": (remove("case-1/pet.nii.gz"), "case-1/pet: one PET image"),
    "no mask": (remove("case-1/reference.nii.gz"), "case-1/reference: one mask of reader Expert"),
    "no folder": (remove("case-2"), "case-2: has a row in cases.csv, but no folder"),
    "two files of one image": (second_file, "expected; found pet.nii, pet.nii.gz"),
    "a folder named as an image": (folder_as_file, "case-1/pet.nii.gz: is not a file"),
    "a link to nothing": (broken_link, "case-1/pet.nii.gz: is not a file"),
    "a pipe": (fifo, "case-1/pet.nii.gz: is not a file"),
    "an empty file": (put("case-1/pet.nii.gz", b""), "case-1/pet.nii.gz: The file is empty"),
    "a cut file": (put("case-1/pet.nii.gz", b"\x1f\x8b\x08"), "cannot be inflated"),
    "a text file": (put("case-1/pet.nii.gz", b"hello"), "neither NIfTI, MetaImage nor NRRD"),
    "NaN in PET": (wrong_pet(np.nan), "case-1/pet.nii.gz: the PET holds NaN or infinity"),
    "too much in PET": (wrong_pet(1e300, "f8"), "the PET holds NaN or infinity"),
    "a mask of 255": (wrong_mask(255), "the value 255; expected only [0, 1]"),
    "a mask of 2": (wrong_mask(2), "the value 2; expected only [0, 1]"),
    "a mask of NaN": (wrong_mask(np.nan, "f4"), "The mask holds NaN or infinity"),
    "a table of no rows": (put("cases.csv", b"case_id\n"), "cases.csv: has no rows"),
    "an empty table": (put("cases.csv", b""), "no column case_id (found: nothing)"),
    "a table without ids": (put("cases.csv", b"name\nx\n"), "no column case_id (found: name)"),
    "semicolons": (put("cases.csv", b"case_id;a\nx;y\n"), "no column case_id (found: case_id;a)"),
    "two columns of one name": (put("cases.csv", b"case_id,a,a\ncase-1,1,2\n"), "the same name"),
    "a column of no name": (put("cases.csv", b"case_id,\ncase-1,\n"), "a column has no name"),
    "a cell too many": (put("cases.csv", b"case_id\ncase-1,2\n"), "line 2: 1 cells are expected"),
    "a cell too few": (put("cases.csv", b"case_id,a\ncase-1\n"), "line 2: 2 cells are expected"),
    "an open quote": (put("cases.csv", b'case_id\n"case-1\n'), "cases.csv: cannot be read"),
    "Latin-1": (put("cases.csv", "case_id,a\ncase-1,é\n".encode("latin-1")), "cannot be read"),
    "UTF-16": (put("cases.csv", "case_id\ncase-1\n".encode("utf-16")), "cannot be read"),
    "NUL": (put("cases.csv", b"case_id,a\ncase-1,\0\n"), "line 2: a cell holds a control"),
    "a huge cell": (put("cases.csv", b"case_id\n" + b"x" * 200_000), "cases.csv: cannot be read"),
    "a huge table": (put("cases.csv", b"case_id\n" + b"x\n" * 9_000_000), "larger than"),
    "a long patient": (
        put("cases.csv", b"case_id,patient_id\ncase-1," + b"x" * 101), "longer than 100",
    ),
    "a folder named as the table": (table_as_folder, "cases.csv: cannot be read: Is a directory"),
    "a case twice": (case_id("case-1"), "cases.csv, line 3: case_id “case-1” stands twice"),
    "a case above the folder": (case_id("../secret"), "case_id “../secret” must be letters"),
    "an absolute case": (case_id("/etc"), "case_id “/etc” must be letters"),
    "the folder itself": (case_id("."), "case_id “.” must be letters"),
    "the folder above": (case_id(".."), "case_id “..” must be letters"),
    "a case of no name": (case_id(" "), "case_id “” must be letters"),
    "an unknown metric": (
        lambda folder: folder.define(evaluation={"metrics": ["dicee"]}),
        "challenge.yaml, line 13: “evaluation.metrics”: unknown metric “dicee” (did you mean dice",
    ),
    "an unknown key": (lambda f: f.define(ruels="x"), "unknown key “ruels”; did you mean “rules”"),
    "a key twice": (
        lambda f: put("challenge.yaml", b"format: 1\nformat: 1\n")(f), "“format” stands twice",
    ),
    "no YAML": (put("challenge.yaml", b"a: [\n"), "not valid YAML"),
}  # fmt: skip


@pytest.mark.parametrize("kind", BAD)
def test_refused_in_words_and_nothing_is_kept(kind: str, folder: ChallengeFolder) -> None:
    change, expected = BAD[kind]
    change(folder)
    found = refused(folder)
    assert any(expected in problem for problem in found), found


def test_a_folder_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FolderRefused, match="is not a folder"):
        import_challenge(folder=tmp_path / "nowhere")


def test_a_mask_on_another_grid_is_refused_with_both_grids(folder: ChallengeFolder) -> None:
    moved = AFFINE.copy()
    moved[2, 3] += 5.0
    folder.image("case-2", "reference", lesion(), moved)
    (problem,) = refused(folder)
    assert problem.startswith("case-2/reference.nii.gz: differs from the PET in origin;")
    assert "origin mm   -10 20 30             -10 20 35" in problem


def test_every_error_of_every_kind_comes_at_once(tmp_path: Path) -> None:
    """So that an organiser mends a folder of 500 cases once, and not 500 times."""
    folder = written(tmp_path, cases=("a", "b", "c", "d", "e"))
    rows = [("case_id", "centre"), *((case, "x") for case in "abcde"), ("../f", "x"), ("g", "x")]
    folder.table(rows)
    wrong_cases = {"a": np.nan, "b": 255}
    folder.image("a", "pet", np.full(SIZE, wrong_cases["a"], np.float32))
    folder.image("b", "reference", lesion() * 255)
    (folder.path / "c" / "pet.nii.gz").unlink()
    folder.image("d", "reference", lesion(), AFFINE * [[1], [1], [2], [1]])
    places = [problem.split(": ")[0] for problem in refused(folder)]
    assert places == [
        "cases.csv, line 7", "c/pet", "g",
        "a/pet.nii.gz", "b/reference.nii.gz", "d/reference.nii.gz",
    ]  # fmt: skip


def test_the_definition_and_the_table_are_refused_together(folder: ChallengeFolder) -> None:
    folder.define(ruels="x")
    folder.table([("case_id",), ("../x",), ("case-1",), ("case-1",)])
    assert len(refused(folder)) == 3


def test_lines_of_the_table_are_counted_as_an_editor_does(folder: ChallengeFolder) -> None:
    (folder.path / "cases.csv").write_text('case_id,a\n\n\ncase-1,"two\nlines"\n../x,1\n')
    assert refused(folder)[0].startswith("cases.csv, line 6: case_id “../x”")


def test_a_slug_that_is_taken_is_refused(folder: ChallengeFolder, store: Path) -> None:
    imported(folder)
    before = sorted(store.rglob("*"))
    assert refused(folder) == ["challenge.yaml: a challenge “small” exists already"]
    assert sorted(store.rglob("*")) == before


class TestLinks:
    """A link could publish a file that nobody put into the folder: another challenge's reference."""

    @pytest.fixture
    def secret(self, tmp_path: Path) -> Path:
        return written(tmp_path, "secret").path

    @pytest.mark.parametrize(
        ("name", "place"),
        [
            ("case-1/pet.nii.gz", "case-1/pet.nii.gz"),
            ("case-1/reference.nii.gz", "case-1/reference.nii.gz"),
            ("case-1", "case-1"),
            ("cases.csv", "cases.csv"),
            ("challenge.yaml", "challenge.yaml"),
        ],
    )
    def test_out_of_the_folder_are_refused(
        self, name: str, place: str, folder: ChallengeFolder, secret: Path
    ) -> None:
        remove(name)(folder)
        (folder.path / name).symlink_to(secret / name)
        assert refused(folder) == [
            f"{place}: is a link that leads out of the challenge's folder; put the file itself "
            "there"
        ]

    def test_within_the_folder_are_followed(self, folder: ChallengeFolder) -> None:
        target = folder.path / "case-1" / "pet.nii.gz"
        shutil.move(target, folder.path / "shared.nii.gz")
        target.symlink_to("../shared.nii.gz")
        imported(folder)

    def test_to_the_folder_itself_are_followed(self, folder: ChallengeFolder) -> None:
        link = folder.path.parent / "link"
        link.symlink_to(folder.path)
        import_challenge(folder=link)


class TestUnreadable:
    """Of what a person may not read: told as any other problem (root may read everything)."""

    def test_an_image(self, folder: ChallengeFolder, monkeypatch: pytest.MonkeyPatch) -> None:
        self.deny(monkeypatch, "open", "pet.nii.gz")
        assert refused(folder) == [
            f"case-{number}/pet.nii.gz: cannot be read: Permission denied" for number in (1, 2)
        ]

    def test_a_folder(self, folder: ChallengeFolder, monkeypatch: pytest.MonkeyPatch) -> None:
        self.deny(monkeypatch, "iterdir", "case-1")
        assert refused(folder) == ["case-1: cannot be read: Permission denied"]

    @staticmethod
    def deny(monkeypatch: pytest.MonkeyPatch, method: str, name: str) -> None:
        allowed = getattr(Path, method)

        def guarded(self: Path, *arguments: object, **options: object) -> object:
            if self.name == name:
                raise PermissionError(13, "Permission denied", str(self))
            return allowed(self, *arguments, **options)

        monkeypatch.setattr(Path, method, guarded)


def edition_of(challenge: Challenge) -> Edition:
    return challenge.phases.get().editions.get()


class TestHashes:
    def test_the_same_cases_give_the_same_scoring_hash(
        self, folder: ChallengeFolder, tmp_path: Path
    ) -> None:
        one = imported(folder)
        other = imported(written(tmp_path, keys={"slug": "other"}))
        assert edition_of(one).scoring_hash == edition_of(other).scoring_hash
        assert one.protocols.get().protocol_hash != other.protocols.get().protocol_hash

    def test_dates_texts_and_ranking_change_the_protocol_and_not_the_scoring(
        self, folder: ChallengeFolder, tmp_path: Path
    ) -> None:
        one = imported(folder)
        phase = {"slug": "open", "title": "Open phase", "cases": "public"}
        keys: dict[str, dict[str, object]] = {
            "dates": {"phases": [{**phase, "closes": "2027-01-31T23:59:00Z"}]},
            "texts": {"question": "Does it work well?"},
            "ranking": {"evaluation": {**METRICS, "ranking": {"metrics": ["dice"]}}},
        }
        hashes = {one.protocols.get().protocol_hash}
        for slug, changed in keys.items():
            other = imported(written(tmp_path, slug, keys={"slug": slug, **changed}))
            assert edition_of(other).scoring_hash == edition_of(one).scoring_hash
            hashes.add(other.protocols.get().protocol_hash)
        assert len(hashes) == 4

    def test_references_labels_metrics_and_failures_change_the_scoring(
        self, folder: ChallengeFolder, tmp_path: Path
    ) -> None:
        hashes = {edition_of(imported(folder)).scoring_hash}
        for slug, evaluation in {
            "metrics": {"metrics": ["dice"]},
            "labels": {**METRICS, "labels": {"tumour": 1}},
            "failure": {**METRICS, "failure_volume_ml": 5.0},
        }.items():
            other = written(tmp_path, slug, keys={"slug": slug, "evaluation": evaluation})
            hashes.add(edition_of(imported(other)).scoring_hash)
        redrawn = written(tmp_path, "redrawn", keys={"slug": "redrawn"})
        redrawn.image("case-1", "reference", lesion(1))
        hashes.add(edition_of(imported(redrawn)).scoring_hash)
        renamed = written(tmp_path, "renamed", keys={"slug": "renamed"}, cases=("case-1", "b"))
        hashes.add(edition_of(imported(renamed)).scoring_hash)
        assert len(hashes) == 6

    def test_opening_an_edition_again_opens_none(self, folder: ChallengeFolder) -> None:
        challenge = imported(folder)
        phase = challenge.phases.get()
        again = open_edition(phase=phase, definition=definition_of(challenge))
        assert again == phase.editions.get()
        assert again.number == 1

    def test_a_new_scorer_opens_a_new_edition(
        self, folder: ChallengeFolder, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        challenge = imported(folder)
        phase = challenge.phases.get()
        monkeypatch.setattr(editions, "SCORER_VERSION", "2")
        assert open_edition(phase=phase, definition=definition_of(challenge)).number == 2


class TestKilled:
    def test_one_that_breaks_while_it_opens_is_not_published_and_can_go_on(
        self, folder: ChallengeFolder, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def broken(**_: object) -> None:
            raise RuntimeError("the database went away")

        with monkeypatch.context() as patched:
            patched.setattr(publishing, "open_edition", broken)
            with pytest.raises(RuntimeError, match="went away"):
                imported(folder)
        assert Challenge.objects.get().published_at is None
        assert not Protocol.objects.exists()
        assert imported(folder).published_at is not None

    def test_one_that_is_interrupted_goes_on_where_it_was(
        self, folder: ChallengeFolder, store: Path
    ) -> None:
        def interrupted(*_: int) -> None:
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            import_challenge(folder=folder.path, progress=interrupted)
        first = Case.objects.get()
        picture = Path(private().path(str(first.picture)))
        kept = picture.stat().st_mtime_ns
        challenge = imported(folder)
        assert list(challenge.dataset.cases.values_list("name", flat=True)) == ["case-1", "case-2"]
        assert Case.objects.get(name="case-1").pk == first.pk
        assert picture.stat().st_mtime_ns == kept
        assert len(list(store.glob("datasets/*/*"))) == 2

    def test_a_case_that_was_mended_meanwhile_is_taken_anew(
        self,
        folder: ChallengeFolder,
        store: Path,
        django_capture_on_commit_callbacks: Callable[..., AbstractContextManager[object]],
    ) -> None:
        import_challenge(folder=folder.path, draft=True)
        before = {case.name: case.source_sha256 for case in Case.objects.all()}
        folder.image("case-2", "reference", lesion(1))
        with django_capture_on_commit_callbacks(execute=True):
            imported(folder)
        after = {case.name: case.source_sha256 for case in Case.objects.all()}
        assert after["case-1"] == before["case-1"]
        assert after["case-2"] != before["case-2"]
        assert Reference.objects.count() == 2
        assert len(list(store.glob("datasets/*/*"))) == 2

    def test_what_a_killed_import_left_is_removed_and_nothing_else(
        self, folder: ChallengeFolder, store: Path
    ) -> None:
        imported(folder)
        kept = set(store.rglob("*"))
        now = 0.0
        untouched = Untouched(3600, lambda: now)
        killed = self.left_over(store / "datasets" / "killed")
        running = self.left_over(store / "datasets" / "running")
        (store / "datasets" / "stray.txt").write_text("not an import's")
        assert reconcile(untouched) == 0
        now = 3700.0
        (running / "0" / "ct.mha").write_bytes(b"more")
        assert reconcile(untouched) == 1
        assert not killed.exists()
        assert (running / "0" / "pet.mha").exists()
        assert all(path.exists() for path in kept)
        assert reconcile(untouched) == 0

    def test_before_the_first_import_there_is_nothing_to_remove(self) -> None:
        assert reconcile(Untouched(0)) == 0

    @staticmethod
    def left_over(home: Path) -> Path:
        (home / "0").mkdir(parents=True)
        (home / "0" / "pet.mha").write_bytes(b"half an image")
        return home
