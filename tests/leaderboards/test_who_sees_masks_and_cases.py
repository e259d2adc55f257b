"""To whom cases, references and other people's masks behind a leaderboard are shown."""

from datetime import timedelta

import numpy as np
import pytest
from django.test import Client
from django.utils import timezone

from challenges.models import Access, Membership, Phase
from challenges.services import teams
from challenges.services.members import add_member
from evaluation.marked import FALSE, MISSED
from evaluation.volumes import Volume, read_volume, write_mha
from tests.factories import a_challenge, a_phase, a_user
from tests.leaderboards.entered import entered
from tests.scans import GRID, pet_with_lesion

HELD = (pet_with_lesion(0) >= 2.5).astype(np.uint8)
ELSEWHERE = np.zeros(GRID.shape, np.uint8)
ELSEWHERE[6, 8, 1:4] = 1


def body(response):
    return b"".join(response.streaming_content) if response.streaming else response.content


def client_of(name):
    client = Client()
    if name:
        client.force_login(a_user(name))
    return client


@pytest.fixture
def phase(db, tmp_path, monkeypatch) -> Phase:
    monkeypatch.setattr("challenges.hints.current_app.send_task", lambda *_, **__: None)
    phase = a_phase(a_challenge(tmp_path, slug="seen"))
    add_member(challenge=phase.challenge, user=a_user("steward"), role=Membership.Role.STEWARD)
    Phase.objects.update(gives_away=True)
    return a_phase(phase.challenge)


@pytest.fixture
def entry(phase):
    """Ada's, for a team that Bert is in: it draws another place and no lesion."""
    team = teams.create_team(challenge=phase.challenge, user=a_user("ada"), name="Ours")
    teams.join_team(challenge=phase.challenge, user=a_user("bert"), invitation=team.invitation)
    submission = entered(phase, a_user("ada"), [ELSEWHERE] * 3)
    submission.team = team
    submission.save()
    return submission


def page_of(phase, case):
    return f"/challenges/{phase.challenge.slug}/{phase.slug}/leaderboard/cases/{case.public_id}/"


def first_case(phase):
    return phase.dataset.cases.get(name="case-1")


def addresses(phase, entry):
    page = page_of(phase, first_case(phase))
    own = f"{page}entries/{entry.public_id}"
    return f"{page}?entries={entry.public_id}", f"{own}/mask.mha", f"{own}/lesions-1.mha"


def answers(phase, entry):
    """By person, the status of the page, the mask and the lesions."""
    return {
        name: tuple(client_of(name).get(one).status_code for one in addresses(phase, entry))
        for name in ("", "cleo", "ada", "bert", "organiser", "steward")
    }


ALL, PAGE, NONE = (200, 200, 200), (200, 404, 404), (404, 404, 404)
OWN = {"ada": ALL, "bert": ALL, "organiser": ALL, "steward": ALL}


def test_a_mask_is_for_its_team_and_the_organisers_and_the_page_for_everyone(phase, entry):
    assert answers(phase, entry) == {"": PAGE, "cleo": PAGE, **OWN}


def test_a_baseline_is_drawn_for_everyone_where_cases_are_given_away(phase):
    baseline = entered(phase, a_user("organiser"), [ELSEWHERE] * 3, baseline=True)
    assert set(answers(phase, baseline).values()) == {ALL}


def test_where_references_stay_so_does_whatever_tells_of_them(phase, entry):
    """A baseline may be what a reader drew."""
    Phase.objects.update(gives_away=False)
    own = (200, 200, 404)
    assert answers(phase, entry) == {
        "": PAGE, "cleo": PAGE, "ada": own, "bert": own, "organiser": ALL, "steward": ALL,
    }  # fmt: skip
    baseline = entered(phase, a_user("organiser"), [ELSEWHERE] * 3, baseline=True)
    assert answers(phase, baseline)["cleo"] == PAGE
    page = client_of("cleo").get(addresses(phase, entry)[0]).content.decode()
    assert "masks/1.mha" not in page
    assert "not given away" in page


@pytest.mark.parametrize(
    "change",
    [{"cases": Phase.Cases.HIDDEN}, {"opens_at": timezone.now() + timedelta(hours=1)}],
    ids=["hidden", "not yet open"],
)
def test_cases_that_are_not_public_now_are_for_organisers_and_stewards(phase, entry, change):
    Phase.objects.update(**change)
    assert answers(phase, entry) == {
        "": NONE, "cleo": NONE, "ada": NONE, "bert": NONE, "organiser": ALL, "steward": ALL,
    }  # fmt: skip
    compare = f"/challenges/seen/{phase.slug}/leaderboard/compare/"
    assert client_of("ada").get(compare).status_code == 404
    assert client_of("steward").get(compare).status_code == 200


def test_of_an_unpublished_challenge_nobody_sees_a_leaderboard_case(phase, entry):
    type(phase.challenge).objects.update(published_at=None)
    assert set(answers(phase, entry).values()) == {NONE}


