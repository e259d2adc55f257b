"""Organisers may publish what entries scored on each hidden case, and nothing else of the case."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone
from pydantic import ValidationError

from challenges.definition.phases import PhaseSpec
from challenges.definition.visibility import LeaderboardSpec
from challenges.forms.phases import PhasesForm
from challenges.models import Access, Phase
from leaderboards.selectors import board
from leaderboards.services import refresh
from tests.crowds import a_crowded_phase
from tests.factories import a_user

pytestmark = pytest.mark.django_db
PAST = (timezone.now() - timedelta(hours=1)).isoformat()
FUTURE = (timezone.now() + timedelta(days=1)).isoformat()


@pytest.fixture
def phase(tmp_path):
    found = a_crowded_phase(
        tmp_path, cases=9, qualities=[1.5, 0.5], hidden=True, failing={0: 1},
        evaluation={"metrics": ["dice", "mtv_abs_error_ml"]},
    )  # fmt: skip
    refresh(phase=found)
    return found


def told(phase, **leaderboard):
    Phase.objects.update(leaderboard=leaderboard)
    return Phase.objects.select_related("challenge", "dataset").get(pk=phase.pk)


def base(phase):
    return f"/challenges/{phase.challenge.slug}/{phase.slug}/leaderboard/"


def addresses(phase):
    """Of scores, and of what else there is of a case."""
    entry = board(a_user("organiser"), phase).table.rows[0].submission
    one = phase.dataset.cases.first()
    case = f"{base(phase)}cases/{one.public_id}/"
    scores = [
        f"{case}?entries={entry}",
        f"{base(phase)}compare/",
        f"{base(phase)}take-away/results.csv",
    ]
    pictures = f"/challenges/{phase.challenge.slug}/{phase.slug}/cases/{one.public_id}/"
    data = [
        f"{case}entries/{entry}/mask.mha",
        f"{case}entries/{entry}/lesions-1.mha",
        f"{pictures}projection.png",
        f"{pictures}images/pet.mha",
        f"{pictures}masks/1.mha",
    ]
    return scores, data, f"{base(phase)}entries/{entry}/"


@pytest.mark.parametrize(
    ("leaderboard", "shown"),
    [
        ({}, False),
        ({"publishes_cases": FUTURE}, False),
        ({"publishes_cases": PAST}, True),
        ({"publishes_cases": PAST, "hides": ["dice"]}, False),
        ({"publishes_cases": PAST, "feedback": "rounded"}, False),
        ({"publishes_cases": PAST, "shows": "anonymous", "until": FUTURE}, False),
        ({"publishes_cases": PAST, "shows": "anonymous", "until": PAST}, True),
    ],
)
@pytest.mark.parametrize("name", ["", "stranger"])
def test_scores_of_cases_are_shown_from_then_on_and_nothing_else(phase, leaderboard, shown, name):
    phase = told(phase, **leaderboard)
    scores, data, entry = addresses(phase)
    client = Client()
    if name:
        client.force_login(a_user(name))
    assert {client.get(one).status_code for one in scores} == {200 if shown else 404}
    assert {client.get(one).status_code for one in data} == {404}
    page = client.get(entry).content.decode()
    assert ("Its worst cases" in page) is shown
    assert "projection" not in page
    case = phase.dataset.cases.first()
    assert (case.name in page) is shown
    assert not Access.objects.exists()


def test_then_figures_stand_on_as_few_patients_as_there_are(phase):
    assert all(cell is None for row in board(a_user("x"), phase).table.rows for cell in row.cells)
    found = board(a_user("x"), told(phase, publishes_cases=PAST))
    assert found.table.rows[0].cells[0].patients < 10
    assert found.dots


def test_the_page_of_such_a_case_says_what_is_not_there(phase, client):
    phase = told(phase, publishes_cases=PAST)
    scores, _, _ = addresses(phase)
    page = client.get(scores[0]).content.decode()
    assert "its images, references and masks stay theirs" in page
    for absent in ("projection", "pet.mha", "mask.mha", "viewer.js"):
        assert absent not in page
    client.force_login(a_user("organiser"))
    assert "pet.mha" in client.get(scores[0]).content.decode()
    assert Access.objects.filter(what="scores").count() == 1


def test_a_challenge_that_is_not_published_yet_shows_nothing(phase):
    type(phase.challenge).objects.update(published_at=None)
    scores, data, _ = addresses(told(phase, publishes_cases=PAST))
    assert {Client().get(one).status_code for one in (*scores, *data)} == {404}


OPEN = {"opens": "2027-01-01T00:00:00Z", "closes": "2027-02-01T00:00:00Z"}


@pytest.mark.parametrize(
    ("phase_of", "moment", "problem"),
    [
        ({"cases": "hidden", **OPEN}, "2027-02-01T00:00:00Z", ""),
        ({"cases": "hidden", **OPEN}, "2027-01-31T23:59:00Z", "show what to fit to"),
        ({"cases": "hidden"}, "2027-02-01T00:00:00Z", "show what to fit to"),
        ({"cases": "public", **OPEN}, "2027-02-01T00:00:00Z", "shown from the start"),
    ],
)
def test_the_moment_lies_after_the_phase_and_belongs_to_hidden_cases(phase_of, moment, problem):
    one = {"slug": "final", "title": "Final", **phase_of}
    try:
        PhaseSpec.model_validate({**one, "leaderboard": {"publishes_cases": moment}})
        found = ""
    except ValidationError as error:
        found = str(error)
    assert (problem in found) if problem else not found, found
    form = PhasesForm(
        {
            "phase-TOTAL_FORMS": "1", "phase-INITIAL_FORMS": "0",
            **{f"phase-0-{name}": value for name, value in _fields(one, moment).items()},
        }
    )  # fmt: skip
    assert form.is_valid() is not bool(problem), form.errors
    if not problem:
        document: dict = {}
        form.save(document)
        kept = document["phases"][0]["leaderboard"]
        assert LeaderboardSpec.model_validate(kept).publishes_cases is not None
        assert PhasesForm.initial_of(document)["phases"][0]["publishes_cases"] is not None
    else:
        assert "publishes_cases" in form.errors[0]


def _fields(one, moment):
    return {
        "title": "Final", "slug": "final", "kind": "final", "cases": one["cases"],
        "takes": "container", "days": "7", "memory_gib": "8", "cpus": "2",
        "minutes_per_case": "10", "sandbox": "any", "publishes_cases": moment[:16],
        **{name: one[name][:16] for name in ("opens", "closes") if name in one},
    }  # fmt: skip


def test_a_definition_that_does_not_publish_is_written_as_before():
    assert LeaderboardSpec().model_dump(mode="json") == {}
