"""A result's evidence is the same for everyone, tells no hidden case, and verifies without us."""

import base64
import hashlib
import json
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from django.test import Client
from django.utils import timezone
from typer.testing import CliRunner

from challenges.definition.visibility import LeaderboardSpec
from challenges.models import Challenge, Membership, Phase, TeamMember
from challenges.services import teams
from config.cli import app
from config.verifying import CHANGED, NO_KEY, UNREADABLE, WRONG_KEY
from leaderboards.evidence.keys import pem_of, signing_key
from leaderboards.evidence.statement import combined
from leaderboards.models import Snapshot
from leaderboards.selectors import _read
from leaderboards.services import refresh
from submissions.models import Algorithm, Attempt, CaseResult, Run, Submission
from tests.crowds import a_crowded_phase
from tests.factories import a_user

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.django_db
EVALUATION = {"metrics": ["dice", "case_specificity"]}


@pytest.fixture(autouse=True)
def quiet(monkeypatch, settings, tmp_path):
    monkeypatch.setattr("accounts.hints.current_app.send_task", lambda *_, **__: None)
    settings.STATE = tmp_path
    _read.cache_clear()


def a_phase_with_results(folder, *, hidden=False, cases=24):
    phase = a_crowded_phase(
        folder, cases=cases, qualities=[1.2, 1.1, 0.4, 0.0], titles=["<b>&", "b", "c", "base"],
        baselines=1, failing={2: 2}, evaluation=EVALUATION, hidden=hidden,
    )  # fmt: skip
    for at, run in enumerate(Run.objects.order_by("pk")):
        Attempt.objects.create(
            run=run, fence=2, worker="h:1", sandbox="runsc", input_sha256=f"{at:064x}",
            output_sha256=f"{at + 9000:064x}",
            limits={"memory_mib": 8192, "shm_mib": 64, "tmp_mib": 64, "cpus": 2, "pids": 64,
                    "seconds": 60, "log_mib": 1},
        )  # fmt: skip
    refresh(phase=phase)
    return phase


@pytest.fixture
def phase(tmp_path):
    return a_phase_with_results(tmp_path)


def first(phase):
    rows = Snapshot.objects.filter(edition__phase=phase).first().document["rows"]
    return next(row["submission"] for row in rows if row["rank"] == 1)


def client_of(user=None):
    client = Client()
    if user is not None:
        client.force_login(user)
    return client


def evidence_of(submission, user=None):
    answer = client_of(user).get(f"/results/{submission}/evidence.json")
    assert answer.status_code == 200, answer.status_code
    return json.loads(answer.content)


def verified(path, *arguments):
    return CliRunner().invoke(app, ["verify", str(path), *map(str, arguments)])


@pytest.fixture
def files(phase, tmp_path):
    """evidence.json and the server's key, as anyone takes them away."""
    file, key = tmp_path / "evidence.json", tmp_path / "key.pem"
    file.write_bytes(Client().get(f"/results/{first(phase)}/evidence.json").content)
    key.write_bytes(Client().get("/signing-key/").content)
    return file, key


def test_it_states_what_the_score_was_reckoned_of(phase):
    key = first(phase)
    said = evidence_of(key)["statement"]
    snapshot = Snapshot.objects.get()
    assert said["standing"]["snapshot_sha256"] == snapshot.content_hash
    assert (said["standing"]["rank"], said["standing"]["competing"]) == (1, 3)
    assert said["standing"]["rank_range"][0] == 1
    row = next(row for row in snapshot.document["rows"] if row["submission"] == key)
    assert said["standing"]["values"]["dice"]["value"] == row["cells"][0]["mean"]
    assert said["protocol"]["sha256"] == phase.challenge.protocols.get().protocol_hash
    assert said["edition"]["scoring_sha256"] == snapshot.edition.scoring_hash
    assert said["run"] == {
        "sandbox": ["runsc"],
        "limits": [{"memory_mib": 8192, "shm_mib": 64, "tmp_mib": 64, "cpus": 2, "pids": 64,
                    "seconds": 60}],
    }  # fmt: skip
    each = said["cases"]["each"]
    assert len(each) == said["cases"]["number"] == 24
    lines = "".join(f"{one['input_sha256']}\n" for one in each)
    assert said["cases"]["inputs_sha256"] == hashlib.sha256(lines.encode()).hexdigest()
    references = [one for case in each for one in case["references_sha256"]]
    assert said["cases"]["references_sha256"] == combined(references)


