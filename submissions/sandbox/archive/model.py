"""What goes in and comes out: limits, the inspected image, and the one refusal."""

from dataclasses import dataclass
from typing import Literal

MEBIBYTE = 1 << 20
GIBIBYTE = 1 << 30

Code = Literal[
    "compression_ratio",
    "damaged",
    "device",
    "duplicate_member",
    "invalid_config",
    "invalid_json",
    "invalid_manifest",
    "json_too_large",
    "layers_disagree",
    "layouts_disagree",
    "link_outside",
    "member_path",
    "missing_config",
    "missing_layer",
    "missing_manifest",
    "no_entry_point",
    "no_manifest",
    "not_a_tar",
    "too_large",
    "too_many_layers",
    "too_many_members",
    "truncated",
    "two_images",
    "unpacked_too_large",
    "unsupported_member",
    "wrong_digest",
    "wrong_platform",
    "wrong_size",
]


class ArchiveRefused(Exception):
    """An archive that no engine may see.

    `code` is the machine-readable reason, one of `Code`. `message` says what was found, what was
    expected and what to do; names from the archive appear in it shortened and quoted, so it may
    be shown to the person who uploaded the archive.
    """

    def __init__(self, code: Code, message: str) -> None:
        super().__init__(message)
        self.code: Code = code
        self.message = message


@dataclass(frozen=True)
class ArchiveLimits:
    """How large an archive may be, on its way in and unpacked.

    compressed_bytes: the archive as uploaded, in bytes.
    unpacked_bytes: bytes that the image may unpack to. Neither the logical sizes of the files
        (summed over layers; a layer listed twice counts twice, holes of sparse files count in
        full) nor the uncompressed tars may exceed it.
    layers: layers listed by the image. Docker's overlay driver mounts no more than 127.
    members: files, folders and links, summed over layers.
    ratio: unpacked bytes per uploaded byte, judged once more than `ratio_floor_bytes` unpack.
    config_bytes: each JSON document (manifest, index, image config), in bytes.
    """

    compressed_bytes: int = 10 * GIBIBYTE
    unpacked_bytes: int = 20 * GIBIBYTE
    layers: int = 127
    members: int = 2_000_000
    ratio: float = 200.0
    ratio_floor_bytes: int = 100 * MEBIBYTE
    config_bytes: int = 8 * MEBIBYTE

    def refuse_layers(self, count: int) -> None:
        """Raises ArchiveRefused (`too_many_layers`) for an image that lists `count` layers."""
        if count > self.layers:
            raise ArchiveRefused(
                "too_many_layers",
                f"The image has {count:,} layers, at most {self.layers} are possible: join RUN"
                " instructions or squash the image.",
            )

    def refuse_excess(self, unpacked: int, archive_bytes: int, where: str) -> None:
        """Refuse as soon as `unpacked` bytes are more than an archive of `archive_bytes` may hold.

        Raises ArchiveRefused (`unpacked_too_large`, `compression_ratio`).
        """
        if unpacked > self.unpacked_bytes:
            raise ArchiveRefused(
                "unpacked_too_large",
                f"{where} unpacks to more than the {self.unpacked_bytes:,} bytes that an image may"
                " have: leave data and build tools out of the image.",
            )
        if unpacked > max(self.ratio_floor_bytes, self.ratio * archive_bytes):
            raise ArchiveRefused(
                "compression_ratio",
                f"{where} unpacks to more than {self.ratio:g} times the archive's"
                f" {archive_bytes:,} bytes, as a decompression bomb does: remove large files that"
                " are empty or repeat themselves.",
            )


@dataclass(frozen=True)
class ImageConfig:
    """The part of an image's config that counts. Labels, health check and the rest do not.

    entrypoint, command: argument lists; at least one of them names a program.
    environment: `NAME=value` entries as found.
    working_directory: empty for the root.
    user: as found (name or number, with or without group); empty for the superuser.
    volumes: declared paths, sorted.
    """

    entrypoint: tuple[str, ...]
    command: tuple[str, ...]
    environment: tuple[str, ...]
    working_directory: str
    user: str
    volumes: tuple[str, ...]


@dataclass(frozen=True)
class WeightsFile:
    """One file of the image as its layers leave it."""

    path: str
    parameters: int


@dataclass(frozen=True)
class InspectedImage:
    """One image, every byte of which was read and whose digests hold.

    digest: `sha256:…` of the config's bytes, which identifies the image.
    layers: diff ids (`sha256:…` of each uncompressed layer tar), lowest first, as listed.
    unpacked_bytes: logical sizes of the files, summed over layers as listed.
    archive_bytes: size of the canonical archive.
    weights: its files whose parameters could be counted.
    layout: what the image was found in: `docker` (a manifest.json) or `oci` (an index.json alone).
    """

    digest: str
    config: ImageConfig
    layers: tuple[str, ...]
    unpacked_bytes: int
    archive_bytes: int
    layout: Literal["docker", "oci"]
    weights: tuple[WeightsFile, ...] = ()


def shown(text: str | bytes) -> str:
    """An untrusted name as it may appear in a message: quoted, escaped, at most 120 characters."""
    quoted = ascii(text.decode("utf-8", "replace") if isinstance(text, bytes) else text)
    return quoted if len(quoted) <= 120 else f"{quoted[:100]}…{quoted[-19:]}"
