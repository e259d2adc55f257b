"""A case is prepared whole, in a folder of its own, or leaves nothing behind."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from challenges.definition import ChallengeDefinition
from challenges.ingest import CaseFiles, PreparedCase, prepare_case, source_sha256
from challenges.ingest.sources import Source
from evaluation.documents import Problem
from evaluation.geometry import Geometry
from evaluation.volumes import Volume, read_volume, write_volume

GRID = Geometry((12, 10, 8), (4.0, 4.0, 5.0), (-20.0, -18.0, 7.0))
MASK = np.zeros(GRID.shape, np.uint8)
MASK[2:5, 3:7, 4:8] = 1


def definition(**keys: Any) -> ChallengeDefinition:
    return ChallengeDefinition.model_validate(
        {
            "format": 1,
            "slug": "small",
            "title": "Small",
            "summary": "Of a test.",
            "question": "Does it work?",
            "readers": [{"name": "A", "file": "a"}, {"name": "B", "file": "b"}],
            "phases": [{"slug": "open", "title": "Open phase", "cases": "public"}],
            **keys,
        }
    )


def suv() -> NDArray[np.float32]:
    found = np.random.default_rng(0).normal(1.0, 0.05, GRID.shape).astype(np.float32)
    found[MASK > 0] = 6.0
    return found


def stored(path: Path, voxels: NDArray[Any], grid: Geometry = GRID) -> Source:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_volume(path, Volume(voxels, grid))
    return Source((path,))


@pytest.fixture
def files(tmp_path: Path) -> CaseFiles:
    return CaseFiles(
        name="case-1",
        patient="p",
        position=0,
        metadata={"uptake_min": "61.5"},
        pet=stored(tmp_path / "in" / "pet.nii.gz", suv()),
        ct=None,
        annotations={
            "A": stored(tmp_path / "in" / "a.nii.gz", MASK),
            "B": stored(tmp_path / "in" / "b.nii.gz", np.roll(MASK, 1, 0)),
        },
        inputs={},
    )


def prepared(files: CaseFiles, target: Path, **keys: Any) -> PreparedCase:
    found = prepare_case(files, definition(**keys), target)
    assert isinstance(found, PreparedCase), found
    return found


def refused(files: CaseFiles, target: Path, **keys: Any) -> list[str]:
    found = prepare_case(files, definition(**keys), target)
    assert isinstance(found, tuple)
    assert all(isinstance(one, Problem) for one in found)
    assert not target.exists()
    return [str(one) for one in found]


class TestWhole:
    def test_every_file_lies_in_the_folder_and_every_name_is_relative_to_it(
        self, files: CaseFiles, tmp_path: Path
    ) -> None:
        home = tmp_path / "out" / "x"
        case = prepared(files, home)
        kept = [case.pet, case.picture, case.outlined, *(one for _, one in case.annotations)]
        kept += [one.file for one in case.references]
        assert {path.name for path in home.iterdir()} == {one.name for one in kept}
        assert case.pet.name == "pet.mha"
        assert read_volume(home / "pet.mha").sha256() == case.pet.sha256

    def test_facts_and_findings_come_with_it(self, files: CaseFiles, tmp_path: Path) -> None:
        case = prepared(replace(files, metadata={"uptake_min": "195"}), tmp_path / "x")
        assert case.facts.uptake_min == 195.0
        assert case.facts.annotations["A"].voxels == 48
        assert case.facts.pairs[0].dice == pytest.approx(2 / 3)
        assert [one.check_id for one in case.findings] == ["uptake_time"]
        assert case.conversion == {}

    def test_an_auxiliary_mask_is_compared_and_not_kept(
        self, files: CaseFiles, tmp_path: Path
    ) -> None:
        off = stored(tmp_path / "in" / "ct_mask.nii.gz", np.roll(MASK, 2, 0))
        one_reader = replace(files, annotations={"A": files.annotations["A"]})
        case = prepared(
            replace(one_reader, auxiliary={"ct_mask.nii.gz": off}),
            tmp_path / "x",
            readers=[{"name": "A", "file": "a"}],
        )
        (found,) = case.findings
        assert (found.check_id, found.about) == ("auxiliary_place", "ct_mask.nii.gz")
        assert "by 2 voxels (10.0 mm) along z" in found.text
        assert not list((tmp_path / "x").glob("*ct_mask*"))

    def test_an_auxiliary_mask_that_cannot_be_read_only_warns(
        self, files: CaseFiles, tmp_path: Path
    ) -> None:
        broken = tmp_path / "ct_mask.nii.gz"
        broken.write_bytes(b"not an image")
        case = prepared(replace(files, auxiliary={"ct_mask": Source((broken,))}), tmp_path / "x")
        assert [(one.check_id, one.severity) for one in case.findings] == [
            ("auxiliary_place", "warning")
        ]

    def test_ct_is_measured_and_kept_on_the_pet_grid(
        self, files: CaseFiles, tmp_path: Path
    ) -> None:
        ct = stored(tmp_path / "in" / "ct.nii.gz", np.full(GRID.shape, 40, np.int16))
        case = prepared(replace(files, ct=ct), tmp_path / "x", modalities=["PET", "CT"])
        assert case.ct is not None
        assert case.facts.ct is not None
        assert case.facts.ct.covered == 1.0
        assert [one.check_id for one in case.findings] == ["ct_values"]


class TestRefused:
    def test_every_problem_is_told_at_once_and_nothing_is_left(
        self, files: CaseFiles, tmp_path: Path
    ) -> None:
        bad = replace(
            files,
            pet=stored(tmp_path / "in" / "pet.nii.gz", np.full(GRID.shape, np.nan, np.float32)),
            annotations={
                "A": stored(tmp_path / "in" / "a.nii.gz", MASK * 7),
                "B": stored(tmp_path / "in" / "b.nii.gz", MASK[:, :, :-1], replace(GRID, size=(11, 10, 8))),
            },
        )  # fmt: skip
        problems = refused(bad, tmp_path / "x")
        assert problems[0] == "case-1/pet.nii.gz: the PET holds NaN or infinity"
        assert problems[1].startswith("case-1/a.nii.gz: The mask holds the value 7")
        assert problems[2].startswith("case-1/b.nii.gz: differs from the PET in size")
        assert len(problems) == 3

    def test_a_folder_that_cannot_be_filled_is_not_left_half_full(
        self, files: CaseFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        allowed = Path.write_bytes

        def full(self: Path, content: bytes) -> int:
            if self.name.startswith("reference"):
                raise OSError(28, "No space left on device")
            return allowed(self, content)

        monkeypatch.setattr(Path, "write_bytes", full)
        with pytest.raises(OSError, match="No space left"):
            prepare_case(files, definition(), tmp_path / "x")
        assert not (tmp_path / "x").exists()


class TestSourceHash:
    def test_is_that_of_the_prepared_case_and_of_no_name(
        self, files: CaseFiles, tmp_path: Path
    ) -> None:
        hashed = source_sha256(files, definition())
        assert prepared(files, tmp_path / "x").source_sha256 == hashed
        moved = tmp_path / "elsewhere.nii.gz"
        moved.write_bytes(files.pet.paths[0].read_bytes())
        assert source_sha256(replace(files, pet=Source((moved,))), definition()) == hashed
        later = definition(title="Other", evaluation={"metrics": ["dice"]})
        assert source_sha256(files, later) == hashed

    def test_changes_with_all_that_the_case_is_made_of(
        self, files: CaseFiles, tmp_path: Path
    ) -> None:
        other = stored(tmp_path / "in" / "other.nii.gz", np.roll(MASK, 2, 0))
        swapped = {"A": files.annotations["B"], "B": files.annotations["A"]}
        changed: list[tuple[CaseFiles, dict[str, Any]]] = [
            (files, {}),
            (replace(files, annotations=swapped), {}),
            (replace(files, annotations={**files.annotations, "B": other}), {}),
            (replace(files, auxiliary={"ct_mask": other}), {}),
            (replace(files, metadata={"uptake_min": "61.5", "lesion_free": "yes"}), {}),
            (replace(files, patient="q"), {}),
            (files, {"evaluation": {"labels": {"tumour": 2}}}),
            (files, {"readers": [{"name": "B", "file": "b"}, {"name": "A", "file": "a"}]}),
            (files, {"consensus": "staple"}),
            (files, {"picture_suv_max": 9.0}),
        ]
        hashes = [source_sha256(one, definition(**keys)) for one, keys in changed]
        assert len(set(hashes)) == len(hashes)
