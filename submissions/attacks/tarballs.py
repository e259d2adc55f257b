"""Attacks by an image's tarball, made from a good one: the engine must never see them."""

import hashlib
import io
import json
import tarfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_ZEROS = 512 * 1024 * 1024


@dataclass(frozen=True)
class Member:
    """One entry of a tarball."""

    info: tarfile.TarInfo
    content: bytes = b""


@dataclass(frozen=True)
class Tarball:
    """tried: in words. change: what is done to the members of a good docker-archive. codes: of
    ``ArchiveRefused``, of which one has to come; "" where it is taken, and must do no harm."""

    name: str
    tried: str
    change: Callable[[list[Member]], list[Member]]
    codes: tuple[str, ...]
    packed: Callable[[bytes], bytes] = bytes


def read_members(archive: Path) -> list[Member]:
    """Of a small archive, into memory."""
    found = []
    with tarfile.open(archive) as file:
        for info in file:
            content = file.extractfile(info) if info.isreg() else None
            found.append(Member(info, content.read() if content else b""))
    return found


def write_members(members: list[Member]) -> bytes:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w", format=tarfile.PAX_FORMAT) as file:
        for member in members:
            member.info.size = len(member.content)
            file.addfile(member.info, io.BytesIO(member.content))
    return target.getvalue()


def _file(name: str, content: bytes = b"x", **fields: Any) -> Member:  # noqa: ANN401
    info = tarfile.TarInfo(name)
    for field, value in fields.items():
        setattr(info, field, value)
    return Member(info, content)


def _layer(*members: Member) -> bytes:
    return write_members(list(members))


def _with_layer(layer: bytes, *, digest: str = "") -> Callable[[list[Member]], list[Member]]:
    """One more layer, declared in manifest and config as it should be (but for ``digest``)."""

    def change(members: list[Member]) -> list[Member]:
        manifest, config, rest = _documents(members)
        config["rootfs"]["diff_ids"].append(f"sha256:{digest or hashlib.sha256(layer).hexdigest()}")
        manifest[0]["Layers"].append("extra/layer.tar")
        return [*rest, _file("extra/layer.tar", layer), *_written(manifest, config)]

    return change


def _with_config(**changes: object) -> Callable[[list[Member]], list[Member]]:
    def change(members: list[Member]) -> list[Member]:
        manifest, config, rest = _documents(members)
        for key, value in changes.items():
            if isinstance(value, dict):
                config[key] |= value
            else:
                config[key] = value
        return [*rest, *_written(manifest, config)]

    return change


def _with_manifest(change: Callable[[list[Any]], object]) -> Callable[[list[Member]], list[Member]]:
    def changed(members: list[Member]) -> list[Member]:
        manifest, config, rest = _documents(members)
        change(manifest)
        return [*rest, *_written(manifest, config)]

    return changed


def _with_members(*more: Member) -> Callable[[list[Member]], list[Member]]:
    return lambda members: [*members, *more]


def _documents(members: list[Member]) -> tuple[list[Any], dict[str, Any], list[Member]]:
    """The manifest, the config, and all else."""
    by_name = {member.info.name: member.content for member in members}
    manifest = json.loads(by_name["manifest.json"])
    config_name = manifest[0]["Config"]
    rest = [one for one in members if one.info.name not in ("manifest.json", config_name)]
    return manifest, json.loads(by_name[config_name]), rest


def _written(manifest: list[Any], config: dict[str, Any]) -> list[Member]:
    content = json.dumps(config).encode()
    name = f"{hashlib.sha256(content).hexdigest()}.json"
    for entry in manifest:
        entry["Config"] = name
    return [_file(name, content), _file("manifest.json", json.dumps(manifest).encode())]


def _without_layers(members: list[Member]) -> list[Member]:
    return [one for one in members if not one.info.name.endswith("layer.tar")]


def _swapped(members: list[Member]) -> list[Member]:
    """A layer with another content than its digest says."""
    return [
        _file(one.info.name, one.content[:-2048] + b"\1" * 1024 + one.content[-1024:])
        if one.info.name.endswith("layer.tar")
        else one
        for one in members
    ]


def _bomb(_: bytes) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    chunk = bytes(1024 * 1024)
    pieces = [packer.compress(chunk) for _ in range(_ZEROS // len(chunk))]
    return b"".join([*pieces, packer.flush()])


_LINK = {"type": tarfile.SYMTYPE, "linkname": "/etc/passwd"}
_HARD = {"type": tarfile.LNKTYPE, "linkname": "../../../etc/passwd"}
_DISK = {"type": tarfile.BLKTYPE, "devmajor": 8, "devminor": 0}

TARBALLS = (
    Tarball(
        "paths that climb",
        "a member ../../etc/cron.d/x",
        _with_members(_file("../../etc/cron.d/x")),
        ("member_path",),
    ),
    Tarball(
        "absolute paths",
        "a member /etc/cron.d/x",
        _with_members(_file("/etc/cron.d/x")),
        ("member_path",),
    ),
    Tarball(
        "a link out of the archive",
        "a member that links to /etc/passwd",
        _with_members(_file("extra", b"", **_LINK)),
        ("link_outside", "unsupported_member"),
    ),
    Tarball(
        "a layer that climbs",
        "a file ../../x in a layer",
        _with_layer(_layer(_file("../../x"))),
        ("member_path",),
    ),
    Tarball(
        "a hard link out of a layer",
        "a hard link in a layer to ../../../etc/passwd",
        _with_layer(_layer(_file("x", b"", **_HARD))),
        ("link_outside", "member_path"),
    ),
    Tarball(
        "a disk in a layer",
        "the host's first disk as a device node",
        _with_layer(_layer(_file("sda", b"", **_DISK))),
        ("device",),
    ),
    Tarball(
        "a member twice",
        "manifest.json twice, the second another",
        lambda members: [*members, _file("manifest.json", b"[]")],
        ("duplicate_member",),
    ),
    Tarball(
        "missing layers",
        "a manifest whose layers are not there",
        _without_layers,
        ("missing_layer",),
    ),
    Tarball(
        "a wrong digest",
        "a layer with another content than the config's digest says",
        _swapped,
        ("wrong_digest",),
    ),
    Tarball(
        "a digest that lies",
        "a config that names another digest",
        _with_layer(_layer(_file("x")), digest="0" * 64),
        ("wrong_digest",),
    ),
    Tarball(
        "two images",
        "two images in one archive",
        _with_manifest(lambda manifest: manifest.append(dict(manifest[0]))),
        ("two_images",),
    ),
    Tarball(
        "another architecture",
        "an image for arm64",
        _with_config(architecture="arm64"),
        ("wrong_platform",),
    ),
    Tarball(
        "no entry point",
        "an image that names no program",
        _with_config(config={"Entrypoint": None, "Cmd": None}),
        ("no_entry_point",),
    ),
    Tarball(
        "a gzip bomb",
        "half a gigabyte of zeros in half a megabyte",
        lambda members: members,
        ("compression_ratio", "not_a_tar", "damaged"),
        _bomb,
    ),
    Tarball(
        "a foreign tag",
        "an image tagged python:3.12-slim, which would replace the host's",
        _with_manifest(
            lambda manifest: manifest[0].update(RepoTags=["python:3.12-slim", "uptake/keeper:1"])
        ),
        ("",),
    ),
)
