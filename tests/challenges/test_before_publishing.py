"""What an organiser is told before something that cannot be taken back."""

import pytest

from challenges.changes import Change, changes
from challenges.selectors.splits import PhaseUse, SplitCount, split_counts
from challenges.services.deciding import assign_splits
from challenges.services.publishing import publish
from tests.factories import a_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def divided(draft):
    names = list(draft.dataset.cases.order_by("position").values_list("name", flat=True))
    splits = dict(zip(names, ["training", "test", "test"], strict=True))
    assign_splits(challenge=draft, splits=splits, how="by hand", by=a_user("organiser"))
    return draft


def with_phases(challenge, *phases):
    challenge.draft = {**challenge.draft, "phases": list(phases)}
    challenge.save()


def test_stored_splits_are_counted_with_the_phases_that_use_them(divided):
    with_phases(
        divided,
        {"slug": "training", "title": "Training", "cases": "public", "split": "training"},
        {"slug": "all", "title": "Everything", "cases": "hidden"},
    )
    everything = PhaseUse("Everything", "hidden")
    assert split_counts(divided) == (
        SplitCount("test", 2, 2, (everything,)),
        SplitCount("training", 1, 1, (PhaseUse("Training", "public"), everything)),
    )


def test_a_split_that_no_phase_uses_is_told(organiser, divided):
    with_phases(divided, {"slug": "test", "title": "Test", "cases": "hidden", "split": "test"})
    for page in ("splits", "publish"):
        text = organiser.get(f"/organise/draft/{page}/").content.decode()
        assert "Test (hidden)" in text
        assert "no phase" in text


def test_that_excluding_a_case_amends_at_once_is_told_where_it_is_done(organiser, draft):
    case = draft.dataset.cases.first()
    address = f"/organise/draft/cases/{case.public_id}/"
    told = "an amendment, in force at once"
    assert told not in organiser.get(address).content.decode()
    publish(challenge=draft, by=a_user("organiser"))
    assert told in organiser.get(address).content.decode()


def test_an_amendment_is_not_dropped_by_one_press_beside_publishing(organiser, draft):
    publish(challenge=draft, by=a_user("organiser"))
    draft.refresh_from_db()
    document = dict(draft.protocols.get().document)
    draft.draft = {**document, "summary": "Other words."}
    draft.save()
    text = organiser.get("/organise/draft/publish/").content.decode()
    assert text.index("<summary>Drop these changes") < text.index("Drop them for good")


def test_a_phase_that_takes_no_submissions_has_no_leaderboard_to_go_to(client, divided):
    with_phases(
        divided,
        {
            "slug": "training",
            "title": "Training",
            "kind": "training",
            "cases": "public",
            "split": "training",
        },
        {"slug": "test", "title": "Test", "cases": "hidden", "split": "test"},
    )
    publish(challenge=divided, by=a_user("organiser"))
    text = client.get("/challenges/draft/").content.decode()
    assert "/challenges/draft/test/leaderboard/" in text
    assert "/challenges/draft/training/leaderboard/" not in text


def test_a_change_of_metrics_is_written_for_people() -> None:
    lesions = {"lesion_f1": {"min_iou": 0.1, "whole": True}}
    found = changes({"metrics": ["dice", lesions]}, {"metrics": ["dice", lesions, "jaccard"]})
    before = "dice, lesion_f1 (min_iou 0.1, whole yes)"
    assert found == (Change("metrics", before, f"{before}, jaccard"),)
