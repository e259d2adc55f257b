"""Who gets what from every address of the platform: the whole set of grants."""

import hashlib
import io
import re
from dataclasses import asdict
from functools import partial

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import timezone

from accounts.models import Notice, Token, User
from accounts.services import set_operator
from accounts.services.notices import secret_to_switch_off
from accounts.tokens import issue
from challenges.models import Annotation, Challenge, Image, Membership, Phase, Reference
from challenges.services import announcing, asking, registering, teams
from challenges.services.members import add_member
from challenges.services.publishing import amend
from challenges.storage import private, untrusted
from evaluation.standings import Resampled, Uncertainty
from leaderboards.models import Analysis, Drawing, Snapshot
from leaderboards.services import refresh
from submissions.models import Host, Prediction, Similarity, Submission, Upload
from submissions.services import logs
from submissions.services.arriving import begin
from submissions.services.checking import check_next
from submissions.services.running import run_next
from submissions.services.scoring import score_next
from submissions.services.telling import reconcile as tell_of_ends
from submissions.services.uploads import submit_upload
from tests.factories import a_challenge, a_phase, a_submission, a_user
from tests.programs import write_programs

ROLES = (
    "visitor", "stranger", "owner", "team mate", "former mate", "rival", "organiser",
    "co-organiser", "other organiser", "steward", "reviewer", "operator",
)  # fmt: skip
"""The owner's team has that one, the mate, and had the former one; the rival is in another team."""
ORGANISE = {"organiser", "co-organiser"}
OWN = {"owner", "team mate", *ORGANISE}
SIGNED_IN = set(ROLES) - {"visitor"}

