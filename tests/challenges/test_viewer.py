"""What the case viewer shows, to whom, and who is recorded for having looked."""

import re
from datetime import timedelta

import numpy as np
import pytest
from django.test import Client
from django.utils import timezone

from challenges.ingest.pictures import COLOURS
from challenges.models import Access, Case, Membership, Phase
from challenges.services.members import add_member
from evaluation.volumes import Volume, read_volume, write_mha
from tests.factories import a_challenge, a_phase, a_user
from tests.scans import GRID, pet_with_lesion

READERS = [{"name": f"Reader {letter}", "file": f"reader-{letter.lower()}"} for letter in "ABC"]


def body(response):
    return b"".join(response.streaming_content)


def signed_in(name):
    client = Client()
    client.force_login(a_user(name))
    return client


def masks_on(page):
    """(address, colour) of each checkbox."""
    return re.findall(r'data-mask="([^"]*)" data-colour="([^"]*)"', page.content.decode())


def organisers_page(case):
    return f"/organise/{case.dataset.challenge.slug}/cases/{case.public_id}/"


def public_page(phase, case):
    return f"/challenges/{phase.challenge.slug}/{phase.slug}/cases/{case.public_id}/"


@pytest.fixture
def phase(db, tmp_path):
    return a_phase(a_challenge(tmp_path, slug="seen"))


@pytest.fixture
def case(phase):
    return phase.dataset.cases.get(name="case-1")


@pytest.fixture
def read_thrice(db, tmp_path):
    """Two readers who drew the lesion and one who drew a part of it; then their majority."""
    from challenges.services.importing import import_challenge
    from tests.scans import write_challenge

    folder = write_challenge(tmp_path / "three", slug="three", cases=1, readers=READERS)
    mask = (pet_with_lesion(0) >= 2.5).astype(np.uint8)
    part = mask.copy()
    part[3:] = 0
    (folder / "case-1" / "reference.mha").unlink()
    for reader, drawn in zip(READERS, (mask, mask, part), strict=True):
        path = folder / "case-1" / f"{reader['file']}.mha"
        path.write_bytes(write_mha(Volume(drawn, GRID)))
    challenge, _ = import_challenge(folder=folder, organiser=a_user("organiser"))
    return challenge.dataset.cases.get(), mask, part


def test_the_pet_leaves_as_it_is_stored(case, organiser, tmp_path):
    response = organiser.get(f"{organisers_page(case)}images/pet.mha")
    copy = tmp_path / "pet.mha"
    copy.write_bytes(body(response))
    assert copy.read_bytes() == case.images.get().file.read()
    np.testing.assert_array_equal(read_volume(copy).voxels, pet_with_lesion(0))
    assert int(response["Content-Length"]) == copy.stat().st_size


def test_each_readers_mask_is_offered_in_the_colour_of_the_picture_and_the_consensus_without_one(
    read_thrice, organiser, tmp_path
):
    case, mask, part = read_thrice
    offered = masks_on(organiser.get(organisers_page(case)))
    assert [colour for _, colour in offered] == [*COLOURS[:3], ""]
    for (address, _), expected in zip(offered, (mask, mask, part, mask), strict=True):
        copy = tmp_path / "mask.mha"
        copy.write_bytes(body(organiser.get(address)))
        np.testing.assert_array_equal(read_volume(copy).voxels, expected)


def test_an_image_or_mask_that_is_not_there_is_not_found(case, organiser):
    for rest in ("images/ct.mha", "images/mri.mha", "masks/0.mha", "masks/2.mha"):
        assert organiser.get(organisers_page(case) + rest).status_code == 404


def test_a_case_of_another_challenge_is_not_found_under_this_one(case, organiser, tmp_path):
    other = a_challenge(tmp_path, slug="other", cases=1).dataset.cases.get()
    address = f"{organisers_page(case).replace(case.public_id, other.public_id)}images/pet.mha"
    assert organiser.get(address).status_code == 404


