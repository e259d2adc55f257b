"""Cases given away: terms first, then a zip that can be imported again; never a hidden case."""

import csv
import io
import tracemalloc
import zipfile
from datetime import timedelta

import numpy as np
import pytest
import yaml
from django.core.files.base import ContentFile
from django.test import Client
from django.utils import timezone

from challenges.models import Acceptance, Challenge, Download, Image, Phase
from challenges.services import giving
from challenges.services.importing import import_challenge
from challenges.services.publishing import amend
from evaluation.volumes import Volume, read_volume, write_mha
from tests.factories import a_challenge, a_phase, a_user
from tests.scans import GRID, pet_with_lesion, write_challenge

TERMS = "Research only. No attempt to find out who the patients are."
READERS = [{"name": f"Reader {letter}", "file": f"reader-{letter.lower()}"} for letter in "ABC"]


@pytest.fixture
def phase(db, tmp_path):
    challenge = a_challenge(tmp_path, slug="given", terms=TERMS, public_columns=["centre"])
    Phase.objects.update(gives_away=True)
    return a_phase(challenge)


def signed_in(name="ada"):
    client = Client()
    client.force_login(a_user(name))
    return client


def page_of(phase):
    return f"/challenges/{phase.challenge.slug}/{phase.slug}/data/"


def accept(client, phase):
    page = client.get(page_of(phase))
    return client.post(page_of(phase), {"terms": page.context["terms_sha256"]})


def zip_for(client, phase):
    response = client.get(f"{page_of(phase)}cases.zip")
    assert response.status_code == 200
    return zipfile.ZipFile(io.BytesIO(b"".join(response.streaming_content)))


def downloaded(phase, name="ada"):
    client = signed_in(name)
    accept(client, phase)
    return zip_for(client, phase)


def test_the_terms_come_first(phase):
    client = signed_in()
    assert TERMS in client.get(page_of(phase)).content.decode()
    refused = client.get(f"{page_of(phase)}cases.zip", follow=True)
    assert "accept the terms first" in refused.content.decode()
    assert not Download.objects.exists()
    accept(client, phase)
    assert zip_for(client, phase).testzip() is None


def test_two_people_accept_each_for_themselves(phase):
    accept(signed_in("ada"), phase)
    assert signed_in("bob").get(f"{page_of(phase)}cases.zip").status_code == 302


def test_terms_are_accepted_once_for_each_wording(phase):
    client = signed_in()
    accept(client, phase)
    accept(client, phase)
    assert Acceptance.objects.count() == 1
    amended(phase, terms="Research only, and cite us.")
    assert client.get(f"{page_of(phase)}cases.zip").status_code == 302
    accept(client, phase)
    assert zip_for(client, phase)
    assert Acceptance.objects.count() == 2


def test_terms_that_changed_while_they_were_read_are_not_accepted(phase):
    client = signed_in()
    read = client.get(page_of(phase)).context["terms_sha256"]
    amended(phase, terms="All rights are ours.")
    answer = client.post(page_of(phase), {"terms": read})
    assert answer.status_code == 422
    assert "have changed since you opened this page" in answer.content.decode()
    assert not Acceptance.objects.exists()


def amended(phase, **changes):
    challenge = Challenge.objects.get(pk=phase.challenge_id)
    protocol = challenge.protocols.order_by("-version")[0]
    document = {**protocol.document, **changes}
    document["phases"] = [{**one, "download": True} for one in document["phases"]]
    amend(challenge=challenge, document=document, by=a_user("organiser"), reason="The wording.")


def test_without_terms_there_is_nothing_to_accept(db, tmp_path):
    phase = a_phase(a_challenge(tmp_path, slug="free"))
    Phase.objects.update(gives_away=True)
    assert zip_for(signed_in(), phase)


def test_imported_again_it_gives_the_same_images_and_masks(phase, tmp_path):
    downloaded(phase).extractall(tmp_path / "again")
    rename(tmp_path / "again", "again")
    again, _ = import_challenge(folder=tmp_path / "again", organiser=a_user("organiser"))
    assert hashes(again) == hashes(phase.challenge)
    assert len(hashes(again)) == 3


def test_of_three_readers_it_holds_each_mask_and_their_consensus_and_imports_alike(db, tmp_path):
    folder = write_challenge(tmp_path / "three", slug="three", cases=2, readers=READERS)
    for number in range(2):
        home, mask = folder / f"case-{number + 1}", pet_with_lesion(number) >= 2.5
        (home / "reference.mha").unlink()
        for slices, reader in enumerate(READERS):
            drawn = mask.astype(np.uint8)
            drawn[5 - slices :] = 0
            (home / f"{reader['file']}.mha").write_bytes(write_mha(Volume(drawn, GRID)))
    challenge, _ = import_challenge(folder=folder, organiser=a_user("organiser"))
    Phase.objects.update(gives_away=True)
    archive = downloaded(a_phase(challenge))
    inside = {name for name in archive.namelist() if name.startswith("case-1/")}
    stems = ("pet", "reference", *(one["file"] for one in READERS))
    assert inside == {f"case-1/{stem}.mha" for stem in stems}
    archive.extractall(tmp_path / "again")
    consensus = read_volume(tmp_path / "again" / "case-1" / "reference.mha").voxels
    assert np.flatnonzero(consensus.any(axis=(1, 2))).tolist() == [2, 3]  # two of three drew these
    rename(tmp_path / "again", "again")
    again, _ = import_challenge(folder=tmp_path / "again", organiser=a_user("organiser"))
    assert hashes(again) == hashes(challenge)


