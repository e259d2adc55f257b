"""An untrusted image's archive is judged as a stream, and rewritten to one canonical form."""

import gzip
import hashlib
import io
import json
import lzma
import random
import resource
import stat
import struct
import subprocess
import tarfile
import tracemalloc
import uuid
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, get_args

import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from submissions.sandbox.archive import (
    ArchiveLimits,
    ArchiveRefused,
    Code,
    ImageConfig,
    InspectedImage,
    canonicalise,
)

Json = Any
MEBIBYTE = 1 << 20


# Archives by hand


def member(
    name: str,
    data: bytes = b"",
    kind: bytes = tarfile.REGTYPE,
    link: str = "",
    pax: Mapping[str, str] | None = None,
) -> bytes:
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.size, info.pax_headers = kind, link, len(data), pax or {}
    block = info.tobuf(tarfile.PAX_FORMAT) if pax else info.tobuf(tarfile.GNU_FORMAT)
    return block + data + bytes(-len(data) % 512)


def header(name: bytes, size: int, kind: bytes = b"0", **fields: bytes) -> bytes:
    """A raw header; `at_482=b"…"` puts bytes at that offset."""
    block = bytearray(tarfile.TarInfo("x").tobuf(tarfile.GNU_FORMAT))
    block[:100] = name.ljust(100, b"\0")
    block[124:136] = b"%011o\0" % size
    block[156:157] = kind
    for place, value in fields.items():
        at = int(place.removeprefix("at_"))
        block[at : at + len(value)] = value
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


def tarball(*members: bytes) -> bytes:
    return b"".join(members) + bytes(1024)


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


LAYERS = (
    tarball(
        member("app", kind=tarfile.DIRTYPE),
        member("app/run", b"#!/bin/sh\n" * 30),
        member("app/lib.so", kind=tarfile.SYMTYPE, link="/usr/lib/lib.so"),
        member("app/walk", kind=tarfile.LNKTYPE, link="app/run"),
    ),
    tarball(member("app/.wh.old"), member("app/.wh..wh..opq"), member("n" * 150, b"long")),
)


def described(*layers: bytes, **changes: Json) -> dict[str, Json]:
    """An image's config. Keys of `changes` replace its own; None removes."""
    config = {
        "architecture": "amd64",
        "os": "linux",
        "config": {"Entrypoint": ["/app/run"], "Env": ["A=b"], "Labels": {"x": "y"}},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{sha256(tar)}" for tar in layers]},
    } | changes
    return {key: value for key, value in config.items() if value is not None}


def text(value: Json) -> bytes:
    return value if isinstance(value, bytes) else json.dumps(value).encode()


def docker(
    *layers: bytes,
    config: Json = None,
    tags: Json = ("python:3.12",),
    extra: bytes = b"",
    stored: Callable[[bytes], bytes] = bytes,
    **entry: Json,
) -> bytes:
    """What `docker save` wrote up to Docker 24. `entry` changes the manifest's one entry."""
    layers = layers or LAYERS
    data = text(config or described(*layers))
    names = [f"{index:064x}/layer.tar" for index in range(len(layers))]
    manifest = {"Config": f"{sha256(data)}.json", "RepoTags": list(tags), "Layers": names} | entry
    return tarball(
        *(member(name, stored(tar)) for name, tar in zip(names, layers, strict=True)),
        member(f"{sha256(data)}.json", data),
        extra,
        member("manifest.json", text([manifest])),
    )


class Blobs(dict[str, bytes]):
    def put(self, value: Json, **fields: Json) -> dict[str, Json]:
        data = text(value)
        self[sha256(data)] = data
        return {"digest": f"sha256:{sha256(data)}", "size": len(data)} | fields

    def members(self) -> bytes:
        return b"".join(member(f"blobs/sha256/{name}", data) for name, data in self.items())


def oci(
    *layers: bytes,
    config: Json = None,
    stored: Callable[[bytes], bytes] = bytes,
    nested: bool = False,
    docker_too: bool = False,
    lost: str = "",
    extra: bytes = b"",
    descriptor: Json = None,
    manifest: Json = None,
    beside: tuple[Json, ...] = (),
) -> bytes:
    """An OCI layout; with `docker_too`, what `docker save` writes since Docker 25."""
    layers = layers or LAYERS
    blobs = Blobs()
    tars = [blobs.put(stored(tar)) for tar in layers]
    settings_ = blobs.put(config or described(*layers))
    main = blobs.put({"schemaVersion": 2, "config": settings_, "layers": tars} | (manifest or {}))
    main |= {"platform": {"os": "linux", "architecture": "amd64"}} | (descriptor or {})
    index: Json = {"schemaVersion": 2, "manifests": [*beside, main]}
    if nested:
        attestation = {
            "digest": f"sha256:{'0' * 64}",
            "platform": {"os": "unknown", "architecture": "unknown"},
        }
        arm = {
            "digest": f"sha256:{'1' * 64}",
            "platform": {"os": "linux", "architecture": "arm64", "variant": "v8"},
        }
        index = {"manifests": [blobs.put({"manifests": [attestation, arm, main]})] * 2}
    if lost:
        names = {"config": settings_, "layer": tars[0], "manifest": main}
        del blobs[names[lost]["digest"][7:]]
    legacy = {
        "Config": "blobs/sha256/" + settings_["digest"][7:],
        "RepoTags": ["python:3.12"],
        "Layers": ["blobs/sha256/" + tar["digest"][7:] for tar in tars],
    }
    return tarball(
        member("blobs/", kind=tarfile.DIRTYPE),
        member("blobs/sha256/", kind=tarfile.DIRTYPE),
        blobs.members(),
        extra,
        member("index.json", text(index)),
        member("oci-layout", b'{"imageLayoutVersion":"1.0.0"}'),
        member("manifest.json", text([legacy])) if docker_too else b"",
    )


