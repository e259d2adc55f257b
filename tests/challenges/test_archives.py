"""An archive is unpacked whole, or refused in a sentence that names the entry, and leaves nothing."""

import io
import os
import stat
import struct
import tarfile
import tracemalloc
import zipfile
import zlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from challenges.ingest.archives import ArchiveRefused, Limits, Unpacked, unpack

FILES = {
    "case-1/pet.nii.gz": b"pet" * 1000,
    "case-1/reference.nii.gz": b"mask",
    "cases.csv": b"a\n",
}
Names = list[tuple[str, bytes]]


def zipped(path: Path, names: Names, **options: int) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in names:
            info = zipfile.ZipInfo(name)
            info.compress_type = options.get("compress_type", zipfile.ZIP_DEFLATED)
            info.external_attr = options.get("mode", stat.S_IFREG | 0o644) << 16
            file.writestr(info, content)
    return path


def tarred(path: Path, names: Names, *, mode: str = "w", kind: bytes = tarfile.REGTYPE) -> Path:
    with tarfile.open(path, mode) as file:  # type: ignore[call-overload]
        for name, content in names:
            member = tarfile.TarInfo(name)
            member.type = kind
            member.linkname = "/etc/passwd"
            member.size = len(content) if kind == tarfile.REGTYPE else 0
            file.addfile(member, io.BytesIO(content))
    return path


def zstd(path: Path, names: Names) -> Path:
    plain = tarred(path.with_suffix(".plain"), names).read_bytes()
    path.write_bytes(zstandard.ZstdCompressor().compress(plain))
    return path


def zipped_good(path: Path) -> Path:
    return zipped(path, list(FILES.items()))


def held(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def refused(archive: Path, limits: Limits | None = None) -> str:
    """The sentence; and nothing is left but the archive."""
    target = archive.parent / "unpacked"
    with pytest.raises(ArchiveRefused) as error:
        unpack(archive, target, limits=limits)
    assert not target.exists()
    assert not target.with_name("unpacked.partial").exists()
    sentence = str(error.value)
    assert "\n" not in sentence
    assert sentence.isprintable()
    assert str(archive.parent) not in sentence
    return sentence


@pytest.mark.parametrize("kind", ["zip", "stored", "tar", "tar.gz", "tar.zst"])
def test_each_kind_of_archive_is_unpacked_as_it_was_packed(tmp_path: Path, kind: str) -> None:
    names, archive = list(FILES.items()), tmp_path / "data"
    match kind:
        case "zip":
            zipped(archive, names)
        case "stored":
            zipped(archive, names, compress_type=zipfile.ZIP_STORED)
        case "tar":
            tarred(archive, names)
        case "tar.gz":
            tarred(archive, names, mode="w:gz")
        case "tar.zst":
            zstd(archive, names)
    done = unpack(archive, tmp_path / "unpacked")
    assert held(tmp_path / "unpacked") == FILES
    assert done == Unpacked(3, sum(map(len, FILES.values())))


def test_what_the_system_packs_is_unpacked(tmp_path: Path) -> None:
    (tmp_path / "data" / "case-1").mkdir(parents=True)
    (tmp_path / "data" / "case-1" / "pet.nii.gz").write_bytes(b"pet")
    (tmp_path / "data" / ("long " * 30)).mkdir()
    (tmp_path / "data" / ("long " * 30) / "Zürich.csv").write_bytes(b"a")
    with tarfile.open(tmp_path / "data.tar", "w", format=tarfile.GNU_FORMAT) as file:
        file.add(tmp_path / "data", arcname=".")
    unpack(tmp_path / "data.tar", tmp_path / "unpacked")
    assert held(tmp_path / "unpacked") == held(tmp_path / "data")


def test_unpacking_twice_gives_the_same_and_nothing_of_before(tmp_path: Path) -> None:
    target = tmp_path / "unpacked"
    unpack(zipped(tmp_path / "a.zip", [("old.txt", b"old")]), target)
    for _ in range(2):
        unpack(zipped_good(tmp_path / "b.zip"), target)
        assert held(target) == FILES


def test_what_a_killed_unpacking_left_is_cleared(tmp_path: Path) -> None:
    partial = tmp_path / "unpacked.partial"
    partial.mkdir()
    (partial / "half").write_bytes(b"half")
    unpack(zipped_good(tmp_path / "a.zip"), tmp_path / "unpacked")
    assert held(tmp_path / "unpacked") == FILES
    assert not partial.exists()


def test_progress_is_told_in_bytes(tmp_path: Path) -> None:
    told: list[int] = []
    unpack(zipped_good(tmp_path / "a.zip"), tmp_path / "unpacked", progress=told.append)
    assert told == sorted(told)
    assert told[-1] == sum(map(len, FILES.values()))


def test_an_archive_within_stays_packed(tmp_path: Path) -> None:
    inner = zipped_good(tmp_path / "inner.zip").read_bytes()
    unpack(zipped(tmp_path / "a.zip", [("inner.zip", inner)]), tmp_path / "unpacked")
    assert held(tmp_path / "unpacked") == {"inner.zip": inner}


def test_memory_is_bounded_whatever_a_file_holds(tmp_path: Path) -> None:
    archive = zipped(tmp_path / "a.zip", [("zeros.nii", bytes(64 * 1024**2))])
    tracemalloc.start()
    unpack(archive, tmp_path / "unpacked")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 16 * 1024**2


BAD_NAMES = {
    "../evil": "leads out",
    "a/../../evil": "leads out",
    "a/..": "leads out",
    "/etc/passwd": "absolute",
    "C:/windows": "absolute",
    "a\\b": "character",
    "a\x07b": "character",
    "a\u202eb": "character",
    "a\nb": "character",
    "a//b": "plain path",
    "./a/./b": "plain path",
    "/": "absolute",
    "a/" * 40 + "b": "too deep",
    "a" * 300: "too long",
}


@pytest.mark.parametrize("name", BAD_NAMES)
@pytest.mark.parametrize("pack", [zipped, tarred])
def test_a_name_that_leads_elsewhere_or_is_none_is_refused(
    tmp_path: Path, name: str, pack: Callable[[Path, Names], Path]
) -> None:
    archive = pack(tmp_path / "data", [("fine.txt", b"x"), (name, b"x")])
    assert BAD_NAMES[name] in refused(archive)


@pytest.mark.parametrize(
    "pair",
    [
        ("a/pet.nii", "a/pet.nii"),
        ("a/PET.nii", "a/pet.nii"),
        ("Zu\u0308rich", "Z\u00fcrich"),
        ("stra\u00dfe", "STRASSE"),
        ("A/pet.nii", "a/other.nii"),
        ("a", "a/b"),
        ("a/b", "a"),
    ],
)
@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("pack", [zipped, tarred])
def test_two_entries_of_one_name_on_any_system_are_refused(
    tmp_path: Path, pair: tuple[str, str], pack: Callable[[Path, Names], Path]
) -> None:
    sentence = refused(pack(tmp_path / "data", [(name, b"x") for name in pair]))
    assert sentence == f"“{pair[1]}” is there twice (case and accents aside)."


@pytest.mark.parametrize(
    ("mode", "text"),
    [(stat.S_IFLNK, "is a link"), (stat.S_IFCHR, "a device or pipe"), (stat.S_IFIFO, "a device")],
)
def test_links_and_devices_of_a_zip_are_refused(tmp_path: Path, mode: int, text: str) -> None:
    archive = zipped(tmp_path / "a.zip", [("entry", b"/etc/passwd")], mode=mode | 0o777)
    assert text in refused(archive)


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (tarfile.SYMTYPE, "is a link"),
        (tarfile.LNKTYPE, "is a link"),
        (tarfile.CHRTYPE, "a device"),
        (tarfile.BLKTYPE, "a device"),
        (tarfile.FIFOTYPE, "pipe"),
    ],
)
def test_links_and_devices_of_a_tar_are_refused(tmp_path: Path, kind: bytes, text: str) -> None:
    sentence = refused(tarred(tmp_path / "a.tar", [("entry", b"")], kind=kind))
    assert "“entry”" in sentence
    assert text in sentence