@pytest.mark.parametrize("what", ["image", "mask"])
def test_each_look_at_a_hidden_case_is_recorded_the_kept_copy_too(case, organiser, what):
    Phase.objects.update(cases=Phase.Cases.HIDDEN)
    rest = {"image": "images/pet.mha", "mask": "masks/1.mha"}[what]
    first = organiser.get(organisers_page(case) + rest)
    body(first)
    assert first["Cache-Control"] == "private, no-cache"
    again = organiser.get(organisers_page(case) + rest, headers={"If-None-Match": first["ETag"]})
    assert again.status_code == 304
    seen = Access.objects.get(what=what)
    assert (seen.user.username, seen.case, seen.times) == ("organiser", "case-1", 2)


def test_of_a_public_case_no_look_is_recorded(phase, case):
    body(signed_in("ada").get(f"{public_page(phase, case)}images/pet.mha"))
    assert not Access.objects.exists()


def test_anyone_sees_a_public_case_with_its_source(phase, case):
    page = Client().get(public_page(phase, case))
    assert page.status_code == 200
    assert "Simulated for a test. Licence: CC0" in page.content.decode()
    assert body(Client().get(f"{public_page(phase, case)}images/pet.mha"))


def test_references_of_a_public_test_stay_with_the_organisers(phase, case):
    assert masks_on(Client().get(public_page(phase, case))) == []
    for client in (Client(), signed_in("ada"), signed_in("organiser")):
        assert client.get(f"{public_page(phase, case)}masks/1.mha").status_code == 404


def test_where_cases_are_given_away_their_outlines_are_shown(phase, case):
    Phase.objects.update(gives_away=True)
    [(address, colour)] = masks_on(Client().get(public_page(phase, case)))
    assert colour == COLOURS[0]
    assert body(Client().get(address)) == case.annotations.get().file.read()


@pytest.mark.parametrize(
    "change",
    [
        {"cases": Phase.Cases.HIDDEN},
        {"opens_at": timezone.now() + timedelta(hours=1)},
        {"split": "train"},
    ],
    ids=["hidden", "not yet open", "of another split"],
)
def test_a_case_that_is_not_public_now_has_no_public_page_for_anyone(phase, case, change):
    Phase.objects.update(gives_away=True, **change)
    add_member(challenge=phase.challenge, user=a_user("steward"), role=Membership.Role.STEWARD)
    for client in (Client(), signed_in("ada"), signed_in("steward"), signed_in("organiser")):
        for rest in ("", "images/pet.mha", "masks/1.mha"):
            assert client.get(public_page(phase, case) + rest).status_code == 404


def test_an_excluded_case_has_no_public_page(phase, case):
    Case.objects.filter(pk=case.pk).update(excluded_at=timezone.now())
    assert Client().get(public_page(phase, case)).status_code == 404


def test_a_draft_has_no_public_page(phase, case):
    type(phase.challenge).objects.update(published_at=None)
    assert Client().get(public_page(phase, case)).status_code == 404


def test_the_challenge_leads_to_its_public_cases_and_to_no_hidden_one(phase, case):
    page = f"/challenges/{phase.challenge.slug}/"
    link = f'href="{public_page(phase, case)}"'
    assert link in Client().get(page).content.decode()
    Phase.objects.update(cases=Phase.Cases.HIDDEN)
    for client in (Client(), signed_in("organiser")):
        assert link not in client.get(page).content.decode()


def test_of_the_table_only_the_public_columns_are_shown(db, tmp_path):
    phase = a_phase(a_challenge(tmp_path, slug="columns", public_columns=["centre"]))
    case = phase.dataset.cases.get(name="case-1")
    case.metadata["weight_kg"] = "81.5"
    case.save()
    page = Client().get(public_page(phase, case)).content.decode()
    assert "centre-1" in page
    assert "81.5" not in page


def test_the_window_begins_as_the_definition_says_and_a_draft_has_one_too(
    draft, organiser, tmp_path
):
    address = organisers_page(draft.dataset.cases.first())
    assert 'data-suv-max="7"' in organiser.get(address).content.decode()
    draft.draft["picture_suv_max"] = 12.5
    draft.save()
    assert 'data-suv-max="12.5"' in organiser.get(address).content.decode()
    draft.draft["picture_suv_max"] = "much"
    draft.save()
    assert 'data-suv-max="7"' in organiser.get(address).content.decode()
