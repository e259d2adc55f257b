"""``uptake score``, ``check`` and ``metrics``: what a person reads, and what a program can rely on."""

import csv
import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from evaluation import isolated
from evaluation.cli import app
from evaluation.geometry import Geometry
from evaluation.metrics import COHORT, REGISTRY
from evaluation.scoring import score_case
from evaluation.spec import DEFAULT_METRICS, EvaluationSpec
from evaluation.volumes import Volume, write_volume
from tests.evaluation.grids import Labels, grid, mask

ROOT = Path(__file__).resolve().parents[2]
SHAPE = (6, 7, 8)
GRID = grid(SHAPE, (2.0, 3.0, 4.0))
LESION = mask(SHAPE, (1, 1, 1), (1, 1, 2), (1, 2, 1), (4, 5, 6))
ANSWER = mask(SHAPE, (1, 1, 1), (1, 1, 2), (3, 5, 6))


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(one) for one in arguments], env={"COLUMNS": "200"})


def write(path: Path, drawn: Labels, geometry: Geometry = GRID) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_volume(path, Volume(drawn, geometry))
    return path


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    return write(tmp_path / "r.nii.gz", LESION), write(tmp_path / "p.mha", ANSWER)


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """Cases a and b answered, c missing, d on another grid; e is predicted without a reference."""
    for name in "abcd":
        write(tmp_path / "references" / f"{name}.nii.gz", LESION)
    write(tmp_path / "predictions" / "a.nii.gz", LESION)
    write(tmp_path / "predictions" / "b.nrrd", ANSWER)
    write(tmp_path / "predictions" / "d.nii.gz", ANSWER, grid(SHAPE, (2.0, 3.0, 5.0)))
    write(tmp_path / "predictions" / "e.nii.gz", ANSWER)
    return tmp_path / "references", tmp_path / "predictions"


def as_json(*arguments: object) -> Any:
    return json.loads(run(*arguments, "--json").stdout)