def test_an_encrypted_entry_is_refused(tmp_path: Path) -> None:
    archive = zipped_good(tmp_path / "a.zip")
    content = bytearray(archive.read_bytes())
    content[content.index(b"PK\x01\x02") + 8] |= 1
    archive.write_bytes(content)
    assert "“case-1/pet.nii.gz” is encrypted" in refused(archive)


def test_a_compression_whose_memory_is_not_bounded_is_refused(tmp_path: Path) -> None:
    archive = zipped(tmp_path / "a.zip", [("a", b"x" * 99)], compress_type=zipfile.ZIP_LZMA)
    assert "“a” is compressed by method 14" in refused(archive)


def test_a_bomb_is_stopped_where_it_passes_the_limit(tmp_path: Path) -> None:
    names = [("fine.txt", b"x"), ("bomb", bytes(20 * 1024**2))]
    limits = Limits(total_bytes=5 * 1024**2)
    for archive in (zipped(tmp_path / "a.zip", names), tarred(tmp_path / "b", names, mode="w:gz")):
        sentence = refused(archive, limits)
        assert sentence == "It unpacks to more than 5,242,880 bytes, reached at “bomb”."


def test_a_ratio_that_no_images_have_is_refused(tmp_path: Path) -> None:
    archive = zipped(tmp_path / "a.zip", [("bomb", bytes(20 * 1024**2))])
    assert "more than 100 times its own size" in refused(archive, Limits(ratio_from_bytes=1024**2))


def test_a_size_that_is_declared_too_small_does_not_help_a_bomb(tmp_path: Path) -> None:
    archive = zipped(tmp_path / "a.zip", [("bomb", bytes(20 * 1024**2))])
    content = bytearray(archive.read_bytes())
    at = content.index(b"PK\x01\x02")
    content[at + 24 : at + 28] = struct.pack("<L", 10)
    archive.write_bytes(content)
    assert "“bomb”" in refused(archive, Limits(total_bytes=1024**2))


