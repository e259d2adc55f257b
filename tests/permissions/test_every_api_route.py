"""Who gets what from every route of the API: the whole set of grants."""

import csv

import pytest
from django.conf import settings
from django.db import transaction
from django.test import Client

from accounts.models import Notice
from accounts.tokens import SCOPES, issue
from challenges.models import Answer, Challenge, Membership, Phase, Registration
from challenges.services import announcing, asking, teams
from challenges.services.members import add_member
from config.api import api
from leaderboards.services import refresh
from submissions.models import Submission
from submissions.services.checking import check_next
from submissions.services.running import run_next
from submissions.services.scoring import score_next
from submissions.services.telling import reconcile as tell_of_ends
from tests.api.conftest import Program
from tests.api.sending import metadata, upload
from tests.api.test_uploads_by_parts import a_tar
from tests.factories import a_challenge, a_phase, a_submission, a_user
from tests.programs import write_programs

ROLES = ("visitor", "stranger", "owner", "organiser", "other organiser", "steward")
ALL = set(ROLES)
SIGNED_IN = ALL - {"visitor"}
OWN = {"owner", "organiser"}

_ONE = "/challenges/{slug}"

# (method, path): who is answered with 2xx; a visitor gets 401 elsewhere, everyone else 404.
# Changes that come too late (409) count as granted: it is not the person that is refused.
GRANTS = {
    ("get", "/me"): SIGNED_IN,
    ("get", "/challenges"): ALL,
    ("get", "/challenges/{slug}"): ALL,
    ("get", "/challenges/{slug}/definition"): ALL,
    ("get", "/challenges/{slug}/phases/{phase}/allowance"): SIGNED_IN,
    ("get", "/challenges/{slug}/phases/{phase}/leaderboard"): ALL,
    ("get", "/challenges/{slug}/phases/{phase}/uncertainty"): ALL,
    ("get", "/challenges/{slug}/phases/{phase}/leaderboard/results.csv"): ALL,
    ("get", "/challenges/{slug}/phases/{phase}/leaderboard/leaderboard.csv"): ALL,
    ("get", "/results/{submission_id}"): ALL,
    ("get", "/signing-keys"): ALL,
    ("post", "/challenges/{slug}/phases/{phase}/uploads"): SIGNED_IN,
    ("get", "/uploads"): SIGNED_IN,
    ("head", "/uploads/{upload_id}"): {"owner"},
    ("patch", "/uploads/{upload_id}"): {"owner"},
    ("post", "/submissions"): {"owner"},
    ("delete", "/uploads/{upload_id}"): {"owner"},
    ("get", "/submissions"): SIGNED_IN,
    ("get", "/submissions/{submission_id}"): OWN,
    ("get", "/submissions/{submission_id}/results"): OWN,
    ("get", "/submissions/{submission_id}/results.csv"): OWN,
    ("get", "/submissions/{submission_id}/cases/{number}/log"): OWN,
    ("get", "/algorithms"): SIGNED_IN,
    ("get", "/algorithms/{algorithm_id}"): ALL,
    ("put", "/algorithms/{algorithm_id}/versions/{number}/card"): {"owner"},
    ("post", "/submissions/{submission_id}/stand"): {"owner"},
    ("post", "/submissions/{submission_id}/rerun"): {"organiser"},
    ("post", "/submissions/{submission_id}/logs/release"): set(),
    ("post", "/submissions/{submission_id}/logs/withhold"): set(),
    ("post", "/submissions/{submission_id}/cancel"): OWN,
    ("get", "/notices"): SIGNED_IN,
    ("post", "/notices/read"): SIGNED_IN,
    ("post", "/notices/{notice_id}/read"): {"owner"},
    ("get", "/notices/settings"): SIGNED_IN,
    ("put", "/notices/settings"): SIGNED_IN,
    ("get", f"{_ONE}/announcements"): ALL,
    ("post", f"{_ONE}/announcements"): {"organiser"},
    ("put", f"{_ONE}/announcements/{{announcement_id}}"): {"organiser"},
    ("delete", f"{_ONE}/announcements/{{announcement_id}}"): {"organiser"},
    ("get", f"{_ONE}/questions"): ALL,
    ("post", f"{_ONE}/questions"): SIGNED_IN,
    ("get", f"{_ONE}/questions/{{question_id}}"): ALL,
    ("post", f"{_ONE}/questions/{{question_id}}/answers"): SIGNED_IN,
    ("patch", f"{_ONE}/questions/{{question_id}}"): {"organiser"},
    ("put", f"{_ONE}/questions/{{question_id}}/answers/{{answer_id}}/hidden"): {"organiser"},
    ("delete", f"{_ONE}/questions/{{question_id}}/answers/{{answer_id}}/hidden"): {"organiser"},
    ("put", f"{_ONE}/questions/{{question_id}}/hidden"): {"organiser"},
    ("delete", f"{_ONE}/questions/{{question_id}}/hidden"): {"organiser"},
    ("get", f"{_ONE}/registration"): SIGNED_IN,
    ("put", f"{_ONE}/registration"): SIGNED_IN,
    ("delete", f"{_ONE}/registration"): SIGNED_IN,
    ("get", f"{_ONE}/registrations"): {"organiser"},
    ("post", f"{_ONE}/registrations/{{username}}/decision"): {"organiser"},
    ("get", f"{_ONE}/team"): {"owner"},
    ("put", f"{_ONE}/team"): SIGNED_IN,
    ("post", f"{_ONE}/team"): SIGNED_IN,
    ("post", f"{_ONE}/team/members"): SIGNED_IN,
    ("post", f"{_ONE}/team/invitation"): SIGNED_IN,
    ("delete", f"{_ONE}/team/invitation"): SIGNED_IN,
    ("get", f"{_ONE}/teams"): {"organiser"},
    ("put", f"{_ONE}/teams/{{team_id}}/flag"): {"organiser"},
    ("delete", f"{_ONE}/team"): SIGNED_IN,
}
HIDDEN = {
    **GRANTS,
    ("get", "/challenges/{slug}/phases/{phase}/leaderboard/results.csv"): {"organiser", "steward"},
    ("get", "/submissions/{submission_id}/cases/{number}/log"): {"organiser"},
    ("post", "/submissions/{submission_id}/logs/release"): {"organiser"},
    ("post", "/submissions/{submission_id}/logs/withhold"): {"organiser"},
}
SCOPE = {
    **{route: "read" for route in GRANTS if route[0] == "get"},
    **{route: "submit" for route in GRANTS if "uploads" in route[1] and route[0] != "get"},
    ("post", "/submissions"): "submit",
    ("put", "/algorithms/{algorithm_id}/versions/{number}/card"): "submit",
    ("post", "/submissions/{submission_id}/cancel"): "submit",
    ("post", "/submissions/{submission_id}/stand"): "submit",
    **{
        route: "organise"
        for route in GRANTS
        if route[1].endswith(("rerun", "release", "withhold", "hidden", "decision", "flag"))
        or route[1].endswith(("registrations", "teams"))
        or (route[0] == "patch" and "questions" in route[1])
        or (route[0] != "get" and "announcements" in route[1])
    },
    **{
        route: "submit"
        for route in GRANTS
        if (
            route[0] != "get"
            and (
                "notices" in route[1] or route[1].endswith(("registration", "answers", "questions"))
            )
        )
        or (route[0] != "get" and route[1].startswith(f"{_ONE}/team") and "/teams" not in route[1])
    },
}
BODIES = {
    ("put", "/notices/settings"): {"choices": [
        {"kind": "phase", "in_inbox": True, "by_mail": False}]},
    ("post", f"{_ONE}/announcements"): {"title": "A date", "text": "It moves."},
    ("put", f"{_ONE}/announcements/{{announcement_id}}"): {"title": "A date", "text": "Not."},
    ("post", f"{_ONE}/questions"): {"title": "Which grid?", "text": "Say."},
    ("post", f"{_ONE}/questions/{{question_id}}/answers"): {"text": "The PET's."},
    ("patch", f"{_ONE}/questions/{{question_id}}"): {"pinned": True},
    ("put", f"{_ONE}/questions/{{question_id}}/hidden"): {"reason": "Off the subject."},
    ("put", f"{_ONE}/questions/{{question_id}}/answers/{{answer_id}}/hidden"): {"reason": "So."},
    ("put", f"{_ONE}/registration"): {"institute": "Hospital", "answers": {}},
    ("post", f"{_ONE}/registrations/{{username}}/decision"): {"approve": True, "seen": "x"},
    ("post", f"{_ONE}/team"): {"name": "Another", "institute": ""},
    ("put", f"{_ONE}/team"): {"name": "Renamed", "institute": ""},
    ("post", f"{_ONE}/team/members"): {"invitation": "none"},
    ("put", f"{_ONE}/teams/{{team_id}}/flag"): {"of_organisers": True},
}  # fmt: skip


