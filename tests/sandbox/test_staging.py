"""Output is read out of a tar stream that a stranger's program filled."""

import io
import tarfile
from dataclasses import replace

import pytest

from submissions.sandbox.outcome import InputImage, Statement, Stopped
from submissions.sandbox.staging import collect_output, input_stream

SLUG = "pet-lesion-segmentation"
MASK = f"output/images/{SLUG}/mask.mha"


def archive(*members: tuple[str, bytes]) -> list[bytes]:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for name, content in members:
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    whole = file.getvalue()
    return [whole[start : start + 65536] for start in range(0, len(whole), 65536)]


def collect(chunks, tmp_path, **how):
    return collect_output(
        chunks, slug=SLUG, target=tmp_path / "mask", **{"limit_bytes": 1000, **how}
    )


def test_the_one_mask_is_copied_out(tmp_path):
    found = collect(archive((MASK, b"pixels"), ("output/notes.txt", b"x")), tmp_path)
    assert found.failure is None
    assert found.mask is not None
    assert found.mask.read_bytes() == b"pixels"


def test_a_file_that_claims_to_be_endless_is_not_read_to_its_end(tmp_path):
    """A sparse file takes no room in /output, and is as long in the stream as it claims."""
    member = tarfile.TarInfo("output/hole")
    member.size = 2**50
    read = 0

    def endless():
        nonlocal read
        yield member.tobuf(tarfile.GNU_FORMAT)
        while True:
            read += 1
            yield bytes(1024 * 1024)

    found = collect(endless(), tmp_path)
    assert found.failure is not None
    assert found.failure.code == "output_too_large"
    assert read < 100
    assert list(tmp_path.iterdir()) == []


def test_reading_stops_when_asked(tmp_path):
    with pytest.raises(Stopped):
        collect(archive((MASK, b"x" * 900)), tmp_path, should_stop=lambda: True)


def test_a_name_that_is_no_text_becomes_text(tmp_path):
    raw = b"output/\xff\xfe.mha"
    member = tarfile.TarInfo(raw.decode("utf-8", "surrogateescape"))
    member.size = 1
    chunks = [
        member.tobuf(tarfile.GNU_FORMAT, "utf-8", "surrogateescape"),
        b"x" + bytes(511),
        bytes(1024),
    ]
    found = collect(chunks, tmp_path)
    assert found.failure is not None
    found.failure.message.encode("utf-8")
    assert "output/" in found.failure.message


@pytest.mark.parametrize(
    "name", ["../escape.mha", "/etc/mask.mha", f"output/images/{SLUG}/../x.mha"]
)
def test_a_path_that_leads_elsewhere_is_no_mask(tmp_path, name):
    found = collect(archive((name, b"x")), tmp_path)
    assert found.failure is not None
    assert found.failure.code == "no_output"
    assert [path.name for path in tmp_path.iterdir()] == []


def test_what_is_no_tar_is_said(tmp_path):
    found = collect([b"nonsense" * 200], tmp_path)
    assert found.failure is not None
    assert found.failure.code == "unreadable_output"


def test_the_input_is_a_tar_of_read_only_files_with_random_names(tmp_path):
    image = tmp_path / "pet.mha"
    image.write_bytes(b"p" * 700)
    names = set()
    for _ in range(2):
        whole = b"".join(input_stream((InputImage("pet", image),)))
        with tarfile.open(fileobj=io.BytesIO(whole)) as tar:
            files = [member for member in tar if member.isreg()]
            assert all(member.mode == 0o444 for member in files)
            assert tar.extractfile(files[0]).read() == b"p" * 700
            names.add(files[0].name)
    assert len(names) == 2


ASKS_MAP = Statement("pet-probability", is_map=True)
ASKS_VALUE = Statement("certainty", is_map=False)
MAP = "output/images/pet-probability/map.nii.gz"
VALUE = "output/certainty.json"


@pytest.mark.parametrize(("asked", "place"), [(ASKS_MAP, MAP), (ASKS_VALUE, VALUE)])
def test_what_is_asked_for_beside_the_mask_is_copied_out(tmp_path, asked, place):
    found = collect(archive((place, b"0.5"), (MASK, b"pixels")), tmp_path, confidence=asked)
    assert found.failure is None
    assert found.mask.read_bytes() == b"pixels"
    assert found.confidence.read_bytes() == b"0.5"
    assert found.documents == {}


@pytest.mark.parametrize("place", [MAP, VALUE])
def test_what_nobody_asked_for_is_ignored(tmp_path, place):
    found = collect(archive((place, b"0.5"), (MASK, b"pixels")), tmp_path)
    assert (found.failure, found.confidence) == (None, None)
    assert [path.name for path in tmp_path.iterdir()] == ["mask"]


@pytest.mark.parametrize("asked", [ASKS_MAP, ASKS_VALUE])
def test_what_is_missing_is_a_failure_only_where_it_is_required(tmp_path, asked):
    assert collect(archive((MASK, b"pixels")), tmp_path, confidence=asked).failure is None
    required = replace(asked, required=True)
    found = collect(archive((MASK, b"pixels")), tmp_path, confidence=required)
    assert found.failure.code == "no_confidence"
    assert asked.place in found.failure.message
    assert list(tmp_path.iterdir()) == []


def test_two_maps_are_a_failure_and_nothing_of_them_is_kept(tmp_path):
    other = MAP.replace("map.nii.gz", "b.mha")
    stream = archive((MASK, b"pixels"), (MAP, b"a"), (other, b"b"))
    found = collect(stream, tmp_path, confidence=ASKS_MAP)
    assert found.failure.code == "two_maps"
    assert MAP in found.failure.message
    assert list(tmp_path.iterdir()) == []


def test_a_stated_number_has_the_length_of_a_document_at_most(tmp_path):
    stream = archive((MASK, b"p"), (VALUE, b" " * 70_000))
    found = collect(stream, tmp_path, confidence=ASKS_VALUE, limit_bytes=10**6)
    assert found.failure.code == "json_too_large"


@pytest.mark.parametrize(("asked", "place"), [(ASKS_MAP, MAP), (ASKS_VALUE, VALUE)])
@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE])
def test_a_link_in_its_place_is_never_followed(tmp_path, asked, place, kind):
    member = tarfile.TarInfo(place)
    member.type, member.linkname = kind, "/etc/passwd"
    chunks = [member.tobuf(tarfile.GNU_FORMAT), *archive((MASK, b"pixels"))]
    found = collect(chunks, tmp_path, confidence=asked)
    assert found.failure.code == "not_a_regular_file"
    assert list(tmp_path.iterdir()) == []