# What each address answers with 200 (or a redirect after a change); everyone else gets 404, and a
# visitor is sent to sign in where an account is needed at all.
GRANTS_PUBLIC = {
    "home": set(ROLES),
    "metrics": set(ROLES),
    "challenge": set(ROLES),
    "picture": set(ROLES),
    "public_case": set(ROLES),
    "public_image": set(ROLES),
    "public_mask": set(ROLES),
    "phase_data": SIGNED_IN,
    "phase_archive": SIGNED_IN,
    "history": set(ROLES),
    "design": set(ROLES),
    "design_pdf": set(ROLES),
    "leaderboard": set(ROLES),
    "subgroups": set(ROLES),
    "leaderboard_states": set(ROLES),
    "leaderboard_entry": set(ROLES),
    "uncertainty": set(ROLES),
    "uncertainty_figure": set(ROLES),
    "compare": set(ROLES),
    "take_away": set(ROLES),
    "take_results": set(ROLES),
    "take_table": set(ROLES),
    "take_figures": set(ROLES),
    "take_definition": set(ROLES),
    "report": set(ROLES),
    "report_pdf": set(ROLES),
    "result": set(ROLES),
    "evidence": set(ROLES),
    "result_badge": set(ROLES),
    "signing_key": set(ROLES),
    "leaderboard_case": set(ROLES),
    "entry_mask": {*OWN, "steward"},
    "entry_lesions": {*OWN, "steward"},
    "register": SIGNED_IN,
    "team": SIGNED_IN,
    "announcements": set(ROLES),
    "announcement": ORGANISE,
    "questions": set(ROLES),
    "question": set(ROLES),
    "notices": SIGNED_IN,
    "notice": {"owner"},
    "notice_settings": SIGNED_IN,
    "mail_off": set(ROLES),
    "join_team": SIGNED_IN,
    "organise": SIGNED_IN,
    "prepare_new": SIGNED_IN,
    "prepare": {*ORGANISE, "steward", "reviewer"},
    "prepare_people": ORGANISE,
    "prepare_participants": ORGANISE,
    "prepare_quality": {*ORGANISE, "steward"},
    "prepare_case": {*ORGANISE, "steward"},
    "outlined": {*ORGANISE, "steward"},
    "prepare_image": {*ORGANISE, "steward"},
    "prepare_mask": {*ORGANISE, "steward"},
    "prepare_splits": ORGANISE,
    "prepare_rehearsal": ORGANISE,
    "prepare_data": ORGANISE,
    "data_import": ORGANISE,
    "data_uploads": ORGANISE,
    "data_upload": ORGANISE,
    "prepare_opening": ORGANISE,
    "prepare_drop": {"organiser"},
    "prepare_file": ORGANISE,
    "prepare_step": ORGANISE,
    "submit": SIGNED_IN,
    "tokens": SIGNED_IN,
    "revoke_token": {"owner"},
    "discard_upload": {"owner"},
    "algorithm": set(ROLES),
    "edit_card": {"owner", "team mate"},
    "own_submissions": SIGNED_IN,
    "submission": OWN,
    "cancel": OWN,
    "let_stand": {"owner", "team mate"},
    "rerun": ORGANISE,
    "release_logs": set(),
    "withhold_logs": set(),
    "challenge_submissions": ORGANISE,
    "operations": {"operator"},
    "prometheus": {"operator"},
    "drain": {"operator"},
    "resume": {"operator"},
    "mail_again": {"operator"},
}
GRANTS_HIDDEN = {
    **GRANTS_PUBLIC,
    "picture": {*ORGANISE, "steward"},
    "public_case": set(),
    "public_image": set(),
    "public_mask": set(),
    "phase_data": set(),
    "phase_archive": set(),
    "compare": {*ORGANISE, "steward"},
    "leaderboard_case": {*ORGANISE, "steward"},
    "entry_mask": {*ORGANISE, "steward"},
    "entry_lesions": {*ORGANISE, "steward"},
    "take_results": {*ORGANISE, "steward"},
    # Of three patients.
    "uncertainty_figure": {*ORGANISE, "steward"},
    "take_figures": {*ORGANISE, "steward"},
    "release_logs": ORGANISE,
    "withhold_logs": ORGANISE,
}
OF_A_SUBMISSION = {"cancel", "let_stand", "rerun", "release_logs", "withhold_logs"}
OF_A_HOST = {"drain", "resume"}
OF_AN_OPERATOR = {*OF_A_HOST, "mail_again"}
OF_PARTICIPANTS = {
    "register",
    "team",
    "join_team",
    "prepare_participants",
    "announcements",
    "announcement",
    "questions",
    "question",
    "notices",
    "notice_settings",
}
LEADS_ON = {"notice"}
CHANGES = OF_A_SUBMISSION | OF_AN_OPERATOR | {"prepare_drop", "revoke_token", "discard_upload"}
NEEDS_ACCOUNT = OF_A_SUBMISSION | {
    "announcement",
    "notices",
    "notice",
    "notice_settings",
    "register",
    "team",
    "join_team",
    "tokens",
    "revoke_token",
    "discard_upload",
    "edit_card",
    "submit",
    "own_submissions",
    "submission",
    "challenge_submissions",
    "organise",
    "data_import",
    "outlined",
    "phase_data",
    "phase_archive",
    *(name for name in GRANTS_PUBLIC if name.startswith("prepare")),
}
GIVES_STORED_FILES = {
    "public_image",
    "public_mask",
    "phase_archive",
    "prepare_image",
    "prepare_mask",
    "entry_mask",
    "entry_lesions",
}
"""The last is made of stored ones."""
_SQUARE = b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"></svg>'
BY_TUS = {"data_uploads": "OPTIONS", "data_upload": "HEAD"}