@pytest.fixture(scope="module")
def made(django_db_setup, django_db_blocker, tmp_path_factory):
    """Made once: each test's own changes are rolled back to it."""
    folder = tmp_path_factory.mktemp("world")
    with pytest.MonkeyPatch.context() as patch, django_db_blocker.unblock(), transaction.atomic():
        patch.setattr("challenges.hints.current_app.send_task", lambda *_, **__: None)
        patch.setattr(settings, "BASELINES", write_programs(folder / "programs"))
        challenge = a_challenge(folder, slug="ours")
        other = a_challenge(folder, slug="theirs", cases=1)
        add_member(challenge=other, user=a_user("other organiser"), role=Membership.Role.ORGANISER)
        add_member(challenge=challenge, user=a_user("steward"), role=Membership.Role.STEWARD)
        Membership.objects.filter(challenge=other, user=a_user("organiser")).delete()
        phase = a_phase(challenge)
        a_submission(phase, user=a_user("owner"))
        while (
            check_next(worker="h:1")
            or run_next(worker="h:1", engine=None)
            or score_next(worker="h:1")
        ):
            pass
        upload(Program(a_user("owner")), phase, a_tar(2000))
        tell_of_ends()
        refresh(phase=phase)
        teams.create_team(challenge=challenge, user=a_user("owner"), name="Ours")
        by = a_user("organiser")
        announcing.announce(challenge=challenge, title="A date", text="It moves.", by=by)
        asked = asking.ask(
            challenge=challenge, user=a_user("owner"), title="Which grid?", text="Say."
        )
        asking.answer(question=asked, user=by, text="The PET's.")
        Registration.objects.create(challenge=challenge, user=a_user("owner"))
        yield
        transaction.set_rollback(True)