def test_a_million_entries_are_refused_quickly(tmp_path: Path) -> None:
    """By a directory of its own making, of which the end record says that it holds two."""
    entry = struct.pack(
        "<4s6H3L5H2L", b"PK\x01\x02", *[20, 20, 0, 0, 0, 0], 0, 0, 0, 1, 0, 0, 0, 0, 0, 0
    )
    directory = (entry + b"a") * 1_000_000
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 2, 2, len(directory), 4, 0)
    archive = tmp_path / "a.zip"
    archive.write_bytes(b"PK\x03\x04" + directory + end)
    tracemalloc.start()
    assert refused(archive) == "It holds more than 200,000 entries."
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 8 * 1024**2


def test_too_many_entries_of_a_tar_are_refused(tmp_path: Path) -> None:
    archive = tarred(tmp_path / "a.tar", [(f"{number}", b"") for number in range(12)])
    assert refused(archive, Limits(entries=10)) == "It holds more than 10 entries."


def test_entries_that_share_bytes_are_refused(tmp_path: Path) -> None:
    archive = zipped(tmp_path / "a.zip", [("aa", b"x" * 100), ("bb", b"y" * 100)])
    content = bytearray(archive.read_bytes())
    second = content.index(b"PK\x01\x02", content.index(b"PK\x01\x02") + 4)
    content[second + 42 : second + 46] = struct.pack("<L", 0)
    archive.write_bytes(content)
    assert refused(archive) == "“aa” and “bb” share bytes of the archive."


def test_a_long_header_of_a_tar_is_refused_before_it_is_read(tmp_path: Path) -> None:
    member = tarfile.TarInfo("././@LongLink")
    member.type, member.size = tarfile.GNUTYPE_LONGNAME, 8 * 1024**3
    (tmp_path / "a.tar").write_bytes(member.tobuf(tarfile.GNU_FORMAT) + bytes(10_000))
    assert "has a header of 8,589,934,592 bytes" in refused(tmp_path / "a.tar")


@pytest.mark.parametrize("keep", [0.3, 0.6, 0.95, 0.999])
@pytest.mark.parametrize("kind", ["zip", "tar", "gz", "zst"])
def test_an_archive_that_is_cut_off_is_refused(tmp_path: Path, kind: str, keep: float) -> None:
    names = [(f"{number}.bin", os.urandom(30_000)) for number in range(5)]
    make = {
        "zip": lambda path: zipped(path, names),
        "tar": lambda path: tarred(path, names),
        "gz": lambda path: tarred(path, names, mode="w:gz"),
        "zst": lambda path: zstd(path, names),
    }
    archive = make[kind](tmp_path / "data")
    content = archive.read_bytes()
    if kind == "tar":
        content = content[: 5 * (512 + 30_208) + 512]  # to the first of the blocks that end it
    archive.write_bytes(content[: int(len(content) * keep)])
    refused(archive)


@pytest.mark.parametrize("content", [b"", b"hello", b"PK\x03\x04", zlib.compress(b"x"), bytes(600)])
def test_what_is_no_archive_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "data").write_bytes(content)
    refused(tmp_path / "data")


def test_an_archive_of_nothing_is_refused(tmp_path: Path) -> None:
    assert refused(zipped(tmp_path / "a.zip", [])) == "The archive holds no file."


def test_a_changed_byte_is_noticed(tmp_path: Path) -> None:
    archive = zipped(tmp_path / "a.zip", [("a", os.urandom(1000))])
    content = bytearray(archive.read_bytes())
    content[500] ^= 1
    archive.write_bytes(content)
    assert "The archive is damaged at “a”" in refused(archive)


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_no_damage_gives_anything_but_a_refusal_or_an_unpacked_folder(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.getbasetemp() / "damaged"
    folder.mkdir(exist_ok=True)
    kind = data.draw(st.sampled_from(["zip", "tar", "gz"]))
    archive = folder / f"data-{kind}"
    if not (folder / f"good-{kind}").exists():
        (folder / f"good-{kind}").write_bytes(
            {
                "zip": lambda: zipped_good(archive),
                "tar": lambda: tarred(archive, list(FILES.items())),
                "gz": lambda: tarred(archive, list(FILES.items()), mode="w:gz"),
            }[kind]().read_bytes()
        )
    content = bytearray((folder / f"good-{kind}").read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    archive.write_bytes(content)
    with suppress(ArchiveRefused):
        unpack(archive, folder / "unpacked", limits=Limits(total_bytes=10**7))
    assert not (folder / "unpacked.partial").exists()


def test_an_end_record_that_points_beyond_any_file_is_refused(tmp_path: Path) -> None:
    content = zipped_good(tmp_path / "a.zip").read_bytes()
    at = content.index(b"PK\x05\x06")
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, 2**64 - 1, 1)
    (tmp_path / "a.zip").write_bytes(content[:at] + locator + content[at:])
    assert "The archive is damaged at “its directory”" in refused(tmp_path / "a.zip")