def quick_gzip(data: bytes) -> bytes:
    return gzip.compress(data, 1)


def zstd(data: bytes) -> bytes:
    return zstandard.ZstdCompressor(write_checksum=True).compress(data)


class Desk:
    """A folder with the archive as uploaded, and what was made of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.source = folder / "upload.tar"
        self.target = folder / "image.tar"
        self.work = folder / "work"
        self.work.mkdir()

    def take(self, archive: bytes, **options: Any) -> InspectedImage:
        self.source.write_bytes(archive)
        self.target.unlink(missing_ok=True)
        return canonicalise(self.source, self.target, work=self.work, **options)

    def refusal(self, archive: bytes, **options: Any) -> ArchiveRefused:
        with pytest.raises(ArchiveRefused) as caught:
            self.take(archive, **options)
        self.check_nothing_left()
        return caught.value

    def check_nothing_left(self) -> None:
        assert sorted(path.name for path in self.folder.rglob("*")) == ["upload.tar", "work"]


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


# What is accepted

LAYOUTS = {
    "docker": docker(),
    "docker with compressed layers": docker(stored=gzip.compress),
    "docker since 25": oci(docker_too=True),
    "docker since 25, compressed": oci(docker_too=True, stored=gzip.compress),
    "oci": oci(),
    "oci with gzip layers": oci(stored=gzip.compress),
    "oci with zstd layers": oci(stored=zstd),
    "oci with several gzip members a layer": oci(
        stored=lambda tar: gzip.compress(tar[:700]) + gzip.compress(tar[700:])
    ),
    "oci of a multi-platform build with attestations": oci(nested=True),
    "gzip": gzip.compress(docker()),
    "xz": lzma.compress(docker()),
    "zstd": zstd(docker()),
    "gzip of several members, padded": gzip.compress(docker()[:999])
    + gzip.compress(docker()[999:])
    + bytes(100),
}


@pytest.fixture(scope="module")
def canonical(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    desk = Desk(tmp_path_factory.mktemp("canonical"))
    desk.take(docker())
    return desk.target.read_bytes()


@pytest.mark.parametrize("name", LAYOUTS)
def test_every_layout_becomes_the_same_bytes(name: str, desk: Desk, canonical: bytes) -> None:
    image = desk.take(LAYOUTS[name])
    assert desk.target.read_bytes() == canonical
    assert image.archive_bytes == len(canonical)
    only_oci = name.startswith("oci")
    assert image.layout == ("oci" if only_oci else "docker")


def test_the_image_is_reported(desk: Desk) -> None:
    config = described(
        *LAYERS,
        config={
            "Entrypoint": ["/app/run", "-v"],
            "Cmd": None,
            "Env": ["PATH=/bin", "A="],
            "WorkingDir": "/app",
            "User": "algorithm:users",
            "Volumes": {"/scratch": {}, "/data": {}},
            "Healthcheck": {"Test": ["CMD", "true"]},
        },
    )
    assert desk.take(docker(config=config)) == InspectedImage(
        digest=f"sha256:{sha256(text(config))}",
        config=ImageConfig(
            entrypoint=("/app/run", "-v"),
            command=(),
            environment=("PATH=/bin", "A="),
            working_directory="/app",
            user="algorithm:users",
            volumes=("/data", "/scratch"),
        ),
        layers=tuple(f"sha256:{sha256(tar)}" for tar in LAYERS),
        unpacked_bytes=300 + 4,
        archive_bytes=desk.target.stat().st_size,
        layout="docker",
    )


def test_the_canonical_archive_has_no_tags_no_times_and_no_owners(desk: Desk) -> None:
    config = text(described(*LAYERS)) + b"\n \n"  # the digest is that of the bytes, not the value
    desk.take(docker(config=config, tags=["python:3.12", "evil:latest"]))
    diffs = [sha256(tar) for tar in LAYERS]
    with tarfile.open(desk.target, "r:") as archive:
        found = archive.getmembers()
        assert [info.name for info in found] == [
            "manifest.json",
            f"{sha256(config)}.json",
            *(f"{diff}/layer.tar" for diff in diffs),
        ]
        assert {(info.mtime, info.uid, info.gid, info.uname, info.mode) for info in found} == {
            (0, 0, 0, "", 0o644)
        }
        contents = [archive.extractfile(info).read() for info in found]  # type: ignore[union-attr]
    assert json.loads(contents[0]) == [
        {
            "Config": f"{sha256(config)}.json",
            "RepoTags": None,
            "Layers": [f"{diff}/layer.tar" for diff in diffs],
        }
    ]
    assert contents[1:] == [config, *LAYERS]


def test_the_canonical_archive_of_a_canonical_archive_is_itself(
    desk: Desk, canonical: bytes
) -> None:
    desk.take(canonical)
    assert desk.target.read_bytes() == canonical


def test_a_layer_that_is_listed_twice_is_stored_once_and_counts_twice(desk: Desk) -> None:
    image = desk.take(oci(LAYERS[0], LAYERS[1], LAYERS[0]))
    assert image.layers[0] == image.layers[2]
    assert image.unpacked_bytes == 300 + 4 + 300
    with tarfile.open(desk.target, "r:") as archive:
        assert len(archive.getnames()) == 4


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE])
def test_a_link_to_another_layer_is_resolved(kind: bytes, desk: Desk) -> None:
    first = f"{0:064x}/layer.tar"
    link = member(
        "again/layer.tar",
        kind=kind,
        link=f"../{first}" if kind == tarfile.SYMTYPE else first,
    )
    archive = docker(
        LAYERS[0],
        config=described(LAYERS[0], LAYERS[0]),
        extra=link,
        Layers=[first, "again/layer.tar"],
    )
    assert len(desk.take(archive).layers) == 2


def test_names_in_long_and_extended_headers_and_the_root_folder_are_understood(desk: Desk) -> None:
    layer = tarball(
        member("./", kind=tarfile.DIRTYPE),
        member("/", kind=tarfile.DIRTYPE),
        header(b"pax_global_header", 17, b"g") + b"17 comment=hello\n".ljust(512, b"\0"),
        member("é" * 120, b"1", pax={"path": "é" * 120, "mtime": "1.5"}),
        header(b"name", 1, at_257=b"ustar\x0000", at_345=b"folder") + b"1".ljust(512, b"\0"),
        header(b"old folder/", 0, kind=b"\0"),
        member("x..y/..z/...", b"12"),
    )
    assert desk.take(docker(layer)).unpacked_bytes == 4


def test_holes_of_sparse_files_count_in_full(desk: Desk) -> None:
    gnu = header(b"gnu", 512, b"S", at_482=b"\1", at_483=b"%011o\0" % 5000)
    layer = tarball(
        gnu + bytes(512) + bytes(512),
        member("pax 1", b"1", pax={"GNU.sparse.realsize": "600", "GNU.sparse.name": "real"}),
        member("pax 0", b"1", pax={"GNU.sparse.size": "70"}),
    )
    assert desk.take(docker(layer)).unpacked_bytes == 5670


def test_an_image_whose_config_names_no_digest_is_identified_by_its_bytes(desk: Desk) -> None:
    data = text(described(*LAYERS))
    archive = docker(extra=member("config.json", data), Config="config.json")
    assert desk.take(archive).digest == f"sha256:{sha256(data)}"


def test_an_existing_target_is_replaced_only_by_a_whole_archive(desk: Desk) -> None:
    desk.source.write_bytes(docker()[:5000])
    desk.target.write_bytes(b"before")
    with pytest.raises(ArchiveRefused):
        canonicalise(desk.source, desk.target)
    assert desk.target.read_bytes() == b"before"
    desk.source.write_bytes(docker())
    canonicalise(desk.source, desk.target)
    assert desk.target.read_bytes() != b"before"
    assert stat.S_IMODE(desk.target.stat().st_mode) == 0o600


def test_progress_grows_and_what_it_raises_ends_the_work(desk: Desk) -> None:
    layer = tarball(member("noise", random.Random(1).randbytes(5 * MEBIBYTE)))
    heard: list[int] = []
    desk.take(gzip.compress(docker(layer)), progress=heard.append)
    assert heard == sorted(heard)
    assert heard[-1] > 9 * MEBIBYTE

    def cancel(_: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        desk.take(docker(layer), progress=cancel)
    desk.check_nothing_left()


def test_what_is_not_the_archives_fault_is_no_refusal(desk: Desk) -> None:
    with pytest.raises(FileNotFoundError):
        canonicalise(desk.folder / "nothing", desk.target)
    assert list(desk.folder.iterdir()) == [desk.work]


# What is refused


def layered(*members: bytes) -> bytes:
    return docker(tarball(*members))


def configured(**config: Json) -> bytes:
    return docker(config=described(*LAYERS, config={"Cmd": ["/app/run"]} | config))


def with_config(**changes: Json) -> bytes:
    return docker(config=described(*LAYERS, **changes))


def other_image() -> Json:
    return {"digest": f"sha256:{'2' * 64}", "platform": {"os": "linux", "architecture": "arm64"}}


def two_in_oci() -> bytes:
    blobs = Blobs()
    second = blobs.put({"config": {}, "layers": []})
    return oci(beside=(second,), extra=blobs.members())


def disagreeing() -> bytes:
    data = text(described(*LAYERS, author="somebody else"))
    legacy = [{"Config": "other.json", "Layers": []}]
    extra = member("other.json", data) + member("manifest.json", text(legacy))
    return oci(extra=extra)


LONG = member("n" * 200)[:1024]
EMPTY_TAR = tarball()
SMALL = ArchiveLimits(
    compressed_bytes=8 * MEBIBYTE,
    unpacked_bytes=4 * MEBIBYTE,
    layers=3,
    members=20,
    ratio=20,
    ratio_floor_bytes=MEBIBYTE,
    config_bytes=6000,
)
SPARSE = header(b"sparse", 0, b"S", at_483=b"%011o\0" % (8 << 30))
NOISE = random.Random(2).randbytes(MEBIBYTE // 4)

HOSTILE: dict[str, tuple[Code, bytes]] = {
    "nothing": ("not_a_tar", b""),
    "a picture": ("not_a_tar", b"\x89PNG" * 1000),
    "a zip": ("not_a_tar", b"PK\3\4" * 1000),
    "a gzip of a gzip": ("not_a_tar", gzip.compress(gzip.compress(docker()))),
    "an empty gzip": ("not_a_tar", gzip.compress(b"")),
    "a layer that is no tar": ("not_a_tar", docker(b"no tar" * 200)),
    "a layer compressed twice": (
        "not_a_tar",
        oci(stored=lambda tar: gzip.compress(gzip.compress(tar))),
    ),
    "cut within a layer": ("truncated", docker()[:1200]),
    "cut within a header": ("truncated", docker()[:-1024][:-1300]),
    "cut gzip": ("truncated", gzip.compress(docker())[:-300]),
    "cut xz": ("truncated", lzma.compress(docker())[:-100]),
    "cut zstd": ("truncated", zstd(docker(tarball(member("n", NOISE))))[: len(NOISE) // 2]),
    "a cut layer": ("truncated", docker(LAYERS[0][:1100])),
    "a cut gzip layer": ("truncated", oci(stored=lambda tar: gzip.compress(tar)[:-20])),
    "a cut sparse map": ("truncated", docker(header(b"s", 0, b"S", at_482=b"\1"))),
    "gzip and rubbish": ("damaged", gzip.compress(docker()) + b"rubbish"),
    "damaged gzip": ("damaged", gzip.compress(docker())[:20] + b"\xff" * 900),
    "damaged zstd": ("damaged", b"\x28\xb5\x2f\xfd" + b"\xff" * 900),
    "damaged xz": ("damaged", b"\xfd7zXZ\0" + b"\xff" * 900),
    "a wrong checksum": ("damaged", layered(member("a"), b"x" * 512)),
    "a lone empty block": ("damaged", layered(member("a"), bytes(512), member("b"))),
    "a negative size": ("damaged", layered(header(b"a", 0, at_124=b"\xff" * 12))),
    "an endless size": ("damaged", layered(header(b"a", 0, at_124=b"\x80" + b"\xff" * 11))),
    "a size of letters": ("damaged", layered(header(b"a", 0, at_124=b"0o17_7     "))),
    "a long extended header": ("damaged", layered(header(b"a", 2 * MEBIBYTE, b"x"))),
    "an extended header of nothing": ("damaged", layered(LONG)),
    "two names for a member": ("damaged", layered(LONG, member("b", pax={"path": "c"}))),
    "a global header with a name": (
        "damaged",
        layered(header(b"g", 9, b"g") + b"9 path=x\n".ljust(512, b"\0")),
    ),
    "a broken extended header": (
        "damaged",
        layered(header(b"x", 9, b"x") + b"99 path=x".ljust(512, b"\0"), member("a")),
    ),
    "an empty extended name": (
        "damaged",
        layered(header(b"x", 8, b"x") + b"8 path=\n".ljust(512, b"\0"), member("a")),
    ),
    "an extended size of letters": (
        "damaged",
        layered(member("a", pax={"GNU.sparse.size": "1e9"})),
    ),
    "a sparse file that is not GNU's": (
        "damaged",
        layered(header(b"a", 0, b"S", at_257=b"ustar\x0000")),
    ),
    "an absolute path": ("member_path", docker(extra=member("/etc/cron.d/x", b"x"))),
    "a path that climbs": ("member_path", docker(extra=member("a/../../x", b"x"))),
    "a hard link that climbs": (
        "member_path",
        docker(extra=member("a", kind=tarfile.LNKTYPE, link="../x")),
    ),
    "a layer with an absolute path": ("member_path", layered(member("/etc/passwd", b"x"))),
    "a layer with a path that climbs": ("member_path", layered(member("a/../../x", b"x"))),
    "a layer with a long path that climbs": ("member_path", layered(member("a/" * 80 + ".."))),
    "a layer with an extended path that climbs": (
        "member_path",
        layered(member("a", pax={"path": "../x"})),
    ),
    "a layer with a prefix that climbs": (
        "member_path",
        layered(header(b"a", 0, at_257=b"ustar\x0000", at_345=b"..")),
    ),
    "a layer with a sparse name that climbs": (
        "member_path",
        layered(member("a", pax={"GNU.sparse.name": "../x"})),
    ),
    "a layer with a hard link out": (
        "member_path",
        layered(member("a", kind=tarfile.LNKTYPE, link="/etc/shadow")),
    ),
    "a layer with a hard link that climbs": (
        "member_path",
        layered(member("a", kind=tarfile.LNKTYPE, link="b/../../x")),
    ),
    "a whiteout of the folder above": ("member_path", layered(member("a/.wh..."))),
    "a member without a name": ("member_path", layered(header(b"", 0))),
    "a link to a file of the host": (
        "link_outside",
        docker(extra=member("a", kind=tarfile.SYMTYPE, link="/etc/shadow")),
    ),
    "a link that climbs": (
        "link_outside",
        docker(extra=member("b/a", kind=tarfile.SYMTYPE, link="../../b/a")),
    ),
    "a device": ("unsupported_member", docker(extra=member("a", kind=tarfile.CHRTYPE))),
    "a disk": ("unsupported_member", docker(extra=member("a", kind=tarfile.BLKTYPE))),
    "a FIFO": ("unsupported_member", docker(extra=member("a", kind=tarfile.FIFOTYPE))),
    "a sparse archive": ("unsupported_member", docker(extra=SPARSE)),
    "a tar type of its own": ("unsupported_member", layered(member("a", kind=b"V"))),
    "a layer with a device": ("device", layered(member("dev/sda", kind=tarfile.BLKTYPE))),
    "a layer with a console": ("device", layered(member("dev/tty", kind=tarfile.CHRTYPE))),
    "two manifests": ("duplicate_member", docker(extra=member("manifest.json", b"[]"))),
    "two manifests, spelled apart": (
        "duplicate_member",
        docker(extra=member(".//manifest.json", b"[]")),
    ),
    "a folder and a file": (
        "duplicate_member",
        docker(extra=member("a", kind=tarfile.DIRTYPE) + member("a")),
    ),
    "two images": ("two_images", tarball(member("manifest.json", b"[{}, {}]"))),
    "two images in OCI": ("two_images", two_in_oci()),
    "a different image for other readers": ("layouts_disagree", disagreeing()),
    "no image": ("no_manifest", tarball(member("manifest.json", b"[]"))),
    "no image in OCI": ("no_manifest", tarball(member("index.json", b'{"manifests": []}'))),
    "a file system": ("no_manifest", LAYERS[0]),
    "a manifest that is a folder": (
        "no_manifest",
        tarball(member("manifest.json", kind=tarfile.DIRTYPE)),
    ),
    "a manifest that is no list": ("invalid_manifest", tarball(member("manifest.json", b"{}"))),
    "a manifest of numbers": ("invalid_manifest", tarball(member("manifest.json", b"[1]"))),
    "a manifest without config": ("invalid_manifest", docker(Config=None)),
    "a config's name that is a list": ("invalid_manifest", docker(Config=[])),
    "layers that are a text": ("invalid_manifest", docker(Layers="layer.tar")),
    "layers that are numbers": ("invalid_manifest", docker(Layers=[1, 2])),
    "an index that is null": ("invalid_manifest", tarball(member("index.json", b"null"))),
    "a manifest and index at once": ("invalid_manifest", oci(manifest={"manifests": []})),
    "another digest's algorithm": ("invalid_manifest", oci(descriptor={"digest": "md5:12"})),
    "a lost config": ("missing_config", docker(Config="nothing.json")),
    "a lost config in OCI": ("missing_config", oci(lost="config")),
    "a lost layer": ("missing_layer", docker(Layers=["nothing/layer.tar", "x"])),
    "a lost layer in OCI": ("missing_layer", oci(lost="layer")),
    "a layer that is a link to nothing": (
        "missing_layer",
        docker(extra=member("a", kind=tarfile.SYMTYPE, link="b"), Layers=["a", "a"]),
    ),
    "a layer that is a link to itself": (
        "missing_layer",
        docker(extra=member("a", kind=tarfile.SYMTYPE, link="a"), Layers=["a", "a"]),
    ),
    "a lost manifest": ("missing_manifest", oci(lost="manifest")),
    "fewer layers than the config has": (
        "layers_disagree",
        docker(Layers=[f"{0:064x}/layer.tar"]),
    ),
    "a changed config": (
        "wrong_digest",
        docker(extra=member(f"{'a' * 64}.json", text(described())), Config=f"{'a' * 64}.json"),
    ),
    "a changed layer": ("wrong_digest", docker(config=described(LAYERS[1], LAYERS[1]))),
    "exchanged layers": ("wrong_digest", docker(config=described(*reversed(LAYERS)))),
    "a changed layer in OCI": ("wrong_digest", oci(config=described(LAYERS[1], LAYERS[0]))),
    "a changed manifest in OCI": (
        "wrong_digest",
        oci(
            extra=member(f"blobs/sha256/{'b' * 64}", b"{}"),
            descriptor={"digest": f"sha256:{'b' * 64}"},
        ),
    ),
    "a wrong declared size": ("wrong_size", oci(descriptor={"size": 1})),
    "a changed blob around a good layer": (
        "wrong_digest",
        oci(
            manifest={"layers": [{"digest": f"sha256:{'c' * 64}"}] * 2},
            extra=member(f"blobs/sha256/{'c' * 64}", gzip.compress(LAYERS[0])),
        ),
    ),
    "a config that is no JSON": ("invalid_json", docker(config=b"{")),
    "a config with NaN": ("invalid_json", docker(config=b'{"os": NaN}')),
    "a config in Latin-1": ("invalid_json", docker(config=b'{"os": "\xe9"}')),
    "a config with a key twice": ("invalid_json", docker(config=b'{"os": "a", "os": "b"}')),
    "a config of brackets": ("invalid_json", docker(config=b"[" * 5900)),
    "a number of digits": ("invalid_json", docker(config=b"1" * 5800)),
    "a large config": ("json_too_large", docker(config=b" " * 9000)),
    "a config that is a list": ("invalid_config", docker(config=b"[]")),
    "a config that is null": ("invalid_config", docker(config=b"null")),
    "no layers at all": (
        "invalid_config",
        with_config(rootfs={"type": "layers", "diff_ids": []}),
    ),
    "layers of another type": ("invalid_config", with_config(rootfs={"type": "x"})),
    "a layer's digest that is a path": (
        "invalid_config",
        with_config(rootfs={"type": "layers", "diff_ids": ["sha256:../../x", "x"]}),
    ),
    "an entry point that is a text": ("invalid_config", configured(Entrypoint="/app/run")),
    "an environment of numbers": ("invalid_config", configured(Env=[1])),
    "a user that is a number": ("invalid_config", configured(User=0)),
    "a user with NUL": ("invalid_config", configured(User="a\0b")),
    "a folder with half a character": ("invalid_config", configured(WorkingDir="\ud800")),
    "volumes that are a list": ("invalid_config", configured(Volumes=["/scratch"])),
    "volumes with a value": ("invalid_config", configured(Volumes={"/scratch": 1})),
    "volumes that Go reads and we would not": (
        "invalid_config",
        configured(volumes={"/scratch": {}}),
    ),
    "a user that Go reads through Unicode": ("invalid_config", configured(**{"U\u017fer": "root"})),
    "a second config that Go reads": ("invalid_config", with_config(Config={"User": "root"})),
    "an image for ARM": ("wrong_platform", with_config(architecture="arm64")),
    "an image for Windows": ("wrong_platform", with_config(os="windows")),
    "an image for nothing": ("wrong_platform", with_config(architecture=None)),
    "an index for ARM": (
        "wrong_platform",
        oci(beside=(other_image(),), descriptor={"platform": {"os": "linux", "architecture": "?"}}),
    ),
    "no program": ("no_entry_point", configured(Cmd=None)),
    "an empty program": ("no_entry_point", configured(Cmd=[], Entrypoint=[""])),
    "a large archive": ("too_large", docker(extra=member("x", NOISE * 33))),
    "four layers": ("too_many_layers", oci(EMPTY_TAR, EMPTY_TAR, EMPTY_TAR, EMPTY_TAR)),
    "many files": ("too_many_members", layered(*(member(f"{i}") for i in range(21)))),
    "many files by listing a layer again": (
        "too_many_members",
        oci(*[tarball(*(member(f"{i}") for i in range(8)))] * 3),
    ),
    "a manifest among a file system's members": (
        "too_many_members",
        tarball(member("manifest.json", NOISE), *[member("a/", kind=b"5")] * 10_000),
    ),
    "a large sparse file": ("unpacked_too_large", layered(SPARSE)),
    "a large file by an extended header": (
        "unpacked_too_large",
        layered(member("a", b"", pax={"size": str(1 << 40)})),
    ),
    "a large layer": (
        "unpacked_too_large",
        oci(tarball(member("x", bytes(5 * MEBIBYTE))), stored=gzip.compress),
    ),
    "a layer listed again and again": (
        "unpacked_too_large",
        oci(*[tarball(member("x", NOISE + bytes(6 * len(NOISE))))] * 3, stored=gzip.compress),
    ),
    "a gzip bomb": ("compression_ratio", gzip.compress(docker(extra=member("x", bytes(3 << 20))))),
    "a gzip bomb for a layer": (
        "compression_ratio",
        oci(tarball(member("x", bytes(3 << 20))), stored=gzip.compress),
    ),
    "a zstd bomb for a layer": (
        "compression_ratio",
        oci(tarball(member("x", bytes(3 << 20))), stored=zstd),
    ),
    "a sparse bomb": (
        "compression_ratio",
        layered(header(b"sparse", 0, b"S", at_483=b"%011o\0" % (3 << 20))),
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_it_is_refused_with_its_reason_and_nothing_is_left(name: str, desk: Desk) -> None:
    code, archive = HOSTILE[name]
    refusal = desk.refusal(archive, limits=SMALL)
    assert (refusal.code, name) == (code, name), refusal.message
    assert refusal.message == str(refusal)
    assert len(refusal.message) < 500
    assert refusal.message.isprintable()


def test_every_reason_has_an_example() -> None:
    assert {code for code, _ in HOSTILE.values()} == set(get_args(Code))


@pytest.mark.parametrize("name", LAYOUTS)
def test_good_archives_pass_the_same_limits(name: str, desk: Desk) -> None:
    desk.take(LAYOUTS[name], limits=SMALL)


def test_a_name_from_the_archive_is_shown_escaped_and_short(desk: Desk) -> None:
    message = desk.refusal(docker(extra=member("/\x1b[2J<b>" + "x" * 5000))).message
    assert "\\x1b[2J<b>" in message
    assert len(message) < 400


def bomb(size: int) -> bytes:
    """A gzip of a tar with `size` zeros in a layer, without ever holding them."""
    out = io.BytesIO()
    with gzip.GzipFile(fileobj=out, mode="wb", compresslevel=9) as file:
        file.write(header(b"layer.tar", size))
        for _ in range(size // MEBIBYTE):
            file.write(bytes(MEBIBYTE))
    return out.getvalue()


def test_a_bomb_is_refused_by_default_before_it_fills_the_disk(desk: Desk) -> None:
    archive = bomb(120 * MEBIBYTE)
    assert len(archive) < MEBIBYTE
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (101 * MEBIBYTE, before[1]))
    try:
        assert desk.refusal(archive).code == "compression_ratio"
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("compress", [bytes, quick_gzip, zstd])
def test_layers_are_never_held_in_memory(compress: Callable[[bytes], bytes], desk: Desk) -> None:
    archive = oci(tarball(member("noise", NOISE * 120)), stored=compress)
    desk.source.write_bytes(archive)
    del archive
    tracemalloc.start()
    try:
        canonicalise(desk.source, desk.target)
        assert tracemalloc.get_traced_memory()[1] < 6 * MEBIBYTE
    finally:
        tracemalloc.stop()


# Whatever comes

SEEDS = [LAYOUTS[name] for name in LAYOUTS]


@st.composite
def mangled(draw: st.DrawFn) -> bytes:
    """A good archive with bytes changed, exchanged, cut or put in, mostly where headers are."""
    data = bytearray(draw(st.sampled_from(SEEDS)))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(data) - 1))
        match draw(st.sampled_from(["flip", "set", "cut", "put", "copy"])):
            case "flip":
                data[at] ^= 1 << draw(st.integers(0, 7))
            case "set":
                data[at] = draw(st.sampled_from(b'\0\x80\xff0179xgLKS/.{}[]"'))
            case "cut":
                del data[at : at + draw(st.sampled_from([1, 512, 1 << 20]))]
            case "put":
                data[at:at] = draw(st.binary(max_size=20))
            case _:
                block = at - at % 512
                data[block:block] = data[block : block + 512]
        if not data:
            break
    return bytes(data)


def mended(archive: bytes) -> bytes:
    """The archive with its headers' checksums made right, so that what lies behind is reached."""
    data = bytearray(archive)
    for at in range(0, len(data) - 511, 512):
        if data[at + 257 : at + 262] == b"ustar":
            data[at + 148 : at + 156] = b" " * 8
            data[at + 148 : at + 156] = b"%06o\0 " % sum(data[at : at + 512])
    return bytes(data)