def rename(folder, slug):
    path = folder / "challenge.yaml"
    path.write_text(yaml.safe_dump({**yaml.safe_load(path.read_text()), "slug": slug}))


def hashes(challenge):
    """By case: everything that is drawn, measured or scored against."""
    return {
        case.name: (
            sorted(case.images.values_list("modality", "sha256")),
            sorted(case.annotations.values_list("reader__name", "repeat", "sha256")),
            sorted(case.references.values_list("sha256", flat=True)),
            case.patient,
            case.split,
            case.inputs,
        )
        for case in challenge.dataset.cases.all()
    }


def test_of_the_table_only_the_public_columns_leave(phase):
    for case in phase.dataset.cases.all():
        case.metadata["weight_kg"] = "81.5"
        case.save()
    text = downloaded(phase).read("cases.csv").decode()
    first, *rows = csv.reader(io.StringIO(text))
    assert first == ["case_id", "patient_id", "split", "centre"]
    assert rows[0] == ["case-1", "patient-1", "", "centre-1"]
    assert len(rows) == 3


def test_source_licence_citations_and_terms_lie_in_it(db, tmp_path):
    source = {
        "text": "Acquired in 2011.",
        "licence": "CC BY 3.0",
        "citations": [{"text": "Vallières et al.", "doi": "10.1088/0031-9155/60/14/5471"}],
    }
    phase = a_phase(a_challenge(tmp_path, slug="cited", terms=TERMS, source=source))
    Phase.objects.update(gives_away=True)
    text = downloaded(phase).read("LICENCE.txt").decode()
    for part in (
        "Acquired in 2011.",
        "CC BY 3.0",
        "Vallières et al. https://doi.org/10.1088",
        TERMS,
    ):
        assert part in text


def test_an_excluded_case_is_not_in_it(phase):
    phase.dataset.cases.filter(name="case-2").update(excluded_at=timezone.now())
    archive = downloaded(phase)
    assert not [name for name in archive.namelist() if "case-2" in name]
    assert "case-2" not in archive.read("cases.csv").decode()


def test_a_case_of_another_split_is_not_in_it(phase):
    phase.dataset.cases.filter(name="case-3").update(split="test")
    phase.dataset.cases.exclude(name="case-3").update(split="train")
    Phase.objects.update(split="train")
    archive = downloaded(a_phase(phase.challenge))
    assert {name.split("/")[0] for name in archive.namelist() if "/" in name} == {
        "case-1",
        "case-2",
    }
    assert "case-3" not in archive.read("cases.csv").decode()


@pytest.mark.parametrize(
    "change",
    [
        {"cases": Phase.Cases.HIDDEN},
        {"gives_away": False},
        {"opens_at": timezone.now() + timedelta(hours=1)},
    ],
    ids=["hidden", "not given away", "not yet open"],
)
def test_what_is_not_given_away_is_not_found_by_anyone(phase, change):
    for name in ("ada", "organiser"):
        accept(signed_in(name), phase)
    Phase.objects.update(**change)
    for name in ("ada", "organiser"):
        for address in (page_of(phase), f"{page_of(phase)}cases.zip"):
            assert signed_in(name).get(address).status_code == 404
    assert not Download.objects.exists()
    page = signed_in("organiser").get(f"/challenges/{phase.challenge.slug}/")
    assert page_of(phase) not in page.content.decode()


def test_the_challenge_leads_to_what_is_given_away(phase):
    page = Client().get(f"/challenges/{phase.challenge.slug}/").content.decode()
    assert page_of(phase) in page


def test_each_download_is_kept_and_the_organisers_alone_see_whose(phase):
    downloaded(phase, "ada")
    downloaded(phase, "ada")
    downloaded(phase, "bob")
    kept = Download.objects.order_by("pk").values_list("user__username", "cases")
    assert list(kept) == [("ada", 3), ("ada", 3), ("bob", 3)]
    assert "<td>bob</td>" in signed_in("organiser").get(page_of(phase)).content.decode()
    assert "<td>bob</td>" not in signed_in("ada").get(page_of(phase)).content.decode()


def test_a_file_that_the_store_has_lost_ends_the_download_before_it_begins(phase):
    image = Image.objects.first()
    image.file.storage.delete(image.file.name)
    with pytest.raises(FileNotFoundError):
        giving.contents(phase)


def test_the_zip_is_never_held_whole(phase):
    """Of 60 MB that are streamed, no more than a few pieces are in memory at any time."""
    big = np.random.default_rng(0).bytes(20 * 1024 * 1024)
    for image in Image.objects.all():
        image.file.save(f"big-{image.pk}.mha", ContentFile(big))
    del big
    entries = giving.contents(phase)
    tracemalloc.start()
    sent = sum(len(piece) for piece in giving.stream(entries))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert sent > 60 * 1024 * 1024
    assert sent - giving.size_of(entries) < 10_000
    assert peak < 8 * 1024 * 1024


def test_whoever_breaks_off_leaves_no_file_open(phase):
    pieces = giving.stream(giving.contents(phase))
    next(pieces)
    pieces.close()