def test_everyone_is_given_the_same_bytes(phase):
    organiser = Membership.objects.get(challenge=phase.challenge).user
    asked = [
        client_of(user).get(f"/results/{first(phase)}/evidence.json").content
        for user in (None, a_user("stranger"), organiser)
    ]
    assert len({*asked}) == 1
    answer = Client().get(f"/api/v1/results/{first(phase)}")
    assert answer.json() == json.loads(asked[0])


def test_of_hidden_cases_nothing_is_told_of_one_alone_nor_what_a_program_chose(tmp_path):
    phase = a_phase_with_results(tmp_path, hidden=True, cases=36)
    organiser = Membership.objects.get(challenge=phase.challenge).user
    for user in (None, organiser):
        document = evidence_of(first(phase), user)
        text = json.dumps(document)
        assert document["statement"]["cases"]["each"] is None
        assert document["statement"]["cases"]["inputs_sha256"]
        assert document["statement"]["standing"]["values"]["case_specificity"]["withheld"]
        assert "case-" not in text
        for attempt in Attempt.objects.filter(fence=2):
            assert attempt.output_sha256 not in text
            assert attempt.input_sha256 not in text
        page = client_of(user).get(f"/results/{first(phase)}/").content.decode()
        assert "case-0" not in page


def test_the_signature_holds_without_a_server_or_a_framework(files, tmp_path):
    file, key = files
    program = (
        "import sys\nfrom typer.testing import CliRunner\nimport typer\n"
        "from config.verifying import verify\n"
        "app = typer.Typer()\napp.command()(verify)\n"
        f"done = CliRunner().invoke(app, [{str(file)!r}, '--key', {str(key)!r}])\n"
        "assert not {'django.db', 'django.http', 'config.settings'} & set(sys.modules)\n"
        "print(done.output)\nsys.exit(done.exit_code)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "The signature holds" in done.stdout
    assert "standing.rank: 1" in done.stdout
    assert "The key" not in done.stdout


def test_openssl_agrees(files, tmp_path):
    file, key = files
    document = json.loads(file.read_text())
    text = json.dumps(document["statement"], sort_keys=True, separators=(",", ":"))
    signed, signature, pem = (tmp_path / name for name in ("signed", "signature", "one.pem"))
    signed.write_text(f"uptake-evidence/1\n{text}")
    signature.write_bytes(base64.b64decode(document["signature"]["value"]))
    pem.write_text(key.read_text())
    done = subprocess.run(
        ["openssl", "pkeyutl", "-verify", "-rawin", "-pubin", "-inkey", pem, "-in", signed,
         "-sigfile", signature],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "Verified Successfully" in done.stdout, done.stdout + done.stderr


def test_a_file_laid_out_anew_is_the_same_statement(files):
    file, key = files
    file.write_text(json.dumps(json.loads(file.read_text()), ensure_ascii=False))
    assert verified(file, "--key", key).exit_code == 0


@pytest.mark.parametrize(
    "change",
    [
        lambda said: said["standing"].update(rank=2),
        lambda said: said["standing"]["values"]["dice"].update(value=0.99),
        lambda said: said["cases"]["each"].pop(),
        lambda said: said.update(more=1),
        lambda said: said["standing"].update(competes=1),
    ],
)
def test_a_changed_statement_is_found_out(files, change):
    file, key = files
    document = json.loads(file.read_text())
    change(document["statement"])
    file.write_text(json.dumps(document))
    done = verified(file, "--key", key)
    assert done.exit_code == CHANGED
    assert "is not what the server signed" in " ".join(done.output.split())
    assert "standing.rank" not in done.output, "nothing is told as if it were true"


def test_a_wrong_key_an_unknown_format_and_no_file_have_each_a_sentence(files, tmp_path):
    file, key = files
    other = tmp_path / "other.pem"
    (tmp_path / "elsewhere").mkdir()
    other.write_text(pem_of(signing_key(tmp_path / "elsewhere").verify_key))
    document = json.loads(file.read_text())
    assert verified(file, "--key", other).exit_code == WRONG_KEY
    assert "none of those given" in " ".join(verified(file, "--key", other).output.split())
    for changed, words in [
        ({**document, "format": "uptake-evidence/9"}, "this version knows"),
        ({"statement": {}}, "names no format"),
        ({**document, "signature": None}, "signature is missing"),
        ({**document, "signature": {"algorithm": "none", "key": ""}}, "not one of Ed25519"),
    ]:
        file.write_text(json.dumps(changed))
        done = verified(file, "--key", key)
        assert done.exit_code == UNREADABLE
        assert words in " ".join(done.output.split())
    for text in ("[" * 100_000, '{"format": NaN}', '{"a": 1, "a": 2}', "\xff"):
        file.write_bytes(text.encode("latin-1"))
        assert verified(file, "--key", key).exit_code == UNREADABLE
    assert verified(tmp_path / "none.json", "--key", key).exit_code == UNREADABLE
    file.write_text(json.dumps(document))
    assert verified(file, "--key", tmp_path / "none.pem").exit_code == NO_KEY
    assert verified(file, "--key", file).exit_code == NO_KEY
    assert verified(file, "--key", "http://127.0.0.1:1/signing-key/").exit_code == NO_KEY


def test_what_it_states_gives_a_terminal_no_orders(phase, tmp_path, files):
    file, key = files
    Algorithm.objects.update(title="\x1b[31mred")
    refresh(phase=phase)
    Snapshot.objects.all().delete()
    refresh(phase=phase)
    file.write_bytes(Client().get(f"/results/{first(phase)}/evidence.json").content)
    done = verified(file, "--key", key)
    assert done.exit_code == 0
    assert "\x1b" not in done.output


def test_the_key_is_made_once_and_nobody_else_reads_it(tmp_path):
    signing_key(tmp_path)
    path = tmp_path / "signing_key"
    before = path.read_bytes()
    signing_key(tmp_path)
    assert path.read_bytes() == before
    assert path.stat().st_mode & 0o777 == 0o600
    assert [one.name for one in tmp_path.iterdir() if one.name.startswith(".")] == []


def test_evidence_signed_before_the_key_was_changed_still_verifies(files, tmp_path):
    file, key = files
    (tmp_path / "signing_key").unlink()
    key.write_bytes(Client().get("/signing-key/").content)
    assert key.read_text().count("BEGIN PUBLIC KEY") == 2
    assert verified(file, "--key", key).exit_code == 0
    listed = Client().get("/api/v1/signing-keys").json()
    assert [one["present"] for one in listed] == [True, False]
    assert listed[1]["id"] == json.loads(file.read_text())["signature"]["key"]


def test_what_stands_on_no_leaderboard_is_for_its_people_and_the_organisers(phase):
    one = Submission.objects.get(public_id=first(phase))
    Snapshot.objects.all().delete()
    CaseResult.objects.filter(run__submission=one).order_by("pk").last().delete()
    refresh(phase=phase)
    team = teams.create_team(challenge=phase.challenge, user=one.submitted_by, name="Ours")
    Submission.objects.filter(pk=one.pk).update(team=team)
    mate = a_user("mate")
    TeamMember.objects.create(team=team, user=mate, challenge=phase.challenge)
    organiser = Membership.objects.get(challenge=phase.challenge).user
    for user in (one.submitted_by, mate, organiser):
        assert evidence_of(one.public_id, user)["statement"]["standing"] is None
        page = client_of(user).get(f"/results/{one.public_id}/")
        assert b"on no leaderboard" in page.content
        assert b"badge.svg" not in page.content
    for user in (None, a_user("stranger")):
        for end in ("", "evidence.json", "badge.svg"):
            answer = client_of(user).get(f"/results/{one.public_id}/{end}")
            assert answer.status_code == 404
    assert client_of(organiser).get(f"/results/{one.public_id}/badge.svg").status_code == 404


def test_a_result_whose_place_another_took_keeps_the_page_of_its_day(phase):
    one = Submission.objects.get(public_id=first(phase))
    before = evidence_of(one.public_id)
    yesterday = Snapshot.objects.get().created_at - timedelta(days=1)
    Snapshot.objects.update(created_at=yesterday)
    Submission.objects.filter(pk=one.pk).update(ended_at=yesterday)
    Submission.objects.filter(pk=one.pk).update(state=Submission.State.CANCELLED)
    refresh(phase=phase)
    Submission.objects.filter(pk=one.pk).update(state=Submission.State.SCORED)
    after = evidence_of(one.public_id)["statement"]["standing"]
    assert after["rank"] == 1
    assert after["snapshot_sha256"] == before["statement"]["standing"]["snapshot_sha256"]


def test_what_is_not_scored_or_not_public_has_no_page(phase):
    key = first(phase)
    Challenge.objects.update(published_at=None)
    assert Client().get(f"/results/{key}/").status_code == 404
    organiser = Membership.objects.get(challenge=phase.challenge).user
    assert client_of(organiser).get(f"/results/{key}/").status_code == 200
    Submission.objects.filter(public_id=key).update(state=Submission.State.CANCELLED)
    assert client_of(organiser).get(f"/results/{key}/").status_code == 404


def test_the_badge_says_the_rank_and_its_range(phase):
    answer = Client().get(f"/results/{first(phase)}/badge.svg")
    assert answer["Content-Type"] == "image/svg+xml"
    assert answer["Cache-Control"] == "public, max-age=300"
    drawn = ET.fromstring(answer.content.decode())
    title = drawn.find("{http://www.w3.org/2000/svg}title").text
    mean = Snapshot.objects.get().document["rows"][0]["cells"][0]["mean"]
    assert title.startswith("Uptake | rank 1 of 3 (1")
    assert title.endswith(f", Dice {mean:.2f}")
    again = Client().get(
        f"/results/{first(phase)}/badge.svg", headers={"If-None-Match": answer["ETag"]}
    )
    assert again.status_code == 304
    baseline = Submission.objects.get(is_baseline=True)
    other = Client().get(f"/results/{baseline.public_id}/badge.svg").content.decode()
    assert "not competing" in other


def test_text_of_a_badge_is_escaped(phase):
    Snapshot.objects.all().delete()
    page = Client().get(f"/results/{Submission.objects.first().public_id}/")
    assert page.status_code == 404
    refresh(phase=phase)
    page = Client().get(f"/results/{first(phase)}/").content.decode()
    assert "<b>&" not in page
    assert "&lt;b&gt;&amp;" in page


LATER = (timezone.now() + timedelta(days=30)).isoformat()


def shown(phase, **leaderboard):
    spec = LeaderboardSpec.model_validate(leaderboard)
    Phase.objects.filter(pk=phase.pk).update(leaderboard=spec.model_dump(mode="json"))


def test_while_entries_are_anonymous_a_result_is_its_own_peoples(phase):
    one = Submission.objects.get(public_id=first(phase))
    shown(phase, shows="anonymous", until=LATER)
    for end in ("", "evidence.json", "badge.svg"):
        assert Client().get(f"/results/{one.public_id}/{end}").status_code == 404
    own = evidence_of(one.public_id, one.submitted_by)["statement"]
    assert own["standing"] is None
    assert own["cases"]["each"] is None


def test_what_the_organisers_do_not_show_is_not_signed_either(phase):
    shown(phase, feedback="better")
    said = evidence_of(first(phase))["statement"]
    assert said["standing"]["values"] == {}
    assert said["standing"]["failed"] is None
    assert said["cases"]["each"] is None
    badge = Client().get(f"/results/{first(phase)}/badge.svg").content.decode()
    assert "Dice" not in badge
