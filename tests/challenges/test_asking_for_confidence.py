"""What a challenge asks for beside the mask: written, checked, frozen, shown, and kept."""

import copy

import pytest
import yaml

from challenges.definition import ChallengeDefinition, content_hash, read_definition
from challenges.definition.export import as_yaml
from challenges.selectors import current_edition
from challenges.services.publishing import NotReady, amend, publish
from evaluation.spec import EvaluationSpec
from tests.challenges.test_steps import send
from tests.factories import a_submission, a_user

pytestmark = pytest.mark.django_db
MAP = {"kind": "probability_map", "name": "pet-probability"}
VALUE = {"kind": "uncertainty_value", "name": "certainty", "dice_at_least": 0.75}


def asking(document, **asked):
    written = copy.deepcopy(document)
    written["evaluation"] = {**written.get("evaluation", {}), "confidence": asked}
    return written


@pytest.fixture
def published(draft):
    publish(challenge=draft, by=a_user("organiser"))
    draft.refresh_from_db()
    return draft


def document(challenge):
    return copy.deepcopy(challenge.protocols.all()[0].document)


def amended(challenge, written):
    challenge.refresh_from_db()
    amend(challenge=challenge, document=written, reason="Tried.", by=a_user("organiser"))
    return current_edition(challenge.phases.get())


# Frozen


def test_a_challenge_that_asks_for_nothing_keeps_its_hashes(published):
    """The hash of the default way of scoring, as it was before anything could be asked for."""
    scoring = EvaluationSpec().model_dump(mode="json", exclude={"ranking"})
    assert content_hash(scoring) == (
        "6b641f25fc4722312acd6a8ce38564a43108efeba634341b6d838989e6ed2e08"
    )
    assert "confidence" not in document(published)["evaluation"]
    edition = current_edition(published.phases.get())
    assert "confidence" not in edition.specification


def test_asking_and_where_it_is_judged_are_part_of_how_scores_are_made(published):
    first = current_edition(published.phases.get())
    second = amended(published, asking(document(published), **MAP))
    third = amended(published, asking(document(published), **MAP, within_mm=5.0))
    assert len({one.scoring_hash for one in (first, second, third)}) == 3
    assert third.specification["confidence"]["within_mm"] == 5.0
    said = asking(document(published), **MAP, within_mm=5.0, required=False)
    assert amended(published, said) == third


def test_what_containers_were_written_for_stays(published):
    amended(published, asking(document(published), **MAP))
    a_submission(published.phases.get(), user=a_user("someone"))
    published.refresh_from_db()
    for asked in ({**MAP, "name": "another-name"}, VALUE):
        with pytest.raises(NotReady, match="its kind and name"):
            amend(
                challenge=published,
                document=asking(document(published), **asked),
                reason="Tried.",
                by=a_user("organiser"),
            )
    amended(published, asking(document(published), **MAP, within_mm=3.0))


# Written and read


@pytest.mark.parametrize("asked", [MAP, {**MAP, "within_mm": 4.0, "required": True}, VALUE])
def test_what_is_exported_is_imported_as_it_was(published, asked):
    definition = ChallengeDefinition.model_validate(asking(document(published), **asked))
    again = yaml.safe_load(as_yaml(definition.model_dump(mode="json")))
    assert ChallengeDefinition.model_validate(again | {"phases": document(published)["phases"]})
    assert again["evaluation"]["confidence"]["name"] == asked["name"]
    assert EvaluationSpec.model_validate(again["evaluation"]) == definition.evaluation


def test_two_outputs_cannot_have_one_name(published):
    written = document(published)
    taken = {**MAP, "name": written["output_slug"]}
    with pytest.raises(ValueError, match="is the name of another output"):
        ChallengeDefinition.model_validate(asking(written, **taken))
    written["outputs"] = [{"name": "certainty", "title": "Certainty"}]
    with pytest.raises(ValueError, match="is the name of another output"):
        ChallengeDefinition.model_validate(asking(written, **VALUE))
    ChallengeDefinition.model_validate(asking(written, **MAP))


# Shown


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (MAP, ("if it can:", "/output/images/pet-probability/", "within 10 mm")),
        ({**MAP, "required": True}, ("and required:", "counts as one without a result")),
        (VALUE, ("/output/certainty.json", "a Dice of 0.75 or more")),
    ],
)
def test_the_page_of_a_challenge_says_it_in_words(published, client, asked, words):
    assert "probability" not in client.get(f"/challenges/{published.slug}/").content.decode()
    amended(published, asking(document(published), **asked))
    page = " ".join(client.get(f"/challenges/{published.slug}/").content.decode().split())
    for one in words:
        assert one in page
    design = client.get(f"/challenges/{published.slug}/design/").content.decode()
    assert asked["name"] in design


# In the organisers' form

ASKED = {
    "confidence_kind": "probability_map",
    "confidence_name": "pet-probability",
    "show brier": "on",
}


def test_an_organiser_asks_in_the_browser(organiser, empty):
    assert send(organiser, empty, "metrics", **{"show dice": "on", "rank dice": "on"}, **ASKED).url
    empty.refresh_from_db()
    evaluation = empty.draft["evaluation"]
    assert evaluation["confidence"] == {**MAP, "required": False}
    assert "brier" in evaluation["metrics"]
    form = organiser.get(f"/organise/{empty.slug}/describe/metrics/").context["form"]
    assert form["confidence_kind"].value() == "probability_map"
    send(organiser, empty, "metrics", **{"confidence_kind": "", "show brier": ""})
    empty.refresh_from_db()
    assert "confidence" not in empty.draft["evaluation"]


@pytest.mark.parametrize(
    ("sent", "told"),
    [
        ({"show brier": "on"}, "is told of what is written beside the mask"),
        ({"confidence_kind": "probability_map", "confidence_name": ""}, "Three small letters"),
        ({"confidence_kind": "probability_map", "confidence_name": "../etc"}, "Three small letters"),
        ({"confidence_kind": "uncertainty_value", "confidence_name": "certainty"}, "from which Dice"),
        ({**ASKED, "confidence_within_mm": "99"}, "less than or equal to 30"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_told_at_its_field(organiser, empty, sent, told):
    sent = {"show dice": "on", "rank dice": "on", **sent}
    answer = send(organiser, empty, "metrics", **sent)
    assert answer.status_code == 422
    assert told in answer.content.decode()


def test_what_is_of_the_other_kind_is_left_out(organiser, empty):
    both = {"confidence_within_mm": "5", "confidence_dice_at_least": "0.75"}
    value = {"confidence_kind": "uncertainty_value", "confidence_name": "certainty"}
    send(organiser, empty, "metrics", **{"show dice": "on", "rank dice": "on"}, **value, **both)
    empty.refresh_from_db()
    assert empty.draft["evaluation"]["confidence"] == {**VALUE, "required": False}


def test_a_folder_on_disk_asks_too(folder):
    file = folder / "challenge.yaml"
    written = yaml.safe_load(file.read_text())
    written["evaluation"] = {**written.get("evaluation", {}), "confidence": MAP}
    file.write_text(yaml.safe_dump(written))
    asked = read_definition(file).evaluation.confidence
    assert asked is not None
    assert asked.place == "/output/images/pet-probability/"
