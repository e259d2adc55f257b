"""What a developer tells of an algorithm: asked for, kept with its history, shown beside the entry."""

import pytest

from challenges.definition import AlgorithmCard
from challenges.models import Protocol
from challenges.services.teams import create_team
from leaderboards.selectors import board
from leaderboards.services import refresh
from submissions.models import AlgorithmVersion, CardRevision, ContainerImage, Submission
from submissions.selectors import find_algorithm, missing_fields, report
from submissions.services.cards import CardRefused, card_of, save_card
from submissions.services.uploads import submit_upload
from tests.factories import A_CONFIG, a_phase, a_submission, a_user
from tests.submissions.test_predictions import processed

FULL = AlgorithmCard(plain_language="It draws round tumours.", licence="MIT", parameters=5)


def requires(phase, *fields):
    """As an amendment of the definition would."""
    protocol = Protocol.objects.get(challenge=phase.challenge)
    protocol.document["card"] = {"required": list(fields)}
    protocol.save()


@pytest.fixture
def entry(phase, developer, hints, programs):
    """Scored, and like an uploaded image, which no baseline of the project is."""
    submission = processed(a_submission(phase, user=developer))
    Submission.objects.update(is_baseline=False)
    image = ContainerImage.objects.create(
        digest="0" * 64, file="x", archive_bytes=1, unpacked_bytes=1, config=A_CONFIG
    )
    AlgorithmVersion.objects.update(program=None, image=image, upload=an_upload(phase, developer))
    return Submission.objects.get(pk=submission.pk)


def an_upload(phase, developer):
    from submissions.models import Upload

    return Upload.objects.create(
        owner=developer, phase=phase, name="i.tar", size_bytes=1, received_bytes=1
    )


def on_the_board(phase):
    phase = a_phase(phase.challenge)
    refresh(phase=phase)
    return [row.algorithm for row in board(a_user("reader"), phase).table.rows]


def test_an_entry_stands_on_the_leaderboard_once_its_card_tells_what_is_asked(
    phase, entry, developer
):
    assert on_the_board(phase) == ["Threshold"]
    requires(phase, "plain_language", "licence")
    assert on_the_board(phase) == []
    shown = report(developer, Submission.objects.get())
    assert shown.card_lacks == ("In plain language", "Licence")
    assert save_card(version=entry.version, card=FULL, by=developer)
    assert on_the_board(phase) == ["Threshold"]
    assert report(developer, Submission.objects.get()).card_lacks == ()


def test_what_a_leaderboard_asks_for_is_not_taken_back_once_scored(phase, entry, developer, client):
    """Else whoever has seen a worse score could empty a field, and the version before would stand."""
    requires(phase, "plain_language", "licence")
    save_card(version=entry.version, card=FULL, by=developer)
    with pytest.raises(CardRefused) as refused:
        save_card(version=entry.version, card=AlgorithmCard(licence="GPL-3.0-only"), by=developer)
    assert list(refused.value.problems) == ["plain_language"]
    client.force_login(developer)
    algorithm = entry.version.algorithm.public_id
    page = client.post(f"/algorithms/{algorithm}/1/card/", {"licence": "MIT"})
    assert page.status_code == 422
    assert "is scored in it" in page.content.decode()
    answer = client.put(
        f"/api/v1/algorithms/{algorithm}/versions/1/card",
        {"licence": "MIT"},
        content_type="application/json",
    )
    assert answer.status_code == 422
    assert "plain_language" in answer.json()["detail"]
    assert on_the_board(phase) == ["Threshold"]
    other = FULL.model_copy(
        update={"plain_language": "It draws round lesions.", "parameters": None}
    )
    assert save_card(version=entry.version, card=other, by=developer)
    Submission.objects.update(state="running")
    assert save_card(version=entry.version, card=AlgorithmCard(), by=developer)


def test_a_baseline_needs_no_card(phase, entry):
    requires(phase, "licence")
    Submission.objects.update(is_baseline=True)
    assert on_the_board(phase) == ["Threshold"]


def test_masks_made_elsewhere_need_no_card(phase, entry):
    requires(phase, "licence")
    AlgorithmVersion.objects.update(kind="predictions")
    assert on_the_board(phase) == ["Threshold"]


def test_counted_parameters_need_not_be_declared(phase, entry):
    requires(phase, "parameters")
    definition = a_phase(phase.challenge).challenge
    from challenges.selectors import definition_of

    assert missing_fields(entry.version, definition_of(definition)) == ("Number of parameters",)
    ContainerImage.objects.update(weights=[{"path": "/m.safetensors", "parameters": 400}])
    version = AlgorithmVersion.objects.get()
    assert missing_fields(version, definition_of(definition)) == ()


def test_counted_and_declared_numbers_stand_side_by_side(entry, developer):
    save_card(version=entry.version, card=AlgorithmCard(parameters=12), by=developer)
    ContainerImage.objects.update(weights=[{"path": "/m.safetensors", "parameters": 4000}])
    _, (view,) = find_algorithm(developer, entry.version.algorithm.public_id)
    (field,) = view.sections[0].fields
    assert field.value == "4,000 (counted); 12 (declared)"
    assert "/m.safetensors" in field.source


