"""A report for a paper's supplement: what was done, what was found, how sure it is, what to cite."""

import pytest
from django.test import Client

from leaderboards import drawings
from leaderboards.models import Snapshot
from leaderboards.report import report_of
from leaderboards.services import refresh
from tests.crowds import a_crowded_phase
from tests.factories import a_user

pytestmark = pytest.mark.django_db
EVALUATION = {"metrics": ["dice", "case_specificity"], "ranking": {"resamples": 200}}


def a_phase_of(folder, **more):
    phase = a_crowded_phase(
        folder, cases=36, qualities=[1.2, 0.4, 0.0], titles=["#set <b>&", "b $x$", "base"],
        baselines=1, evaluation=EVALUATION, **more,
    )  # fmt: skip
    refresh(phase=phase)
    return phase


def page_of(phase):
    address = f"/challenges/{phase.challenge.slug}/{phase.slug}/leaderboard/report"
    answer = Client().get(f"{address}/")
    assert answer.status_code == 200
    return answer.content.decode(), Client().get(f"{address}.pdf")


def test_it_tells_methods_results_hashes_and_what_to_cite(tmp_path):
    phase = a_phase_of(tmp_path)
    page, _ = page_of(phase)
    snapshot = Snapshot.objects.get()
    for text in (
        "Entries are ranked on the mean of each metric",
        "resampled 200 times",
        "Wilcoxon signed-rank",
        "36 cases",
        snapshot.content_hash,
        snapshot.edition.scoring_hash,
        phase.challenge.protocols.get().protocol_hash,
        "10.1038/s41598-021-82017-6",
        "10.1093/restud/rdad006",
    ):
        assert text in page, text
    row = snapshot.document["rows"][0]
    cell = row["cells"][0]
    interval = f"({cell['low']:.3f}\u00a0to\u00a0{cell['high']:.3f})"
    assert f"{cell['mean']:.3f}<br>{interval}" in page
    assert "base v1 (baseline)" in page
    assert "<b>&" not in page


def test_as_pdf_names_are_text_and_figures_are_in_it(tmp_path):
    phase = a_phase_of(tmp_path)
    _, before = page_of(phase)
    assert before["Content-Type"] == "application/pdf"
    assert before.content.startswith(b"%PDF-")
    while drawings.draw_next(worker="h:1"):
        pass
    page, after = page_of(phase)
    assert after["Content-Type"] == "application/pdf", "set with its figures"
    assert len(after.content) > len(before.content)
    assert "<svg" in page


def test_of_a_hidden_phase_it_says_no_more_than_the_leaderboard(tmp_path):
    phase = a_phase_of(tmp_path, hidden=True)
    page, pdf = page_of(phase)
    assert "withheld:<br>fewer than<br>10 patients" in page
    assert "The cases are hidden" in page
    assert "case-0" not in page
    assert pdf["Content-Type"] == "application/pdf"


def test_before_anything_is_scored_methods_stand_alone(tmp_path):
    phase = a_crowded_phase(tmp_path, cases=6, qualities=[], evaluation=EVALUATION)
    document = report_of(a_user("anyone"), phase, inlined=True)
    assert document.state == "No results yet"
    page, pdf = page_of(phase)
    assert "Nothing is on this leaderboard yet." in page
    assert pdf["Content-Type"] == "application/pdf"