@pytest.fixture(scope="module")
def made(django_db_setup, django_db_blocker, tmp_path_factory):
    """A challenge, a scored submission of the owner's, and everyone who might look at it.

    Made once: each test's own changes are rolled back to it.
    """
    folder = tmp_path_factory.mktemp("world")
    with pytest.MonkeyPatch.context() as patch, django_db_blocker.unblock(), transaction.atomic():
        patch.setattr("challenges.hints.current_app.send_task", lambda *_, **__: None)
        patch.setattr(settings, "BASELINES", write_programs(folder / "programs"))
        challenge = a_challenge(folder, slug="ours")
        other = a_challenge(folder, slug="theirs", cases=1)
        add_member(challenge=other, user=a_user("other organiser"), role=Membership.Role.ORGANISER)
        add_member(challenge=challenge, user=a_user("steward"), role=Membership.Role.STEWARD)
        Membership.objects.filter(challenge=other, user=a_user("organiser")).delete()
        add_member(challenge=challenge, user=a_user("reviewer"), role=Membership.Role.REVIEWER)
        add_member(
            challenge=challenge, user=a_user("co-organiser"), role=Membership.Role.CO_ORGANISER
        )
        for name in ("stranger", "operator"):
            a_user(name)
        team = teams.create_team(challenge=challenge, user=a_user("owner"), name="Ours")
        for name in ("team mate", "former mate"):
            teams.join_team(challenge=challenge, user=a_user(name), invitation=team.invitation)
        teams.leave_team(challenge=challenge, user=a_user("former mate"))
        teams.create_team(challenge=challenge, user=a_user("rival"), name="Theirs")
        set_operator(username="operator", operator=True)
        issue(owner=a_user("owner"), name="workstation", scopes=["read"])
        begin(phase=a_phase(challenge), user=a_user("owner"), name="half.tar", size_bytes=1000)
        Host.objects.create(name="here", seen_at=timezone.now())
        challenge.phases.update(gives_away=True)
        phase = a_phase(challenge)
        submission = a_submission(phase, user=a_user("owner"))
        Submission.objects.filter(pk=submission.pk).update(team=team, is_baseline=False)
        steps = (
            partial(check_next, worker="h:1"),
            partial(run_next, worker="h:1", engine=None),
            partial(score_next, worker="h:1"),
        )
        while sum(step() for step in steps):
            pass
        tell_of_ends()
        _analysed(phase, submission)
        by = a_user("organiser")
        announcing.announce(challenge=challenge, title="A date", text="It moves.", by=by)
        asking.ask(challenge=challenge, user=a_user("owner"), title="Which grid?", text="Say.")
        file = SimpleUploadedFile("image.tar", b"the rival's secret weights" * 100)
        submit_upload(phase=phase, user=a_user("rival"), title="Secret", file=file)
        yield challenge.pk, submission.pk
        transaction.set_rollback(True)


def _analysed(phase: Phase, submission: Submission) -> None:
    """As if it competed with itself, so that there is a figure."""
    alone = Resampled(
        number=100, seed=1, stratum="", patients=3, shares=((1.0,),), ranges=((1, 1),),
        medians=(1.0,), taus=None, tau_counts=(0,) * 40,
    )  # fmt: skip
    found = Uncertainty((submission.public_id,), pool=1, ranks=(1,), resampled=alone)
    snapshot = refresh(phase=phase)
    Analysis.objects.create(snapshot=snapshot, document=asdict(found))
    drawing = Drawing.objects.create(snapshot=snapshot, state=Drawing.State.DRAWN)
    drawing.figures.create(kind="rank-distribution", format="svg", content=_SQUARE)


@pytest.fixture
def world(made, db, monkeypatch):
    monkeypatch.setattr("challenges.hints.current_app.send_task", lambda *_, **__: None)
    challenge = Challenge.objects.get(pk=made[0])
    submission = Submission.objects.select_related("phase").get(pk=made[1])
    assert submission.state == "scored"
    return challenge, a_phase(challenge), submission


def client_of(role: str) -> Client:
    client = Client()
    if role != "visitor":
        client.force_login(User.objects.get(username=role))
    return client