class TestTwoFiles:
    def test_a_table_names_every_metric_with_its_unit(self, files: tuple[Path, Path]) -> None:
        done = run("score", *files)
        assert done.exit_code == 0
        for metric in REGISTRY.values():
            assert (metric.id in done.stdout) != metric.needs_pet
        assert "0.571" in done.stdout  # Dice: 2·2 / (4 + 3)

    def test_numbers_are_those_of_the_platforms_scorer_to_the_last_digit(
        self, files: tuple[Path, Path]
    ) -> None:
        spec = EvaluationSpec(metrics=[m.id for m in REGISTRY.values() if not m.needs_pet])
        of_platform = isolated.score_files(*files, GRID.voxels, spec)
        (case,) = as_json("score", *files)["cases"]
        assert case["targets"] == [{"target": "reference", **of_platform}]

    def test_numbers_are_those_of_the_library(self, files: tuple[Path, Path]) -> None:
        (case,) = as_json("score", *files)["cases"]
        spec = EvaluationSpec(metrics=["hd95"])
        direct = score_case(LESION, ANSWER, GRID, spec).metrics["hd95"]["lesion"].value
        assert case["targets"][0]["metrics"]["hd95"]["lesion"]["value"] == direct

    def test_a_pet_adds_what_is_read_from_it(
        self, files: tuple[Path, Path], tmp_path: Path
    ) -> None:
        pet = tmp_path / "pet.nii.gz"
        write_volume(pet, Volume(np.full(SHAPE, 2.5, np.float32), GRID))
        (case,) = as_json("score", *files, "--pet", pet)["cases"]
        error = case["targets"][0]["metrics"]["tlg_error_g"]["lesion"]["value"]
        assert error == pytest.approx(-2.5 * 0.024)  # one voxel of 24 mm³ less

    def test_a_prediction_on_another_grid_fails_and_is_counted_as_worst(
        self, files: tuple[Path, Path], tmp_path: Path
    ) -> None:
        other = write(tmp_path / "other.nii.gz", ANSWER, grid(SHAPE, (2.0, 3.0, 5.0)))
        done = run("score", files[0], other)
        assert done.exit_code == 1
        assert "wrong_grid" in done.stderr
        assert "expected (PET image)" in done.stderr

    def test_a_file_that_is_not_there_is_misuse(self, files: tuple[Path, Path]) -> None:
        for arguments in ((files[0], "nowhere.nii.gz"), ("nowhere.nii.gz", files[1])):
            done = run("score", *arguments)
            assert done.exit_code == 2
            assert "nowhere.nii.gz" in done.stderr
            assert "Traceback" not in done.output

    def test_labels_are_named_on_the_command(self, files: tuple[Path, Path]) -> None:
        document = as_json("score", *files, "--label", "primary=1", "--label", "node=2")
        dice = document["cases"][0]["targets"][0]["metrics"]["dice"]
        assert set(dice) == {"primary", "node"}
        assert dice["node"]["value"] is None

    @pytest.mark.parametrize("label", ["node", "node=0", "node=300", "A=1", "=1", "a=²", "a=1=1"])
    def test_a_label_that_is_none_is_told(self, files: tuple[Path, Path], label: str) -> None:
        done = run("score", *files, "--label", label)
        assert done.exit_code == 2
        assert "name=value is expected" in done.stderr

    def test_two_labels_of_one_name_or_value_are_told(self, files: tuple[Path, Path]) -> None:
        for other in ("a=2", "b=1"):
            done = run("score", *files, "--label", "a=1", "--label", other)
            assert done.exit_code == 2
            assert "is taken" in done.stderr

    def test_a_tolerance_below_the_voxels_is_told(self, files: tuple[Path, Path]) -> None:
        assert "less than the voxels" not in run("score", *files).stderr
        coarse = grid(SHAPE, (2.0, 3.0, 5.5))
        both = [write(path.with_name(f"c-{path.name}"), LESION, coarse) for path in files]
        assert "less than the voxels’ 5.5 mm" in run("score", *both).stderr

    def test_an_error_in_the_reference_is_told_as_one(
        self, files: tuple[Path, Path], tmp_path: Path
    ) -> None:
        two = write(tmp_path / "two.nii.gz", LESION * np.uint8(2))
        done = run("score", two, files[1])
        assert done.exit_code == 2
        assert "reference " in done.stderr
        assert "two.nii.gz: The mask holds the value 2" in done.stderr

    def test_a_specification_with_outcomes_scores_a_single_pair(
        self, files: tuple[Path, Path], tmp_path: Path
    ) -> None:
        spec = tmp_path / "spec.yaml"
        spec.write_text("metrics: [dice, {auc: {outcome: relapse}}]\n")
        assert run("score", *files, "--spec", spec).exit_code == 0