@settings(
    max_examples=250,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(archive=mangled(), mend=st.booleans())
def test_a_mangled_archive_is_refused_or_whole(
    archive: bytes, mend: bool, desk: Desk, canonical: bytes
) -> None:
    try:
        desk.take(mended(archive) if mend else archive, limits=SMALL)
    except ArchiveRefused:
        desk.check_nothing_left()
    else:
        assert desk.target.read_bytes() == canonical


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    value=st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: (
            st.lists(inner)
            | st.dictionaries(
                st.text()
                | st.sampled_from(
                    [
                        "Config",
                        "Layers",
                        "config",
                        "layers",
                        "manifests",
                        "digest",
                        "platform",
                        "os",
                        "rootfs",
                        "diff_ids",
                        "Entrypoint",
                        "Volumes",
                        "architecture",
                        "size",
                    ]
                ),
                inner,
            )
        ),
        max_leaves=20,
    ),
    place=st.sampled_from(["manifest.json", "index.json", "config"]),
)
def test_any_json_is_refused_and_never_an_accident(value: Json, place: str, desk: Desk) -> None:
    archive = (
        docker(config=text(value))
        if place == "config"
        else tarball(member(place, text([value] if place == "manifest.json" else value)))
    )
    desk.refusal(archive)


# An engine takes it