def addresses(challenge: Challenge, phase: Phase, submission: Submission) -> dict[str, str]:
    base = f"/challenges/{challenge.slug}/"
    case = phase.dataset.cases.order_by("position")[0]
    data = challenge.imports.all()[0]
    notice = Notice.objects.get(person__username="owner", kind=Notice.Kind.SUBMISSION)
    board = f"{base}{phase.slug}/leaderboard/"
    analysed = Snapshot.objects.get(edition__phase=phase, analysis__isnull=False)
    entry = f"{board}cases/{case.public_id}/entries/{submission.public_id}/"
    return {
        "home": "/",
        "metrics": "/docs/metrics/",
        "challenge": base,
        "picture": f"{base}{phase.slug}/cases/{case.public_id}/projection.png",
        "public_case": f"{base}{phase.slug}/cases/{case.public_id}/",
        "public_image": f"{base}{phase.slug}/cases/{case.public_id}/images/pet.mha",
        "public_mask": f"{base}{phase.slug}/cases/{case.public_id}/masks/1.mha",
        "phase_data": f"{base}{phase.slug}/data/",
        "phase_archive": f"{base}{phase.slug}/data/cases.zip",
        "leaderboard": board,
        "subgroups": f"{board}subgroups/",
        "leaderboard_states": f"{board}states/",
        "leaderboard_entry": f"{board}entries/{submission.public_id}/",
        "uncertainty": f"{board}uncertainty/",
        "uncertainty_figure": f"{board}uncertainty/{analysed.pk}/rank-distribution.csv",
        "compare": f"{board}compare/",
        "take_away": f"{board}take-away/",
        "take_results": f"{board}take-away/results.csv",
        "take_table": f"{board}take-away/leaderboard.csv",
        "take_figures": f"{board}take-away/figures.zip",
        "take_definition": f"{board}take-away/challenge.yaml",
        "report": f"{board}report/",
        "report_pdf": f"{board}report.pdf",
        "result": f"/results/{submission.public_id}/",
        "evidence": f"/results/{submission.public_id}/evidence.json",
        "result_badge": f"/results/{submission.public_id}/badge.svg",
        "signing_key": "/signing-key/",
        "leaderboard_case": f"{board}cases/{case.public_id}/?entries={submission.public_id}",
        "entry_mask": f"{entry}mask.mha",
        "entry_lesions": f"{entry}lesions-1.mha",
        "submit": f"{base}{phase.slug}/submit/",
        "tokens": "/accounts/tokens/",
        "revoke_token": f"/accounts/tokens/{Token.objects.get().public_id}/revoke/",
        "announcements": f"{base}announcements/",
        "announcement": f"{base}announcements/{challenge.announcements.get().public_id}/",
        "questions": f"{base}questions/",
        "question": f"{base}questions/{challenge.questions.get().public_id}/",
        "notices": "/accounts/notices/",
        "notice": f"/accounts/notices/{notice.public_id}/",
        "notice_settings": "/accounts/notices/settings/",
        "mail_off": f"/accounts/notices/off/{secret_to_switch_off(notice)}/",
        "register": f"{base}register/",
        "team": f"{base}teams/",
        "join_team": f"{base}teams/join/{challenge.teams.get(name='Ours').invitation}/",
        "algorithm": f"/algorithms/{submission.version.algorithm.public_id}/",
        "edit_card": f"/algorithms/{submission.version.algorithm.public_id}/1/card/",
        "discard_upload": f"/uploads/{Upload.objects.get(version=None).public_id}/discard/",
        "own_submissions": "/submissions/",
        "submission": f"/submissions/{submission.public_id}/",
        **{
            name: f"/submissions/{submission.public_id}/{name.replace('_', '-')}/"
            for name in OF_A_SUBMISSION
        },
        "challenge_submissions": f"{base}submissions/",
        "history": f"{base}history/",
        "design": f"{base}design/",
        "design_pdf": f"{base}design.pdf",
        "organise": "/organise/",
        "prepare_new": "/organise/new/",
        "prepare": f"/organise/{challenge.slug}/",
        "prepare_data": f"/organise/{challenge.slug}/data/",
        "data_import": f"/organise/{challenge.slug}/data/{data.public_id}/",
        "data_uploads": f"/organise/{challenge.slug}/data/uploads/",
        "data_upload": f"/organise/{challenge.slug}/data/uploads/{data.public_id}/",
        "prepare_quality": f"/organise/{challenge.slug}/quality/",
        "prepare_case": f"/organise/{challenge.slug}/cases/{case.public_id}/",
        "outlined": f"/organise/{challenge.slug}/cases/{case.public_id}/outlines.png",
        "prepare_image": f"/organise/{challenge.slug}/cases/{case.public_id}/images/pet.mha",
        "prepare_mask": f"/organise/{challenge.slug}/cases/{case.public_id}/masks/1.mha",
        "prepare_splits": f"/organise/{challenge.slug}/splits/",
        "prepare_rehearsal": f"/organise/{challenge.slug}/rehearsal/",
        "prepare_people": f"/organise/{challenge.slug}/people/",
        "prepare_participants": f"/organise/{challenge.slug}/participants/",
        "prepare_opening": f"/organise/{challenge.slug}/publish/",
        "prepare_drop": f"/organise/{challenge.slug}/drop/",
        "prepare_file": f"/organise/{challenge.slug}/challenge.yaml",
        "prepare_step": f"/organise/{challenge.slug}/describe/purpose/",
        "operations": "/operations/",
        "mail_again": "/operations/mail/",
        "prometheus": "/operations/metrics",
        **{name: f"/operations/hosts/here/{name}/" for name in OF_A_HOST},
    }