@pytest.fixture
def world(made, db, monkeypatch):
    monkeypatch.setattr("challenges.hints.current_app.send_task", lambda *_, **__: None)
    challenge = Challenge.objects.get(slug="ours")
    return challenge, a_phase(challenge), Submission.objects.select_related("phase").get()


def routes():
    return {
        (method, path.removeprefix("/api/v1"))
        for path, operations in api.get_openapi_schema()["paths"].items()
        for method in operations
    }


def test_the_table_of_grants_knows_every_route():
    assert routes() == set(GRANTS)
    assert set(SCOPE) == set(GRANTS)


class Visitor(Program):
    """Nobody in particular."""

    def __init__(self):
        super().__init__(a_user("whoever"))
        self.token = ""

    def ask(self, method, path, body=None, **headers):
        return self._client.generic(method, f"/api/v1{path}", body or b"", headers=headers)


def program_of(role):
    return Visitor() if role == "visitor" else Program(a_user(role), *SCOPES)


def asked(program, route, phase, submission, upload_id):
    method, path = route
    path = path.format(
        slug=phase.challenge.slug,
        phase=phase.slug,
        submission_id=submission.public_id,
        algorithm_id=submission.version.algorithm.public_id,
        upload_id=upload_id,
        number=1,
        notice_id=Notice.objects.get(kind=Notice.Kind.SUBMISSION).public_id,
        announcement_id=phase.challenge.announcements.earliest("pk").public_id,
        question_id=phase.challenge.questions.earliest("pk").public_id,
        answer_id=Answer.objects.earliest("pk").public_id,
        team_id=phase.challenge.teams.earliest("pk").public_id,
        username="owner",
    )
    if route in BODIES:
        return program.ask(method.upper(), path, BODIES[route])
    if path == "/submissions" and method == "post":
        return program.post(path, {"upload": upload_id, "title": "Mine"})
    if path.endswith("/card"):
        return program.ask("PUT", path, {})
    headers = {}
    if path.endswith("/uploads") and method == "post":
        headers = {"Upload-Length": "10", "Upload-Metadata": metadata(filename="a.tar")}
    if method == "patch":
        headers = {"Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"}
    return program.ask(method.upper(), path, **headers)


