"""Data arrive in an archive, are shown before they are stored, and are stored case by case."""

import base64
import io
import zipfile
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from challenges.leases import Watch
from challenges.models import Case, DataImport
from challenges.services import arrivals, importing, imports
from challenges.services.publishing import publish
from challenges.storage import untrusted
from challenges.untouched import Untouched
from tests.factories import a_user

pytestmark = pytest.mark.django_db
TUS = {"Tus-Resumable": "1.0.0"}
State = DataImport.State


def zipped(folder: Path, leave_out: str = "challenge.yaml") -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file() and path.name != leave_out:
                archive.write(path, path.relative_to(folder.parent))
    return content.getvalue()


def taken(challenge, content: bytes) -> DataImport:
    file = SimpleUploadedFile("data.zip", content)
    return imports.take_file(challenge=challenge, user=a_user("organiser"), file=file)


def work() -> None:
    while imports.bring_data_next(worker="here:1"):
        pass


@pytest.fixture(autouse=True)
def store(settings, tmp_path):
    """Untrusted storage of this test's own."""
    place = tmp_path / "untrusted"
    place.mkdir()
    kept = {**settings.STORAGES["untrusted"], "OPTIONS": {"location": place}}
    settings.STORAGES = {**settings.STORAGES, "untrusted": kept}


def left_over() -> list[Path]:
    return list(Path(untrusted().path("imports")).iterdir())


def test_it_is_shown_what_was_found_and_nothing_is_stored_before_it_is_confirmed(empty, folder):
    row = taken(empty, zipped(folder))
    work()
    row.refresh_from_db()
    assert row.state == State.SURVEYED
    assert row.survey["title"] == "A folder for each case"
    assert (row.survey["found"], row.survey["complete"]) == (3, 3)
    assert [one["name"] for one in row.survey["readers"]] == ["Expert"]
    assert not Case.objects.exists()
    assert imports.confirm(row=row, choices={})
    work()
    row.refresh_from_db()
    assert (row.state, row.cases_done, row.cases_total) == (State.DONE, 3, 3)
    assert list(empty.dataset.cases.values_list("metadata__centre", flat=True)) == [
        "centre-1", "centre-2", "centre-1",
    ]  # fmt: skip
    assert left_over() == []
    assert not imports.confirm(row=row, choices={})


def test_an_incomplete_case_is_left_out_with_its_reason(empty, folder):
    (folder / "case-2" / "reference.mha").unlink()
    row = taken(empty, zipped(folder))
    work()
    row.refresh_from_db()
    assert row.survey["complete"] == 2
    assert [one["name"] for one in row.survey["incomplete"]] == ["case-2"]
    assert row.survey["incomplete"][0]["reasons"] == ["no reference"]


def test_a_case_that_cannot_be_read_is_refused_and_nothing_of_it_is_kept(empty, folder):
    path = folder / "case-3" / "pet.mha"
    path.write_bytes(path.read_bytes()[:-40])
    row = taken(empty, zipped(folder))
    work()
    row.refresh_from_db()
    imports.confirm(row=row, choices={})
    work()
    row.refresh_from_db()
    assert row.state == State.DONE
    assert [problem["place"] for problem in row.problems] == ["case-3/pet.mha"]
    assert list(Case.objects.values_list("name", flat=True)) == ["case-1", "case-2"]


def test_a_hostile_archive_is_refused_with_a_sentence(empty):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("../outside.txt", "x")
    row = taken(empty, content.getvalue())
    work()
    row.refresh_from_db()
    assert row.state == State.REFUSED
    assert "outside.txt" in row.problems[0]["text"]
    assert left_over() == []


def test_a_worker_that_dies_in_the_middle_loses_and_doubles_nothing(empty, folder, monkeypatch):
    row = taken(empty, zipped(folder))
    work()
    row.refresh_from_db()
    imports.confirm(row=row, choices={})

    class Killed(BaseException):
        pass

    def dies(**fields):
        if Case.objects.count() == 2:
            raise Killed
        return stored(**fields)

    stored = importing.store_case
    with monkeypatch.context() as patched:
        patched.setattr("challenges.services.importing.store_case", dies)
        with pytest.raises(Killed):
            work()
    kept = set(Case.objects.values_list("pk", flat=True))
    assert len(kept) == 2
    now = 0.0
    watch = Watch(60, lambda: now)
    imports.reconcile(watch)
    now = 61.0
    imports.reconcile(watch)
    row.refresh_from_db()
    assert row.state == State.QUEUED
    work()
    row.refresh_from_db()
    assert row.state == State.DONE
    assert Case.objects.count() == 3
    assert kept < set(Case.objects.values_list("pk", flat=True))


def test_what_kills_worker_after_worker_ends_with_a_reason(empty, folder):
    row = taken(empty, zipped(folder))
    for _ in range(imports.PLATFORM_FAULTS):
        DataImport.objects.filter(pk=row.pk).update(
            state=State.SURVEYING, leased_by="gone:stopped", beat_at=None
        )
        imports.reconcile(Watch(60))
    row.refresh_from_db()
    assert row.state == State.REFUSED
    assert "died one after another" in row.problems[0]["text"]


def test_a_cancelled_import_keeps_what_is_stored_and_removes_the_archive(empty, folder):
    row = taken(empty, zipped(folder))
    work()
    assert imports.cancel(row=row)
    row.refresh_from_db()
    assert row.state == State.CANCELLED
    assert left_over() == []
    assert not imports.cancel(row=row)