def answer(role: str, name: str, address: str):
    client = client_of(role)
    if name in BY_TUS:
        return client.generic(BY_TUS[name], address, headers={"Tus-Resumable": "1.0.0"})
    return client.post(address) if name in CHANGES else client.get(address)


def body(response) -> bytes:
    return b"".join(response.streaming_content) if response.streaming else response.content


def own_url_names() -> set[str]:
    def walk(patterns, own):
        for pattern in patterns:
            if isinstance(pattern, URLResolver):
                other = "allauth" in str(pattern) or pattern.app_name == "ninja"
                yield from walk(pattern.url_patterns, own and not other)
            elif isinstance(pattern, URLPattern) and own:
                yield pattern.name

    return set(walk(get_resolver().url_patterns, True))


def test_the_table_of_grants_knows_every_address():
    assert own_url_names() == set(GRANTS_PUBLIC)


@pytest.mark.parametrize("hidden", [False, True], ids=["public cases", "hidden cases"])
def test_each_address_answers_whom_it_should_and_no_one_else(world, hidden):
    challenge, phase, submission = world
    if hidden:
        challenge.phases.update(cases=Phase.Cases.HIDDEN)
    grants = GRANTS_HIDDEN if hidden else GRANTS_PUBLIC
    for name, address in addresses(challenge, phase, submission).items():
        for role in ROLES:
            response = answer(role, name, address)
            if role in grants[name]:
                expected = (
                    {302}
                    if name in CHANGES | LEADS_ON
                    else {204 if name == "data_uploads" else 200}
                )
            elif role == "visitor" and name in NEEDS_ACCOUNT:
                expected = {302}
                assert "/accounts/login/" in response["Location"]
            else:
                expected = {404}
            assert response.status_code in expected, (name, role, response.status_code)


@pytest.mark.parametrize("hidden", [False, True], ids=["public cases", "hidden cases"])
def test_stored_files_leave_by_the_addresses_meant_for_them_and_to_nobody_else(world, hidden):
    """Images and masks by the viewer and the download, predictions by the address of their own that
    asks whose they are; tarballs by none."""
    challenge, phase, submission = world
    if hidden:
        challenge.phases.update(cases=Phase.Cases.HIDDEN)
    grants = GRANTS_HIDDEN if hidden else GRANTS_PUBLIC
    stored = {
        row.file.name: row.file.read()
        for model in (Reference, Annotation, Image, Prediction, Upload)
        for row in model.objects.exclude(file="")
        if model is not Upload or row.received_bytes
    }
    assert len(stored) > 10
    uploads = [stored[row.file.name] for row in Upload.objects.filter(received_bytes__gt=0)]
    guesses = [
        f"{prefix}{name}" for name in stored for prefix in ("/", "/media/", "/storage/private/",
        "/storage/untrusted/", "/private/", "/untrusted/", "/static/../private/", "/static/%2e%2e/")
    ]  # fmt: skip
    asked = [("", guess) for guess in guesses]
    asked += addresses(challenge, phase, submission).items()
    digests = {hashlib.sha256(content).digest() for content in stored.values()}
    for role in ROLES:
        client = client_of(role)
        for name, address in asked:
            content = body(client.get(address))
            granted = name in GIVES_STORED_FILES and role in grants[name]
            withheld = uploads if granted else stored.values()
            assert granted or hashlib.sha256(content).digest() not in digests, (role, address)
            assert not any(len(c) > 64 and c[:64] in content for c in withheld), (role, address)


@pytest.mark.parametrize("hidden", [False, True], ids=["public cases", "hidden cases"])
def test_no_address_gives_a_file_of_another_case_or_challenge(world, hidden):
    """Each image and mask under a case, phase or challenge that is not its own is not found."""
    challenge, phase, submission = world
    if hidden:
        challenge.phases.update(cases=Phase.Cases.HIDDEN)
    own = phase.dataset.cases.order_by("position")[0].public_id
    theirs = Challenge.objects.get(slug="theirs").dataset.cases.get().public_id
    for name in sorted(GIVES_STORED_FILES - {"phase_archive"}):
        address = addresses(challenge, phase, submission)[name]
        for wrong in (address.replace(own, theirs), address.replace("/ours/", "/theirs/")):
            for role in ROLES:
                assert client_of(role).get(wrong).status_code in {302, 404}, (role, wrong)