class TestFolders:
    def test_a_prediction_that_cannot_be_opened_fails_alone(
        self, folders: tuple[Path, Path]
    ) -> None:
        (folders[1] / "c.mha").symlink_to(folders[1] / "nowhere")
        document = as_json("score", "--references", folders[0], "--predictions", folders[1])
        reasons = {case["case"]: case["reason"] for case in document["cases"]}
        assert reasons["a"] is None
        assert reasons["c"]["code"] == "unreadable"

    def test_a_folder_that_fits_in_no_name_is_refused(self, folders: tuple[Path, Path]) -> None:
        for path in folders[1].iterdir():
            path.rename(path.with_name(f"answer-{path.name}"))
        done = run("score", "--references", folders[0], "--predictions", folders[1])
        assert done.exit_code == 2
        assert "has no prediction of any case: the references are “a”, “b”" in done.stderr

    def test_what_is_no_image_is_left_out_with_a_note(self, folders: tuple[Path, Path]) -> None:
        (folders[1] / "c.mhd").write_text("half an image")
        done = run("score", "--references", folders[0], "--predictions", folders[1])
        assert "c.mhd is no image, left out" in done.stderr

    def test_a_folder_named_twice_is_no_second_reader(self, folders: tuple[Path, Path]) -> None:
        twice = ("--references", folders[0], "--references", folders[0] / ".." / folders[0].name)
        done = run("score", *twice, "--predictions", folders[1])
        assert done.exit_code == 2
        assert "is named twice" in done.stderr

    def test_the_table_by_case_is_left_out_where_it_would_be_cut(
        self, folders: tuple[Path, Path]
    ) -> None:
        arguments = ["score", "--references", folders[0], "--predictions", folders[1]]
        narrow = CliRunner().invoke(app, [str(one) for one in arguments], env={"COLUMNS": "80"})
        assert "…" not in narrow.stdout

    @pytest.mark.parametrize(
        "table",
        [b"\xff\xfe\x00", b"", b"case_id,relapse\n", b"case_id,relapse\na,1\na,0\n",
         b"case_id,relapse\nz,1\n", b"case_id,relapse\na\n", b"x,relapse\na,1\n"],
    )  # fmt: skip
    def test_a_table_of_outcomes_is_read_as_strictly_as_on_a_platform(
        self, folders: tuple[Path, Path], tmp_path: Path, table: bytes
    ) -> None:
        spec, cases = tmp_path / "spec.yaml", tmp_path / "cases.csv"
        spec.write_text("metrics: [dice, {auc: {outcome: relapse}}]\n")
        cases.write_bytes(table)
        arguments = ("--references", folders[0], "--predictions", folders[1], "--spec", spec)
        done = run("score", *arguments, "--cases", cases)
        assert done.exit_code == 2
        assert "cases.csv" in done.stderr
        assert "Traceback" not in done.output

    def test_a_definition_without_an_evaluation_has_the_default_one(
        self, folders: tuple[Path, Path], tmp_path: Path
    ) -> None:
        spec = tmp_path / "challenge.yaml"
        spec.write_text("format: 1\ntitle: A challenge\n")
        arguments = ("--references", folders[0], "--predictions", folders[1], "--spec", spec)
        case = as_json("score", *arguments)["cases"][0]
        assert set(case["metrics"]) == set(DEFAULT_METRICS)

    def test_every_case_of_the_references_is_counted(self, folders: tuple[Path, Path]) -> None:
        done = run("score", "--references", folders[0], "--predictions", folders[1])
        assert done.exit_code == 1
        assert "4 cases, 2 without a usable result" in done.stdout
        assert "c failed (missing)" in done.stderr
        assert "d failed (wrong_grid)" in done.stderr
        assert "“e” is predicted, but there is no reference of it" in done.stderr

    def test_processes_change_no_digit(self, folders: tuple[Path, Path]) -> None:
        arguments = ("score", "--references", folders[0], "--predictions", folders[1], "--csv")
        one, two = run(*arguments, "--processes", 1), run(*arguments, "--processes", 2)
        assert one.stdout == two.stdout

    def test_csv_has_a_row_for_each_case_and_empty_cells_for_what_does_not_apply(
        self, folders: tuple[Path, Path]
    ) -> None:
        done = run("score", "--references", folders[0], "--predictions", folders[1], "--csv")
        rows = list(csv.DictReader(io.StringIO(done.stdout)))
        assert [row["case"] for row in rows] == ["a", "b", "c", "d"]
        assert [row["reason"] for row in rows] == ["", "", "missing", "wrong_grid"]
        assert [row["dice"] for row in rows] == ["1.0", "0.5714285714285714", "0.0", "0.0"]
        assert {row["case_specificity"] for row in rows} == {""}

    def test_the_cohort_counts_failures(self, folders: tuple[Path, Path]) -> None:
        cohort = as_json("score", "--references", folders[0], "--predictions", folders[1])["cohort"]
        # TP 4 + 2, FP 1 and FN 2 in b; two failures with 1000 ml of false positives and 4 missed.
        failed = 2 * (1000 / GRID.voxel_volume_ml)
        expected = 2 * 6 / (2 * 6 + 1 + failed + 2 + 2 * 4)
        assert cohort["dice_agg"]["lesion"]["value"] == pytest.approx(expected)
        assert cohort["mtv_bias_ml"]["lesion"]["cases"] == 0  # all below 1 ml

    def test_a_specification_decides_metrics_parameters_and_rules(
        self, folders: tuple[Path, Path], tmp_path: Path
    ) -> None:
        spec = tmp_path / "challenge.yaml"
        spec.write_text(
            "title: Other keys are not looked at\n"
            "evaluation:\n"
            "  labels: {tumour: 1}\n"
            "  metrics: [mtv_abs_error_ml, {nsd: {tolerance_mm: 5}}]\n"
            "  failure_volume_ml: 7.5\n"
        )
        document = as_json(
            "score", "--references", folders[0], "--predictions", folders[1], "--spec", spec
        )
        missing = document["cases"][2]["targets"][0]["metrics"]
        assert set(missing) == {"mtv_abs_error_ml", "nsd"}
        assert missing["mtv_abs_error_ml"]["tumour"]["value"] == 7.5

    def test_every_problem_of_a_specification_is_told_with_its_line(
        self, folders: tuple[Path, Path], tmp_path: Path
    ) -> None:
        spec = tmp_path / "spec.yaml"
        spec.write_text("labels: {tumour: 0}\nmetrics: [dicee]\nfailure: 3\n")
        done = run("score", "--references", folders[0], "--predictions", folders[1], "--spec", spec)
        assert done.exit_code == 2
        for text in ("line 1", "line 2", "did you mean dice", "line 3", "unknown key “failure”"):
            assert text in done.stderr

    def test_outcomes_come_from_a_table(self, folders: tuple[Path, Path], tmp_path: Path) -> None:
        spec, cases = tmp_path / "spec.yaml", tmp_path / "cases.csv"
        spec.write_text("metrics: [dice, {auc: {outcome: relapse}}]\n")
        cases.write_text("case_id,relapse\na,1\nb,0\nc,\nd,1\n")
        arguments = ("score", "--references", folders[0], "--predictions", folders[1], "--spec")
        document = as_json(*arguments, spec, "--cases", cases)
        # a (yes, larger) beats b (no); d (yes) failed and loses; c is of unknown outcome.
        assert document["cohort"]["auc"]["lesion"]["value"] == 0.5
        assert document["cohort"]["auc"]["lesion"]["cases"] == 3
        assert "give --cases" in run(*arguments, spec).stderr
        cases.write_text("case_id,relapse\na,maybe\nb,2\n")
        refused = run(*arguments, spec, "--cases", cases)
        assert refused.exit_code == 2
        assert "case a" in refused.stderr
        assert "case b" in refused.stderr

    def test_a_folder_for_each_case_does_as_well(self, tmp_path: Path) -> None:
        for name in "ab":
            write(tmp_path / "cases" / name / "reference.nii.gz", LESION)
            write(tmp_path / "answers" / name / "prediction.mha", LESION)
        document = as_json(
            "score", "--references", tmp_path / "cases", "--predictions", tmp_path / "answers"
        )
        assert [case["case"] for case in document["cases"]] == ["a", "b"]

    def test_a_case_that_is_there_twice_is_refused(self, folders: tuple[Path, Path]) -> None:
        write(folders[1] / "a.mha", ANSWER)
        done = run("score", "--references", folders[0], "--predictions", folders[1])
        assert done.exit_code == 2
        assert "“a” is there twice" in done.stderr

    def test_a_reference_that_cannot_be_read_names_its_case(
        self, folders: tuple[Path, Path]
    ) -> None:
        (folders[0] / "b.nii.gz").write_bytes(b"nothing")
        done = run("score", "--references", folders[0], "--predictions", folders[1])
        assert done.exit_code == 2
        assert "b, reference " in done.stderr
        assert "b.nii.gz: The file is neither" in done.stderr