def program() -> bytes:
    """A static x86-64 program that prints `ok` and ends well, so that an image needs no base."""
    code = (
        b"\xb8\1\0\0\0\xbf\1\0\0\0\x48\xbe"
        + struct.pack("<Q", 0x400000 + 120 + 43)
        + b"\xba\3\0\0\0\x0f\x05"  # write(1, message, 3)
        + b"\xb8\x3c\0\0\0\x31\xff\x0f\x05"  # exit(0)
    ).ljust(43, b"\x90") + b"ok\n"
    size = 120 + len(code)
    return (
        b"\x7fELF\2\1\1".ljust(16, b"\0")
        + struct.pack("<HHIQQQIHHHHHH", 2, 62, 1, 0x400078, 64, 0, 0, 64, 56, 1, 0, 0, 0)
        + struct.pack("<IIQQQQQQ", 1, 5, 0, 0x400000, 0x400000, size, size, 4096)
        + code
    )


def run(*arguments: str) -> str:
    return subprocess.run(
        ["docker", *arguments], check=True, capture_output=True, text=True, timeout=60
    ).stdout.strip()


def runnable(note: str, layers: int = 2) -> tuple[tuple[bytes, ...], Json]:
    info = tarfile.TarInfo("run")
    info.mode, info.size = 0o755, len(program())
    data = info.tobuf(tarfile.GNU_FORMAT) + program() + bytes(-len(program()) % 512)
    tars = (tarball(data), tarball(member("note", note.encode())), EMPTY_TAR, EMPTY_TAR)[:layers]
    return tars, described(*tars, config={"Entrypoint": ["/run"]})