def test_another_teams_submission_looks_like_one_that_does_not_exist(world):
    """Also to who has left the team, and did not submit it."""
    _, _, submission = world
    token = re.compile(rb'name="csrfmiddlewaretoken" value="\w+"')
    for role in ("rival", "former mate"):
        client = client_of(role)
        missing = client.get("/submissions/aaaaaaaaaaaa/")
        others = client.get(f"/submissions/{submission.public_id}/")
        assert (missing.status_code, others.status_code) == (404, 404)
        assert token.sub(b"", missing.content) == token.sub(b"", others.content)
        assert submission.public_id not in client.get("/submissions/").content.decode()


def test_a_link_of_another_challenge_or_of_none_leads_nowhere(world):
    challenge, _, _ = world
    secret = challenge.teams.get(name="Ours").invitation
    for address in (
        f"/challenges/theirs/teams/join/{secret}/",
        f"/challenges/ours/teams/join/{secret[:-1]}/",
        f"/challenges/ours/teams/join/{secret.upper()}/",
        f"/challenges/ours/teams/join/{challenge.teams.get(name='Ours').public_id}/",
    ):
        for role in ROLES[1:]:
            client = client_of(role)
            answers = {client.get(address).status_code, client.post(address).status_code}
            assert answers == {404}, (address, role)


def test_an_invitation_is_shown_to_members_alone(world):
    challenge, phase, submission = world
    secret = challenge.teams.get(name="Ours").invitation
    for name, address in addresses(challenge, phase, submission).items():
        for role in ROLES if name not in {*CHANGES, "join_team"} else ():
            shown = secret.encode() in body(answer(role, name, address))
            assert shown is (name == "team" and role in {"owner", "team mate"}), (name, role)


def test_where_registration_is_asked_the_form_to_submit_is_for_those_who_have_one(world):
    challenge, phase, _ = world
    document = challenge.protocols.latest("version").document
    asked = {"required": True, "approval": True, "questions": []}
    amend(
        challenge=challenge, document={**document, "registration": asked}, reason="Who is it?",
        by=a_user("organiser"),
    )  # fmt: skip
    for name in ("owner", "rival", "former mate"):
        made = registering.register(
            challenge=challenge, user=a_user(name), institute="Somewhere", answers={}
        )
        if name != "rival":
            registering.decide(
                registration=made, approve=name == "owner", note="So.",
                seen=registering.what_it_says(made), by=a_user("organiser"),
            )  # fmt: skip
    address = f"/challenges/{challenge.slug}/{phase.slug}/submit/"
    for role in ROLES[1:]:
        client = client_of(role)
        page = client.get(address)
        assert page.status_code == 200
        admitted = role in {"owner", *ORGANISE}
        assert (b"data-upload" in page.content) is admitted, role
        assert client.post(address).status_code == (422 if admitted else 403), role
    assert b"waits for approval" in client_of("rival").get(address).content
    assert b"was declined" in client_of("former mate").get(address).content
    assert b"Register first" in client_of("stranger").get(address).content


def test_private_and_untrusted_storages_have_no_address():
    for storage in (private(), untrusted()):
        with pytest.raises(ValueError, match="not accessible via a URL"):
            storage.url("anything")


def test_a_participant_of_a_hidden_phase_sees_no_case_score_and_no_log(world):
    challenge, _, submission = world
    challenge.phases.update(cases=Phase.Cases.HIDDEN)
    address = f"/submissions/{submission.public_id}/"
    seen = client_of("owner").get(address).content.decode()
    assert "case-1" not in seen
    assert "thresholding" not in seen
    assert "1.000" not in seen
    assert "hidden" in seen
    organiser = client_of("organiser").get(address).content.decode()
    assert "case-1" in organiser
    assert "thresholding" in organiser
    assert "1.000" in organiser