def test_each_look_at_a_hidden_case_is_recorded_the_kept_copy_too(phase, entry):
    Phase.objects.update(cases=Phase.Cases.HIDDEN)
    organiser = client_of("organiser")
    page, mask, lesions = addresses(phase, entry)
    organiser.get(page)
    organiser.get(f"/challenges/seen/{phase.slug}/leaderboard/compare/")
    first = organiser.get(mask)
    body(first)
    again = organiser.get(mask, headers={"If-None-Match": first["ETag"]})
    assert again.status_code == 304
    body(organiser.get(lesions))
    found = {(one.what, one.case): one.times for one in Access.objects.all()}
    assert found == {("scores", "case-1"): 1, ("scores", ""): 1, ("mask", "case-1"): 3}


def test_of_a_public_case_no_look_is_recorded(phase, entry):
    for address in addresses(phase, entry):
        body(client_of("ada").get(address))
    assert not Access.objects.exists()


def test_a_person_is_told_whose_masks_are_withheld(phase, entry):
    page = client_of("cleo").get(addresses(phase, entry)[0]).content.decode()
    assert "seen by its team and by the challenge’s organisers" in page
    assert "mask.mha" not in page
    assert (
        "seen by its team" not in client_of("bert").get(addresses(phase, entry)[0]).content.decode()
    )


def test_what_a_failure_says_in_full_is_for_those_who_may_see_its_log(phase):
    entry = entered(phase, a_user("ada"), [None, HELD, HELD])
    address = addresses(phase, entry)[0]
    for name, in_full in (("", False), ("cleo", False), ("steward", False), ("ada", True),
                          ("organiser", True)):  # fmt: skip
        page = client_of(name).get(address).content.decode()
        assert "Ended with an error" in page, name
        assert ("exit status 42" in page) is in_full, name


def test_the_mask_leaves_as_it_was_scored(phase, entry, tmp_path):
    copy = tmp_path / "mask.mha"
    copy.write_bytes(body(client_of("ada").get(addresses(phase, entry)[1])))
    np.testing.assert_array_equal(read_volume(copy).voxels, ELSEWHERE)
    assert copy.read_bytes() == write_mha(Volume(ELSEWHERE, GRID))


def test_missed_and_false_lesions_are_those_of_the_reference_and_of_the_entry(
    phase, entry, tmp_path
):
    response = client_of("ada").get(addresses(phase, entry)[2])
    copy = tmp_path / "lesions.mha"
    copy.write_bytes(body(response))
    np.testing.assert_array_equal(read_volume(copy).voxels, HELD * MISSED + ELSEWHERE * FALSE)
    assert response["Cache-Control"] == "private, no-cache"
    again = client_of("ada").get(
        addresses(phase, entry)[2], headers={"If-None-Match": response["ETag"]}
    )
    assert again.status_code == 304


def test_of_a_failed_case_every_lesion_is_missed_and_there_is_no_mask(phase, tmp_path):
    entry = entered(phase, a_user("ada"), [None, HELD, HELD])
    _, mask, lesions = addresses(phase, entry)
    assert client_of("ada").get(mask).status_code == 404
    copy = tmp_path / "lesions.mha"
    copy.write_bytes(body(client_of("ada").get(lesions)))
    np.testing.assert_array_equal(read_volume(copy).voxels, HELD * MISSED)


def test_a_mask_of_another_phase_case_or_reference_is_not_found(phase, entry, tmp_path):
    other = a_phase(a_challenge(tmp_path, slug="other", cases=1))
    theirs = entered(other, a_user("ada"), [HELD])
    ada = client_of("ada")
    _, mask, lesions = addresses(phase, entry)
    for wrong in (
        mask.replace(entry.public_id, theirs.public_id),
        mask.replace(entry.public_id, "aaaaaaaaaaaa"),
        mask.replace(first_case(phase).public_id, first_case(other).public_id),
        mask.replace("/seen/", "/other/"),
        lesions.replace("lesions-1", "lesions-2"),
        lesions.replace("lesions-1", "lesions-0"),
    ):
        assert ada.get(wrong).status_code == 404, wrong


def test_whoever_submits_is_told_who_will_see_scores_and_masks(phase):
    page = client_of("cleo").get(f"/challenges/seen/{phase.slug}/submit/").content.decode()
    assert "everyone can see its scores case by case" in page
    assert "its masks are seen by you, your team and the challenge’s organisers" in page
    assert "those of a baseline by everyone" not in page
    page = client_of("organiser").get(f"/challenges/seen/{phase.slug}/submit/").content.decode()
    assert "those of a baseline by everyone" in page
    Phase.objects.update(cases=Phase.Cases.HIDDEN)
    page = client_of("cleo").get(f"/challenges/seen/{phase.slug}/submit/").content.decode()
    assert "case by case" not in page


def test_a_public_case_leads_to_what_entries_drew(phase, entry):
    page = f"/challenges/seen/{phase.slug}/cases/{first_case(phase).public_id}/"
    link = f'href="{page_of(phase, first_case(phase))}"'
    assert link in Client().get(page).content.decode()
