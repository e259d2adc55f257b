"""Files that are of no more use go, and those in use stay."""

import os
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from challenges.storage import untrusted
from challenges.untouched import Untouched
from submissions.models import Host, Upload
from submissions.sandbox.volumes import declared_volumes, refused_volumes
from submissions.selectors import report
from submissions.services import lifecycle
from submissions.services.clean_up import clean_up
from submissions.services.hosts import tell_of_host
from submissions.services.uploads import submit_upload

pytestmark = pytest.mark.usefixtures("hints")


@pytest.fixture
def uploaded(phase, developer):
    file = SimpleUploadedFile("image.tar", b"x" * 1000)
    return submit_upload(phase=phase, user=developer, title="Mine", file=file)


def stored() -> bool:
    return bool(Upload.objects.get().file)


def written(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x")
    os.utime(path, (0, 0))  # what a file's own time says counts for nothing
    return path


def test_an_upload_stays_until_it_is_checked(uploaded):
    clean_up(None)
    assert stored()


def test_the_upload_of_a_cancelled_submission_goes(uploaded):
    path = Path(Upload.objects.get().file.path)
    lifecycle.cancel(submission=uploaded)
    clean_up(None)
    assert not stored()
    assert not path.exists()
    assert Upload.objects.get().sha256, "its hash stays"


def test_archives_and_uploads_that_no_row_knows_go_once_they_are_old(db):
    now = 0.0
    untouched = Untouched(3600, lambda: now)
    archive = written(Path(untrusted().path("images/feed.tar")))
    incoming = written(Path(untrusted().path("incoming/half.upload")))
    arriving = written(Path(untrusted().path("incoming/whole.upload")))
    clean_up(None, untouched=untouched)
    now = 3000.0
    arriving.write_bytes(b"xx")
    clean_up(None, untouched=untouched)
    assert archive.exists()
    now = 3700.0
    clean_up(None, untouched=untouched)
    assert (archive.exists(), incoming.exists(), arriving.exists()) == (False, False, True)
    arriving.unlink()


def test_a_queued_upload_waits_for_an_engine_only_where_there_is_none(uploaded, developer):
    uploaded.state = "queued"
    uploaded.save()
    uploaded.version.image_id = None
    tell_of_host(None)
    assert Host.objects.get().engine == ""
    assert not report(developer, uploaded).waits_for, "not an image yet"


@pytest.mark.parametrize(
    ("declared", "refused"),
    [
        (["/scratch", "/scratch/", "//scratch", "/a/../scratch"], []),
        (["/developer"], []),
        (["/tmp/cache"], []),
        (["/"], ["/"]),
        (["scratch"], ["scratch"]),
        (["/dev/x"], ["/dev/x"]),
        (["/./input/deep"], ["/input/deep"]),
        (["//proc"], ["/proc"]),
        (["/a", "/b", "/c", "/d", "/e"], ["/e"]),
    ],
)
def test_volumes_are_judged_by_where_they_really_are(declared, refused):
    assert refused_volumes(declared) == refused
    assert len(declared_volumes(declared)) == len(set(declared_volumes(declared)))
