"""Whatever is sent, the API answers as its own description says, and never with a fault of its own.

The requests are made by schemathesis from the OpenAPI document: right ones, wrong ones, odd ones.
"""

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from hypothesis import HealthCheck, settings
from schemathesis.checks import load_all_checks
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from accounts.models import Notice
from accounts.tokens import SCOPES, issue
from challenges.models import Announcement, Answer, Phase, Question, Registration, Team
from challenges.services import announcing, asking, teams
from config.wsgi import application
from submissions.models import Algorithm, Submission, Upload
from submissions.services import arriving
from tests.factories import a_challenge, a_phase, a_submission, a_user
from tests.programs import write_programs

load_all_checks()
schema = schemathesis.openapi.from_wsgi("/api/v1/openapi.json", application)
CHECKS = [
    schemathesis.checks.not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]


@schemathesis.serializer("application/offset+octet-stream")
def _as_it_is(_, value):
    return value if isinstance(value, bytes) else str(value).encode()


@pytest.fixture(autouse=True)
def one_connection():
    """A request ends by closing it, and with it the transaction that the test is."""
    signals = (request_started, request_finished)
    for signal in signals:
        signal.disconnect(close_old_connections)
    yield
    for signal in signals:
        signal.connect(close_old_connections)


@pytest.fixture
def token(db, tmp_path, monkeypatch, settings):
    monkeypatch.setattr("challenges.hints.current_app.send_task", lambda *_, **__: None)
    settings.BASELINES = write_programs(tmp_path / "programs")
    challenge = a_challenge(tmp_path, slug="ours")
    a_submission(a_phase(challenge), user=a_user("organiser"))
    organiser, developer = a_user("organiser"), a_user("developer")
    announcing.announce(challenge=challenge, title="A date", text="It moves.", by=organiser)
    asked = asking.ask(challenge=challenge, user=developer, title="Which grid?", text="Say.")
    asking.answer(question=asked, user=developer, text="The PET's.")
    teams.create_team(challenge=challenge, user=developer, name="Ours")
    Registration.objects.create(challenge=challenge, user=developer)
    return issue(owner=organiser, name="t", scopes=list(SCOPES))[1]


def there(name):
    """What the addresses of this test's world hold."""
    found = {
        "slug": "ours",
        "phase": "open",
        "number": 1,
        "submission_id": Submission.objects.values_list("public_id", flat=True).first(),
        "algorithm_id": Algorithm.objects.values_list("public_id", flat=True).first(),
        "upload_id": Upload.objects.values_list("public_id", flat=True).first(),
        "notice_id": Notice.objects.values_list("public_id", flat=True).first(),
        "announcement_id": Announcement.objects.values_list("public_id", flat=True).first(),
        "question_id": Question.objects.values_list("public_id", flat=True).first(),
        "answer_id": Answer.objects.values_list("public_id", flat=True).first(),
        "team_id": Team.objects.values_list("public_id", flat=True).first(),
        "username": "developer",
    }
    return found[name] or "aaaaaaaaaaaa"


@pytest.mark.parametrize("where", ["anywhere", "there"])
@schema.parametrize()
@settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    database=None,
)
def test_any_request_is_answered_as_documented(case, token, where):
    if where == "there":
        if "upload_id" in case.path_parameters and not Upload.objects.exists():
            begin_upload()
        case.path_parameters = {name: there(name) for name in case.path_parameters}
    answer = case.call(headers={"Authorization": f"Bearer {token}"})
    case.validate_response(answer, checks=CHECKS)


def begin_upload():
    arriving.begin(
        phase=Phase.objects.get(), user=a_user("organiser"), name="image.tar", size_bytes=1000
    )
