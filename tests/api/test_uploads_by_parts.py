"""A large file comes in parts, breaks off, goes on, and is noticed when it is not what was sent."""

import hashlib
import io
import tarfile

import pytest
from django.utils import timezone

from challenges.receiving import OffsetDiffers
from submissions.models import Submission, Upload
from submissions.services import arriving
from submissions.services.arriving import MOST_UNFINISHED, UNTOUCHED, path_of
from submissions.services.checking import check_next
from submissions.services.clean_up import clean_up
from submissions.services.uploads import submit
from tests.api.conftest import Program
from tests.api.sending import begin, ends_at, send, sha256, upload
from tests.factories import a_user


def a_tar(size=200_000):
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as tar:
        info = tarfile.TarInfo("blobs/weights")
        info.size = size
        tar.addfile(info, io.BytesIO(bytes(range(256)) * (size // 256 + 1)))
    return file.getvalue()


def test_a_file_sent_in_parts_becomes_a_submission(phase, developer):
    content = a_tar()
    made = begin(developer, phase, len(content)).json()
    half = len(content) // 2
    assert send(developer, made["id"], 0, content[:half]).status_code == 204
    assert ends_at(developer, made["id"]) == half
    assert send(developer, made["id"], half, content[half:]).status_code == 204
    row = Upload.objects.get(public_id=made["id"])
    assert path_of(row).read_bytes() == content
    answer = developer.post("/submissions", {"upload": made["id"], "title": "Mine"})
    assert answer.status_code == 201, answer.content
    assert answer.json()["state"] == "received"


def test_submitting_twice_gives_the_same_submission(phase, developer):
    found = upload(developer, phase, a_tar())
    first, second = (
        developer.post("/submissions", {"upload": found, "title": "Mine"}).json() for _ in range(2)
    )
    assert first["id"] == second["id"]
    assert Submission.objects.count() == 1


def test_a_part_that_starts_elsewhere_is_not_taken(phase, developer):
    content = a_tar()
    made = begin(developer, phase, len(content)).json()["id"]
    assert send(developer, made, 5, content[5:]).status_code == 409
    assert send(developer, made, 0, content[:100]).status_code == 204
    assert send(developer, made, 0, content[:100]).status_code == 409
    assert ends_at(developer, made) == 100


def test_a_damaged_part_is_noticed_and_sent_again(phase, developer):
    content = a_tar()
    made = begin(developer, phase, len(content)).json()["id"]
    right = hashlib.sha256(content[:1000]).digest()
    damaged = b"x" + content[1:1000]
    answer = send(developer, made, 0, damaged, checksum=right)
    assert answer.status_code == 460
    assert answer.json()["code"] == "checksum_differs"
    assert ends_at(developer, made) == 0
    assert send(developer, made, 0, content[:1000], checksum=right).status_code == 204
    assert ends_at(developer, made) == 1000


def test_a_file_that_is_not_what_was_announced_is_refused_and_costs_nothing(phase, developer):
    phase.quota_attempts = 1
    phase.save()
    content = a_tar()
    found = upload(developer, phase, content, sha256=sha256(b"another file"))
    developer.post("/submissions", {"upload": found, "title": "Mine"})
    assert check_next(worker="h:1")
    submission = Submission.objects.get()
    assert (submission.state, submission.reason_code) == ("rejected", "checksum_differs")
    assert submission.reason_owner == "platform"
    assert begin(developer, phase, 10).status_code == 201


def test_what_is_no_image_is_refused_as_its_first_mebibyte_comes(phase, developer):
    made = begin(developer, phase, 50_000_000).json()["id"]
    answer = send(developer, made, 0, b"\x89PNG" * 300_000)
    assert answer.status_code == 422
    assert answer.json()["code"] == "not_a_tar"
    assert "docker save" in answer.json()["detail"]
    assert not Upload.objects.filter(public_id=made).exists()


def test_an_exported_file_system_is_refused_before_its_end(phase, developer):
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as tar:
        for name in ("bin/sh", "etc/passwd"):
            info = tarfile.TarInfo(name)
            info.size = 1_000_000
            tar.addfile(info, io.BytesIO(bytes(1_000_000)))
    made = begin(developer, phase, 900_000_000).json()["id"]
    answer = send(developer, made, 0, file.getvalue()[:1_500_000])
    assert answer.status_code == 422
    assert "docker export" in answer.json()["detail"]


@pytest.mark.parametrize("compress", ["gz", "xz"])
def test_the_beginning_of_a_compressed_image_is_taken(phase, developer, compress):
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode=f"w:{compress}") as tar:
        info = tarfile.TarInfo("blobs/sha256/ab")
        info.size = 3_000_000
        tar.addfile(info, io.BytesIO(hashlib.shake_128(b"noise").digest(3_000_000)))
    content = file.getvalue()
    made = begin(developer, phase, len(content)).json()["id"]
    assert send(developer, made, 0, content[:2_000_000]).status_code == 204
    assert send(developer, made, 2_000_000, content[2_000_000:]).status_code == 204


def test_more_than_was_announced_is_refused(phase, developer):
    made = begin(developer, phase, 10).json()["id"]
    assert send(developer, made, 0, bytes(11)).status_code == 422


def test_a_file_that_is_too_large_is_refused_before_its_first_byte(phase, developer, settings):
    settings.UPLOAD_BYTES = 1000
    answer = begin(developer, phase, 1001)
    assert answer.status_code == 422
    assert "1000" in answer.json()["detail"]


def test_a_quota_that_is_used_up_is_told_before_the_first_byte_and_again_at_the_end(
    phase, developer
):
    phase.quota_attempts = 1
    phase.save()
    first, second = (upload(developer, phase, a_tar()) for _ in range(2))
    assert developer.post("/submissions", {"upload": first, "title": "A"}).status_code == 201
    refused = developer.post("/submissions", {"upload": second, "title": "B"})
    assert refused.status_code == 429
    assert refused.json()["code"] == "quota_used_up"
    assert begin(developer, phase, 10).status_code == 429
    assert path_of(Upload.objects.get(public_id=second)).exists(), "nothing is lost"


def test_a_phase_that_closed_meanwhile_takes_nothing(phase, developer):
    found = upload(developer, phase, a_tar())
    phase.closes_at = timezone.now()
    phase.save()
    refused = developer.post("/submissions", {"upload": found, "title": "Late"})
    assert refused.status_code == 409
    assert "closed" in refused.json()["detail"]
    assert begin(developer, phase, 10).status_code == 422


def test_someone_elses_upload_looks_like_none(phase, developer):
    found = upload(developer, phase, a_tar())
    rival = Program(a_user("rival"))
    assert rival.ask("HEAD", f"/uploads/{found}").status_code == 404
    assert send(rival, found, 0, b"x").status_code == 404
    assert rival.ask("DELETE", f"/uploads/{found}").status_code == 404
    assert rival.post("/submissions", {"upload": found, "title": "Stolen"}).status_code == 404


def test_unfinished_uploads_are_listed_discarded_and_limited(phase, developer):
    made = [begin(developer, phase, 10).json()["id"] for _ in range(MOST_UNFINISHED)]
    assert begin(developer, phase, 10).status_code == 422
    assert [one["id"] for one in developer.get("/uploads").json()] == made[::-1]
    place = path_of(Upload.objects.get(public_id=made[0]))
    assert place.exists()
    assert developer.ask("DELETE", f"/uploads/{made[0]}").status_code == 204
    assert not place.exists()
    assert begin(developer, phase, 10).status_code == 201


def test_an_upload_that_is_discarded_while_it_comes_ends_in_a_sentence(phase, developer):
    row = arriving.begin(phase=phase, user=a_user("developer"), name="i.tar", size_bytes=100)

    def parts():
        yield a_tar(100)[:50]
        arriving.discard(row=Upload.objects.get())
        yield a_tar(100)[50:100]

    with pytest.raises(arriving.UploadRefused, match="discarded"):
        arriving.append(row=row, offset=0, parts=parts())
    assert not path_of(row).exists()


def test_an_upload_that_is_discarded_while_it_is_submitted_ends_in_a_sentence(phase, developer):
    upload(developer, phase, a_tar())
    row = Upload.objects.get()
    arriving.discard(row=Upload.objects.get())
    with pytest.raises(arriving.UploadRefused, match="discarded"):
        submit(upload=row, user=a_user("developer"), title="Mine")
    assert not Submission.objects.exists()


def test_two_parts_at_once_are_not_mixed(phase, developer):
    row = arriving.begin(phase=phase, user=a_user("developer"), name="i.tar", size_bytes=100)

    def parts():
        yield b"x"
        with pytest.raises(OffsetDiffers):
            arriving.append(row=Upload.objects.get(), offset=0, parts=[b"y"])

    arriving.append(row=row, offset=0, parts=parts())
    assert path_of(row).read_bytes() == b"x"


def test_a_full_disk_keeps_what_has_arrived(phase, developer, monkeypatch):
    content = a_tar()
    made = begin(developer, phase, len(content)).json()["id"]
    send(developer, made, 0, content[:1000])
    monkeypatch.setattr("challenges.room.free_bytes", lambda folder: 10)
    refused = send(developer, made, 1000, content[1000:])
    assert refused.status_code == 422
    assert "no room" in refused.json()["detail"]
    assert begin(developer, phase, 10).status_code == 422
    monkeypatch.undo()
    assert ends_at(developer, made) == 1000
    assert send(developer, made, 1000, content[1000:]).status_code == 204


def test_an_upload_that_nobody_goes_on_with_is_given_up(phase, developer):
    old, new = (begin(developer, phase, 10).json()["id"] for _ in range(2))
    Upload.objects.filter(public_id=old).update(touched_at=timezone.now() - UNTOUCHED * 1.01)
    place = path_of(Upload.objects.get(public_id=old))
    clean_up(None)
    assert not place.exists()
    assert [one.public_id for one in Upload.objects.all()] == [new]
    assert path_of(Upload.objects.get()).exists()
