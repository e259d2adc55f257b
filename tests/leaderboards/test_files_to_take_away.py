"""The files that a leaderboard gives away, to whom, and what it says while it has none."""

import csv
import io
import json
import zipfile

import pytest
import yaml
from django.test import Client
from typer.testing import CliRunner

from challenges.models import Membership
from config.cli import app
from leaderboards import drawings
from leaderboards.models import Snapshot
from leaderboards.services import refresh
from submissions.models import CaseResult
from tests.crowds import a_crowded_phase

pytestmark = pytest.mark.django_db


def a_phase_of(folder, **more):
    phase = a_crowded_phase(
        folder, cases=24, qualities=[1.2, 0.4, 0.0], titles=["a", "b", "c"],
        evaluation={"metrics": ["dice"], "ranking": {"stratum": "centre"}}, **more,
    )  # fmt: skip
    refresh(phase=phase)
    return phase


def text_of(answer):
    assert answer.status_code == 200, answer.status_code
    return b"".join(answer.streaming_content).decode()


def away(phase):
    return f"/challenges/{phase.challenge.slug}/{phase.slug}/leaderboard/take-away/"


def organiser_of(phase):
    client = Client()
    client.force_login(Membership.objects.get(challenge=phase.challenge).user)
    return client


def test_what_is_taken_away_ranks_again(tmp_path):
    phase = a_phase_of(tmp_path, public_columns=["centre"])
    client, results, spec = Client(), tmp_path / "results.csv", tmp_path / "challenge.yaml"
    results.write_text(text_of(client.get(f"{away(phase)}results.csv")), newline="")
    spec.write_bytes(client.get(f"{away(phase)}challenge.yaml").content)
    assert yaml.safe_load(spec.read_text())["slug"] == phase.challenge.slug
    out = tmp_path / "out"
    done = CliRunner().invoke(app, ["rank", str(results), "--spec", str(spec), "--out", str(out)])
    assert done.exit_code == 0, done.output
    found = json.loads((out / "analysis.json").read_text())
    ranks = {one["key"]: one["rank"] for one in found["board"]["standings"]}
    rows = Snapshot.objects.get().document["rows"]
    assert ranks == {row["submission"]: row["rank"] for row in rows}


def test_columns_that_are_not_public_are_named_with_what_rank_lacks_without_them(tmp_path):
    phase = a_phase_of(tmp_path, public_columns=["scanner"])
    page = Client().get(away(phase)).content.decode()
    assert "<code>centre</code>: resamples, and with them ranges and intervals" in page
    assert "<code>scanner</code>" not in page
    assert "<code>centre</code>" not in organiser_of(phase).get(away(phase)).content.decode()
    results, spec = tmp_path / "results.csv", tmp_path / "challenge.yaml"
    results.write_text(text_of(Client().get(f"{away(phase)}results.csv")), newline="")
    spec.write_bytes(Client().get(f"{away(phase)}challenge.yaml").content)
    done = CliRunner().invoke(app, ["rank", str(results), "--spec", str(spec)])
    assert "centre" in done.output
    assert done.exit_code == 0


def test_the_table_is_the_same_by_page_and_by_program(tmp_path):
    phase = a_phase_of(tmp_path)
    told = text_of(Client().get(f"{away(phase)}leaderboard.csv"))
    board = f"/api/v1/challenges/{phase.challenge.slug}/phases/{phase.slug}/leaderboard"
    assert text_of(Client().get(f"{board}/leaderboard.csv")) == told
    assert [row["rank"] for row in csv.DictReader(io.StringIO(told))] == ["1", "2", "3"]
    by_page = text_of(Client().get(f"{away(phase)}results.csv"))
    assert text_of(Client().get(f"{board}/results.csv")) == by_page


def test_while_it_is_made_anew_a_sentence_says_so_and_when_to_ask_again(tmp_path):
    phase = a_phase_of(tmp_path)
    CaseResult.objects.order_by("pk").last().delete()
    answer = Client().get(f"{away(phase)}results.csv")
    assert answer.status_code == 503
    assert answer["Retry-After"] == "60"
    assert "being made anew" in answer.content.decode()
    board = f"/api/v1/challenges/{phase.challenge.slug}/phases/{phase.slug}/leaderboard"
    answer = Client().get(f"{board}/results.csv")
    assert (answer.status_code, answer["Retry-After"]) == (409, "60")
    assert "being made anew" in answer.json()["detail"]


def test_single_cases_of_a_hidden_phase_stay(tmp_path):
    phase = a_phase_of(tmp_path, hidden=True)
    assert Client().get(f"{away(phase)}results.csv").status_code == 404
    assert "results.csv tells single cases" in Client().get(away(phase)).content.decode()
    assert "case-" in text_of(organiser_of(phase).get(f"{away(phase)}results.csv"))


def test_figures_are_one_zip_once_they_are_drawn(tmp_path):
    phase = a_phase_of(tmp_path)
    assert Client().get(f"{away(phase)}figures.zip").status_code == 404
    assert "None that you may see is drawn" in Client().get(away(phase)).content.decode()
    assert drawings.draw_next(worker="h:1")
    answer = Client().get(f"{away(phase)}figures.zip")
    names = zipfile.ZipFile(io.BytesIO(answer.content)).namelist()
    assert {name.rpartition(".")[2] for name in names} == {"svg", "png", "pdf", "csv"}