@pytest.mark.parametrize("hidden", [False, True], ids=["public cases", "hidden cases"])
@pytest.mark.parametrize("role", ROLES)
def test_each_route_answers_whom_it_should_and_no_one_else(world, role, hidden):
    challenge, phase, submission = world
    if hidden:
        challenge.phases.update(cases=Phase.Cases.HIDDEN)
    upload_id = program_of("owner").get("/uploads").json()[0]["id"]
    for route, granted in (HIDDEN if hidden else GRANTS).items():
        answer = asked(program_of(role), route, phase, submission, upload_id)
        if role in granted:
            expected = {200, 201, 204, 409, 415}
        else:
            expected = {401} if role == "visitor" else {404}
        assert answer.status_code in expected, (route, role, answer.status_code, answer.content)


@pytest.mark.parametrize("route", sorted(SCOPE), ids=" ".join)
def test_each_route_needs_its_scope(world, route):
    _, phase, submission = world
    lacking = Program(a_user("owner"), *(set(SCOPES) - {SCOPE[route]}))
    answer = asked(lacking, route, phase, submission, "aaaaaaaaaaaa")
    assert answer.status_code == 403
    assert route[0] == "head" or SCOPE[route] in answer.json()["detail"]


def test_a_hidden_phase_gives_no_score_and_no_name_of_a_case(world):
    challenge, _, submission = world
    challenge.phases.update(cases=Phase.Cases.HIDDEN)
    address = f"/submissions/{submission.public_id}/results"
    told = program_of("owner").get(address)
    table = program_of("owner").get(f"{address}.csv").content.decode()
    assert b"case-1" not in told.content
    assert "case-1" not in table
    assert b"thresholding" not in told.content
    assert told.json()["means"] == {}
    for case in told.json()["cases"]:
        assert case["values"] == {}
        assert case["reference_ml"] is case["prediction_ml"] is None
    for row in csv.DictReader(table.splitlines()):
        assert row["dice"] == row["reference (ml)"] == row["prediction (ml)"] == ""
    shown = program_of("organiser").get(address).json()
    assert shown["cases"][0]["name"] == "case-1"
    assert shown["cases"][0]["values"]["dice"] == 1.0


def test_a_challenge_that_is_prepared_is_seen_by_its_members_alone(world):
    Challenge.objects.update(published_at=None)
    for role in ROLES:
        program = program_of(role)
        granted = role in {"organiser", "steward"}
        assert (program.get("/challenges/ours").status_code == 200) is granted
        assert program.get("/challenges").json() == []


def test_another_site_cannot_submit_for_someone_who_is_signed_in(world):
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(a_user("owner"))
    submission = Submission.objects.get()
    address = f"/api/v1/submissions/{submission.public_id}/cancel"
    assert browser.get(f"/api/v1/submissions/{submission.public_id}").status_code == 200
    assert browser.post(address).status_code == 403


def test_a_withdrawn_token_opens_nothing(world):
    program = program_of("owner")
    a_user("owner").tokens.all().delete()
    assert program.get("/me").status_code == 401


def test_a_token_of_a_closed_account_opens_nothing(world):
    program = program_of("owner")
    owner = a_user("owner")
    owner.is_active = False
    owner.save()
    assert program.get("/me").status_code == 401


@pytest.mark.parametrize("text", ["", "uptake_", "uptake_aaaa_bbbb", "x" * 5000, "uptake_\x00_a"])
def test_what_is_no_token_is_refused_in_words(world, text):
    program = program_of("stranger")
    program.token = text
    answer = program.get("/me")
    assert answer.status_code == 401
    assert answer.json()["detail"]


def test_half_a_token_opens_nothing(world):
    _, text = issue(owner=a_user("owner"), name="t", scopes=["read"])
    program = program_of("stranger")
    program.token = text[:-1]
    assert program.get("/me").status_code == 401
