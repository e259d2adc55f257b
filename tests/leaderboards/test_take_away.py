"""What a leaderboard exports is enough to find its ranks again, and tells nothing that it hides."""

import csv
import io
import json

import pytest
from typer.testing import CliRunner

from challenges.models import Membership
from config.cli import app
from evaluation.standings.files import read_results
from leaderboards.exports import NotReady, board_lines, results_of
from leaderboards.models import Analysis, Snapshot
from leaderboards.selectors import board
from leaderboards.services import refresh, state_of
from submissions.models import CaseResult
from tests.crowds import a_crowded_phase
from tests.factories import a_user

pytestmark = pytest.mark.django_db
EVALUATION = {"metrics": ["dice", "mtv_abs_error_ml", "case_specificity", "dice_agg"]}


@pytest.fixture
def phase(tmp_path):
    phase = a_crowded_phase(
        tmp_path, cases=24, qualities=[1.2, 1.1, 0.4, 0.0], titles=["=a", "b", "c", "baseline"],
        baselines=1, failing={2: 2}, evaluation=EVALUATION,
        public_columns=["tracer", "centre", "scanner"],
    )  # fmt: skip
    refresh(phase=phase)
    return phase


@pytest.fixture
def files(phase, tmp_path):
    results, spec = tmp_path / "results.csv", tmp_path / "challenge.yaml"
    lines = "".join(results_of(a_user("anyone"), phase).lines())
    results.write_text(lines, encoding="utf-8", newline="")
    spec.write_text(json.dumps(phase.challenge.protocols.get().document))
    return results, spec


def ranked(*arguments) -> str:
    done = CliRunner().invoke(app, ["rank", *map(str, arguments)])
    assert done.exit_code == 0, done.output
    return done.output


def test_offline_ranks_and_uncertainty_are_those_of_the_server(phase, files, tmp_path):
    results, spec = files
    output = ranked(results, "--spec", spec, "--out", tmp_path / "out")
    assert "Entries are ranked on the mean of each metric" in output
    found = json.loads((tmp_path / "out" / "analysis.json").read_text())
    kept = json.loads(json.dumps(Analysis.objects.get().document))
    assert found["uncertainty"] == kept
    document = Snapshot.objects.get().document
    standings = {one["key"]: one for one in found["board"]["standings"]}
    assert len(standings) == len(document["rows"]) == 4
    for row in document["rows"]:
        offline = standings[row["submission"]]
        assert (offline["rank"], offline["score"]) == (row["rank"], row["mean_rank"])
        assert offline["cells"] == row["cells"]
    with (tmp_path / "out" / "ranks.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["rank"] for row in rows] == [str(row["rank"]) for row in document["rows"]]
    assert rows[0]["name"].startswith("'="), "no cell is a formula"


def test_figures_are_drawn_offline_too(files, tmp_path):
    results, spec = files
    ranked(results, "--spec", spec, "--out", tmp_path / "out", "--figures")
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert {"rank-distribution.svg", "rank-distribution.pdf", "significance-map.csv"} <= names


def test_what_is_wrong_is_told_without_a_traceback(files, tmp_path):
    results, spec = files
    results.write_text(results.read_text().replace(",yes,", ",perhaps,"))
    done = CliRunner().invoke(app, ["rank", str(results), "--spec", str(spec)])
    assert done.exit_code == 1
    assert "competes is “perhaps”" in " ".join(done.output.split())
    done = CliRunner().invoke(app, ["rank", str(tmp_path / "none.csv"), "--spec", str(spec)])
    assert done.exit_code == 1
    done = CliRunner().invoke(app, ["rank", str(results), "--spec", str(spec), "--figures"])
    assert done.exit_code == 2


def test_patients_and_private_columns_stay(phase):
    phase.dataset.cases.update(patient="Schmidt^Anna")
    refresh(phase=phase)
    told = "".join(results_of(a_user("anyone"), phase).lines())
    assert "Schmidt" not in told
    assert "patient-1" in told
    document = phase.challenge.protocols.get()
    document.document["public_columns"] = []
    document.save()
    header = "".join(results_of(a_user("anyone"), phase).lines()).splitlines()[0]
    assert "group:tracer" not in header
    assert "group:lesion_free" in header
    organiser = Membership.objects.get(challenge=phase.challenge).user
    header = "".join(results_of(organiser, phase).lines()).splitlines()[0]
    assert "group:tracer" in header


def test_nothing_is_exported_that_is_not_shown(phase):
    CaseResult.objects.order_by("pk").last().delete()
    with pytest.raises(NotReady, match="made anew"):
        results_of(a_user("anyone"), phase)


def test_the_board_as_a_table_is_what_its_page_shows(tmp_path):
    phase = a_crowded_phase(
        tmp_path, cases=36, qualities=[1.0, 0.5], hidden=True, evaluation=EVALUATION
    )
    refresh(phase=phase)
    rows = list(csv.DictReader(io.StringIO("".join(board_lines(a_user("stranger"), phase)))))
    shown = board(a_user("stranger"), phase).table.rows
    assert [float(row["dice"]) for row in rows] == [row.cells[0].mean for row in shown]
    assert {row["case_specificity"] for row in rows} == {"withheld"}
    organiser = Membership.objects.get(challenge=phase.challenge).user
    rows = list(csv.DictReader(io.StringIO("".join(board_lines(organiser, phase)))))
    assert "withheld" not in {row["case_specificity"] for row in rows}


def test_the_file_holds_what_the_server_reckons_from(phase, files):
    results, _ = files
    spec = state_of(phase, Snapshot.objects.get().edition).spec
    with results.open(newline="") as file:
        found = read_results(file, spec)
    assert len(found.scored.cases) == 24
    assert sum(one.failed.sum() for one in found.scored.entries) == 2