@pytest.fixture
def images() -> Iterator[list[str]]:
    names: list[str] = []
    yield names
    for name in reversed(names):
        subprocess.run(["docker", "rmi", "--force", name], check=False, capture_output=True)


@pytest.mark.docker
@pytest.mark.parametrize("pack", [docker, oci])
def test_an_engine_loads_it_without_a_tag_and_runs_it(
    pack: Callable[..., bytes], desk: Desk, images: list[str]
) -> None:
    tars, config = runnable(uuid.uuid4().hex, layers=4)
    image = desk.take(zstd(pack(*tars, config=config)))
    images.append(image.digest)
    assert run("load", "--input", str(desk.target)) == f"Loaded image ID: {image.digest}"
    found = json.loads(run("image", "inspect", image.digest))[0]
    assert found["Id"] == image.digest
    assert not found["RepoTags"]
    assert found["RootFS"]["Layers"] == list(image.layers)
    assert run("run", "--rm", "--network", "none", image.digest) == "ok"


@pytest.mark.docker
def test_an_image_on_the_host_cannot_be_replaced_by_its_name(desk: Desk, images: list[str]) -> None:
    name = f"uptake-test-{uuid.uuid4().hex}:latest"
    tars, config = runnable("ours")
    ours = desk.take(docker(*tars, config=config))
    run("load", "--input", str(desk.target))
    run("tag", ours.digest, name)
    images += [ours.digest, name]
    tars, config = runnable(uuid.uuid4().hex)
    theirs = desk.take(docker(*tars, config=config, tags=[name]))
    images.append(theirs.digest)
    run("load", "--input", str(desk.target))
    assert json.loads(run("image", "inspect", name))[0]["Id"] == ours.digest != theirs.digest


@pytest.mark.docker
def test_what_an_engine_saves_is_taken_back(desk: Desk, images: list[str]) -> None:
    tars, config = runnable(uuid.uuid4().hex, layers=4)
    image = desk.take(docker(*tars, config=config))
    images.append(image.digest)
    run("load", "--input", str(desk.target))
    saved = desk.folder / "saved.tar"
    run("save", "--output", str(saved), image.digest)
    again = desk.folder / "again.tar"
    assert canonicalise(saved, again) == image
    assert again.read_bytes() == desk.target.read_bytes()