class TestReaders:
    @pytest.fixture
    def three(self, tmp_path: Path) -> list[object]:
        """Of case a, three readers: two agree on the lesion, one drew nothing; b has two."""
        empty = mask(SHAPE)
        for reader, drawn in (("one", LESION), ("two", LESION), ("three", empty)):
            write(tmp_path / reader / "a.nii.gz", drawn)
        write(tmp_path / "one" / "b.nii.gz", LESION)
        write(tmp_path / "three" / "b.nii.gz", empty)
        for name in "ab":
            write(tmp_path / "predictions" / f"{name}.nii.gz", LESION)
        folders = [part for r in ("one", "two", "three") for part in ("--references", tmp_path / r)]
        return [*folders, "--predictions", tmp_path / "predictions"]

    def test_three_make_a_majority_and_two_a_mean(self, three: list[object]) -> None:
        a, b = as_json("score", *three)["cases"]
        assert len(a["targets"]) == 1
        assert a["targets"][0]["metrics"]["dice"]["lesion"]["value"] == 1.0
        assert len(b["targets"]) == 2
        # Against the empty reader Dice does not apply, so the other's is the mean.
        summary = run("score", *three).stdout
        dice = next(line for line in summary.splitlines() if line.startswith("dice "))
        assert dice.split()[1] == "1.000"

    def test_a_reader_is_scored_against_the_others_alone(self, three: list[object]) -> None:
        a, b = as_json("score", *three, "--readers")["cases"]
        assert set(a["readers"]) == {"one", "two", "three"}
        assert set(b["readers"]) == {"one", "three"}
        # With two others left each is scored against: the empty one does not apply.
        assert len(a["readers"]["one"]) == 2
        values = [one["metrics"]["dice"]["lesion"]["value"] for one in a["readers"]["three"]]
        assert values == [0.0, 0.0]

    def test_staple_may_be_asked_for(self, three: list[object]) -> None:
        a, _ = as_json("score", *three, "--recipe", "staple")["cases"]
        assert a["targets"][0]["metrics"]["dice"]["lesion"]["value"] == 1.0