def test_a_new_version_begins_with_the_card_of_the_one_before(phase, developer, hints):
    from django.core.files.uploadedfile import SimpleUploadedFile

    def submitted():
        file = SimpleUploadedFile("image.tar", b"x" * 1000)
        return submit_upload(phase=phase, user=developer, title="Net", file=file).version

    first = submitted()
    save_card(version=first, card=FULL, by=developer)
    second = submitted()
    assert (second.number, card_of(second)) == (2, FULL)
    save_card(version=second, card=AlgorithmCard(licence="GPL-3.0-only"), by=developer)
    first.refresh_from_db()
    assert card_of(first) == FULL


def test_every_change_is_kept_with_its_person_and_date(entry, developer):
    save_card(version=entry.version, card=FULL, by=developer)
    later = FULL.model_copy(update={"licence": "Apache-2.0"})
    save_card(version=entry.version, card=later, by=a_user("mate"))
    assert not save_card(version=entry.version, card=later, by=developer)
    _, (view,) = find_algorithm(developer, entry.version.algorithm.public_id)
    assert [(one.by, one.of) for one in view.changes] == [
        ("mate", ("Licence",)),
        ("developer", ("In plain language", "Number of parameters", "Licence")),
    ]
    assert CardRevision.objects.first().card["licence"] == "MIT"


def test_a_card_is_public_once_its_version_is_scored(phase, entry, client):
    address = f"/algorithms/{entry.version.algorithm.public_id}/"
    assert client.get(address).status_code == 200
    Submission.objects.update(state="running")
    assert client.get(address).status_code == 404
    phase.challenge.published_at = None
    phase.challenge.save()
    Submission.objects.update(state="scored")
    assert client.get(address).status_code == 404


def test_a_card_is_filled_in_on_its_page(entry, developer, client):
    client.force_login(developer)
    address = f"/algorithms/{entry.version.algorithm.public_id}/1/card/"
    assert client.get(address).status_code == 200
    wrong = client.post(address, {"code": "javascript:alert(1)", "training_cases": "-3"})
    assert wrong.status_code == 422
    page = wrong.content.decode()
    assert "https://" in page
    assert "greater than or equal to 0" in page
    data = {
        "plain_language": "<b>It</b> draws.",
        "code": "https://example.org/x",
        "openness": "grey",
    }
    assert client.post(address, data).status_code == 302
    shown = client.get(f"/algorithms/{entry.version.algorithm.public_id}/").content.decode()
    assert "&lt;b&gt;It&lt;/b&gt; draws." in shown
    assert 'href="https://example.org/x" rel="nofollow noopener"' in shown
    assert "grey box" in shown


def test_an_algorithm_of_many_versions_is_asked_for_no_more_often(
    phase, developer, hints, programs, client, django_assert_max_num_queries
):
    team = create_team(challenge=phase.challenge, user=developer, name="Us")
    for number in range(30):
        one = a_submission(phase, user=developer)
        Submission.objects.filter(pk=one.pk).update(team=team, state="scored", is_baseline=False)
        save_card(version=one.version, card=AlgorithmCard(training_cases=number), by=developer)
    requires(phase, "licence")
    algorithm = one.version.algorithm.public_id
    for viewer in (developer, a_user("stranger")):
        client.force_login(viewer)
        with django_assert_max_num_queries(20):
            assert client.get(f"/algorithms/{algorithm}/").status_code == 200
        with django_assert_max_num_queries(20):
            versions = client.get(f"/api/v1/algorithms/{algorithm}").json()["versions"]
        assert [one["missing"] for one in versions] == [["licence"]] * 30


def test_a_stranger_fills_in_nothing(entry, client):
    client.force_login(a_user("stranger"))
    address = f"/algorithms/{entry.version.algorithm.public_id}/1/card/"
    assert client.get(address).status_code == 404
    assert client.post(address, {"licence": "MIT"}).status_code == 404
    assert AlgorithmVersion.objects.get().card == {}


@pytest.mark.parametrize(
    "card",
    [{"code": "ftp://x"}, {"parameters": -1}, {"parameters": 1.5}, {"box": "white"},
     {"openness": "blue"}, {"loss": "x" * 5000}, {"loss": "a\x00b"},
     {"loss": "a\u202eb"}, {"code": "https://"}, {"code": "https://[x"}],
    ids=str,
)  # fmt: skip
def test_what_a_card_cannot_hold_is_refused(card):
    with pytest.raises(ValueError, match="validation error"):
        AlgorithmCard.model_validate(card)


def test_a_card_of_an_earlier_time_is_still_read(entry):
    AlgorithmVersion.objects.update(card={"licence": "MIT", "gone": "x"})
    assert card_of(AlgorithmVersion.objects.get()).licence == "MIT"