def test_of_a_published_challenge_the_data_are_frozen(draft, folder):
    publish(challenge=draft, by=None)
    with pytest.raises(imports.UploadRefused, match="frozen"):
        taken(draft, zipped(folder))


class TestTus:
    def begin(self, organiser, content: bytes) -> str:
        name = base64.b64encode(b"my data.zip").decode()
        answer = organiser.post(
            "/organise/empty/data/uploads/",
            headers={
                **TUS, "Upload-Length": str(len(content)), "Upload-Metadata": f"filename {name}",
            },
        )  # fmt: skip
        assert answer.status_code == 201
        return str(answer["Location"])

    def send(self, organiser, address: str, offset: int, content: bytes):
        return organiser.generic(
            "PATCH",
            address,
            content,
            content_type="application/offset+octet-stream",
            headers={**TUS, "Upload-Offset": str(offset)},
        )

    def test_an_upload_that_broke_off_goes_on_where_it_was(self, organiser, empty, folder):
        content = zipped(folder)
        address = self.begin(organiser, content)
        half = len(content) // 2
        assert self.send(organiser, address, 0, content[:half])["Upload-Offset"] == str(half)
        found = organiser.head(address, headers=TUS)
        assert (found["Upload-Offset"], found["Upload-Length"]) == (str(half), str(len(content)))
        assert found["Cache-Control"] == "no-store"
        assert self.send(organiser, address, half, content[half:]).status_code == 204
        work()
        row = DataImport.objects.get()
        assert (row.state, row.name) == (State.SURVEYED, "my data.zip")
        assert row.survey["complete"] == 3

    def test_a_part_that_begins_elsewhere_is_refused(self, organiser, empty):
        address = self.begin(organiser, b"x" * 10)
        assert self.send(organiser, address, 5, b"xxxxx").status_code == 409
        assert organiser.head(address, headers=TUS)["Upload-Offset"] == "0"

    def test_more_than_was_announced_is_refused(self, organiser, empty):
        address = self.begin(organiser, b"x" * 10)
        assert self.send(organiser, address, 0, b"x" * 11).status_code == 413

    def test_too_much_is_refused_before_it_is_sent(self, organiser, empty, settings):
        settings.DATA_UPLOAD_BYTES = 100
        answer = organiser.post(
            "/organise/empty/data/uploads/", headers={**TUS, "Upload-Length": "101"}
        )
        assert answer.status_code == 413
        assert "at most 100" in answer.content.decode()

    @pytest.mark.parametrize("length", ["", "-1", "many"])
    def test_a_length_that_is_none_is_refused(self, organiser, empty, length):
        answer = organiser.post(
            "/organise/empty/data/uploads/", headers={**TUS, "Upload-Length": length}
        )
        assert answer.status_code == 400

    def test_another_version_of_the_protocol_is_refused(self, organiser, empty):
        answer = organiser.post("/organise/empty/data/uploads/", headers={"Upload-Length": "1"})
        assert answer.status_code == 412
        assert answer["Tus-Version"] == "1.0.0"


def test_the_pages_lead_from_the_form_to_the_cases(organiser, empty, folder):
    file = SimpleUploadedFile("data.zip", zipped(folder))
    answer = organiser.post("/organise/empty/data/", {"archive": file})
    address = answer["Location"]
    assert "waiting to be looked through" in organiser.get(address).content.decode()
    work()
    page = organiser.get(address).content.decode()
    assert "3 cases, 0 with CT; 3 complete, of 3 patients." in page
    assert "Import 3 cases" in page
    assert organiser.post(address, {"what": "confirm"}).status_code == 302
    work()
    assert "3 of 3 cases" in organiser.get(address).content.decode()
    page = organiser.get("/organise/empty/quality/").content.decode()
    assert "case-2" in page


def test_masks_of_readers_nobody_named_yet_are_told_with_what_to_do(organiser, empty, folder):
    for case in folder.glob("case-*"):
        (case / "reference.mha").rename(case / "reader-a.mha")
        (case / "reader-b.mha").write_bytes((case / "reader-a.mha").read_bytes())
    row = taken(empty, zipped(folder))
    work()
    page = organiser.get(f"/organise/empty/data/{row.public_id}/").content.decode()
    assert "3 cases, 0 with CT; 0 complete; 3 left out." in page
    assert "its masks (reader-a, reader-b) are of none of the readers" in page
    assert "Masks of none of these readers: reader-a, reader-b." in page
    assert "come back, and look again" in page
    assert "No cases.csv" not in page


def test_a_form_without_a_file_says_what_is_expected(organiser, empty):
    answer = organiser.post("/organise/empty/data/", {})
    assert answer.status_code == 422
    assert "Choose an archive" in answer.content.decode()


def test_a_draft_that_is_deleted_takes_the_data_along_that_were_on_their_way(empty, folder):
    taken(empty, zipped(folder))
    work()
    Path(untrusted().path("imports/half.partial")).mkdir()
    assert len(left_over()) == 3
    importing.discard(challenge=empty)
    assert [one.name for one in left_over()] == ["half.partial"]


def test_what_no_import_waits_for_is_cleared_away_in_time(empty, folder):
    row = taken(empty, zipped(folder))
    work()
    place = Path(untrusted().path("imports"))
    (place / "gone.archive").write_bytes(b"x")
    (place / "gone.partial").mkdir()
    now = [0.0]
    untouched = Untouched(3600, clock=lambda: now[0])
    assert arrivals.reconcile(untouched) == 0
    now[0] = 3600.0
    assert arrivals.reconcile(untouched) == 2
    assert {one.name.partition(".")[0] for one in left_over()} == {row.public_id}