class TestCheck:
    def test_an_accepted_mask_is_told_with_its_volumes(self, files: tuple[Path, Path]) -> None:
        done = run("check", files[1], "--against", files[0])
        assert done.exit_code == 0
        assert "accepted" in done.stdout
        assert "3 voxels, 0.072 ml" in done.stdout

    @pytest.mark.parametrize(
        ("drawn", "geometry", "text"),
        [
            (ANSWER, grid(SHAPE, (2.0, 3.0, 5.0)), "found (mask)"),
            (ANSWER * np.uint8(255), GRID, "255"),
        ],
    )
    def test_a_refused_one_with_its_reason(
        self, files: tuple[Path, Path], tmp_path: Path, drawn: Labels, geometry: Geometry, text: str
    ) -> None:
        done = run("check", write(tmp_path / "bad.nii.gz", drawn, geometry), "--against", files[0])
        assert done.exit_code == 1
        assert "refused" in done.stdout
        assert text in done.stdout

    def test_without_the_image_nothing_can_be_told(self, files: tuple[Path, Path]) -> None:
        done = run("check", files[1], "--against", "nowhere.nii.gz")
        assert done.exit_code == 2
        assert "nowhere.nii.gz" in done.stderr


class TestMetrics:
    def test_the_catalogue_lists_every_metric_with_what_it_needs(self) -> None:
        catalogue = json.loads(run("metrics", "--json").stdout)
        assert {one["id"] for one in catalogue} == {*REGISTRY, *COHORT}
        for one in catalogue:
            assert one["definition"]
            assert one["advice"]
            assert one["needs"]

    def test_the_table_names_them_all(self) -> None:
        done = run("metrics")
        for name in (*REGISTRY, *COHORT):
            assert name in done.stdout

    def test_one_is_shown_in_full(self) -> None:
        assert "tolerance_mm" in run("metrics", "nsd").stdout
        assert run("metrics", "nonesuch").exit_code == 2


def test_it_runs_as_a_module_without_django() -> None:
    program = (
        "import runpy, sys\n"
        "sys.argv = ['evaluation', 'metrics', 'dice']\n"
        "try:\n    runpy.run_module('evaluation', run_name='__main__')\n"
        "except SystemExit as done:\n    assert not done.code\n"
        "assert 'django' not in sys.modules\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "Dice" in done.stdout