def test_released_logs_are_read_by_the_submitter_and_no_score_of_a_case(world):
    challenge, _, submission = world
    challenge.phases.update(cases=Phase.Cases.HIDDEN)
    run = submission.runs.all()[0]
    run.reason_code, run.reason_text = "exit_code", "The program ended with exit status 42"
    run.save()
    address = f"/submissions/{submission.public_id}/"
    assert logs.release(submission=submission, by=a_user("organiser"))
    seen = client_of("owner").get(address).content.decode()
    assert "thresholding" in seen
    assert "exit status 42" in seen
    assert "released by organiser" in seen
    assert "case-1" not in seen
    assert "1.000" not in seen
    for stranger in ("rival", "steward", "other organiser"):
        assert client_of(stranger).get(address).status_code == 404
    assert logs.withhold(submission=submission, by=a_user("organiser"))
    seen = client_of("owner").get(address).content.decode()
    assert "thresholding" not in seen
    assert "42" not in client_of("owner").get(address).context["report"].rows[0].reason.text


@pytest.mark.parametrize("hidden", [False, True], ids=["public cases", "hidden cases"])
def test_only_an_organiser_learns_that_two_predictions_are_alike(world, hidden):
    challenge, phase, submission = world
    if hidden:
        challenge.phases.update(cases=Phase.Cases.HIDDEN)
    theirs = Submission.objects.get(submitted_by__username="rival")
    Similarity.objects.create(first=submission, second=theirs, dice=0.991234, cases=3)
    for name, address in addresses(challenge, phase, submission).items():
        for role in ROLES if name not in CHANGES else ():
            page = body(answer(role, name, address))
            tells = b"0.9912" in page or b"early identical" in page
            assert tells is (role in ORGANISE and name == "challenge_submissions"), (name, role)


def test_in_a_hidden_phase_a_failure_says_only_what_carries_nothing_out(world):
    """File names, an exit status or a grid could be chosen by the container."""
    challenge, _, submission = world
    run = submission.runs.all()[0]
    run.reason_code, run.reason_text = "exit_code", "The program ended with exit status 42"
    run.save()
    challenge.phases.update(cases=Phase.Cases.HIDDEN)
    address = f"/submissions/{submission.public_id}/"
    assert "42" not in client_of("owner").get(address).context["report"].rows[0].reason.text
    assert "42" in client_of("organiser").get(address).context["report"].rows[0].reason.text


def test_another_persons_submission_looks_like_one_that_does_not_exist(world):
    _, _, submission = world
    client = client_of("rival")
    missing = client.get("/submissions/aaaaaaaaaaaa/")
    others = client.get(f"/submissions/{submission.public_id}/")
    assert (missing.status_code, others.status_code) == (404, 404)
    token = re.compile(rb'name="csrfmiddlewaretoken" value="\w+"')
    assert token.sub(b"", missing.content) == token.sub(b"", others.content)


def test_only_an_organiser_can_mark_a_baseline(world):
    challenge, phase, _ = world
    address = addresses(challenge, phase, Submission.objects.first())["submit"]
    for role, marked in (("stranger", False), ("organiser", True)):
        client_of(role).post(
            address,
            {"title": f"By {role}", "baseline": "on", "image": io.BytesIO(b"not a tarball")},
        )
        submission = Submission.objects.get(version__algorithm__title=f"By {role}")
        assert submission.is_baseline is marked


@pytest.mark.parametrize("name", sorted({*CHANGES, *OF_PARTICIPANTS}))
def test_a_change_needs_its_token(world, name):
    """Another site cannot cancel, re-run, release or drain for someone who is signed in."""
    challenge, phase, submission = world
    challenge.phases.update(cases=Phase.Cases.HIDDEN)
    client = Client(enforce_csrf_checks=True)
    role = "operator" if name in OF_AN_OPERATOR else "organiser"
    client.force_login(User.objects.get(username=role))
    assert client.post(addresses(challenge, phase, submission)[name]).status_code == 403


def test_who_asks_whether_a_page_is_there_is_answered(world):
    """HEAD, as programs send it that check links, is answered like GET."""
    challenge, phase, submission = world
    client = Client()
    for name, address in addresses(challenge, phase, submission).items():
        there = client.get(address)
        if there.status_code != 405:
            assert client.head(address).status_code == there.status_code, name
