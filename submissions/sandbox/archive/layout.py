"""Which image an archive holds: by Docker's manifest.json, or by OCI's index.json."""

import hashlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from .documents import Node, decoded
from .members import DOCKER_MANIFEST, OCI_INDEX, Entry, Members
from .model import ArchiveRefused, shown

DEEPEST_INDEX = 4
DIGEST = re.compile(r"sha256:([0-9a-f]{64})")
BLOB_NAME = re.compile(r"(?:\./)?blobs/sha256/([0-9a-f]{64})")
CONFIG_NAME = re.compile(r"(?:\./)?(?:blobs/sha256/|sha256:)?([0-9a-f]{64})(?:\.json)?")


@dataclass(frozen=True)
class StoredLayer:
    """A layer as the archive has it; `digest` (hex) is the one of its bytes, where one is given."""

    entry: Entry
    digest: str | None


@dataclass(frozen=True)
class StoredImage:
    """The archive's image: its config's bytes, their digest in hex, its layers, lowest first."""

    layout: Literal["docker", "oci"]
    config: bytes
    digest: str
    layers: tuple[StoredLayer, ...]


def only_image(members: Members) -> StoredImage:
    """The archive's one image. Where both layouts are there, both must mean the same one.

    Raises ArchiveRefused (`no_manifest`, `two_images`, `layouts_disagree`, `missing_config`,
    `missing_layer`, `missing_manifest`, `wrong_digest`, `wrong_size`, `wrong_platform`,
    `invalid_json`, `invalid_manifest`, `json_too_large`, `too_many_layers`).
    """
    docker = _docker_image(members) if DOCKER_MANIFEST in members else None
    oci = _oci_image(members) if OCI_INDEX in members else None
    if docker and oci and docker.digest != oci.digest:
        raise ArchiveRefused(
            "layouts_disagree",
            f"{DOCKER_MANIFEST} names the image {docker.digest} and {OCI_INDEX} names"
            f" {oci.digest}: expected one image. Save it again.",
        )
    image = docker or oci
    if image is None:
        raise ArchiveRefused(
            "no_manifest",
            f"The archive holds neither {DOCKER_MANIFEST} nor {OCI_INDEX}: upload what `docker"
            " save` writes, not what `docker export` writes.",
        )
    return image


def _docker_image(members: Members) -> StoredImage:
    data = members.document(DOCKER_MANIFEST, "no_manifest")
    images = Node(decoded(data, DOCKER_MANIFEST), DOCKER_MANIFEST, "invalid_manifest")
    if len(images) > 1:
        raise _two_images(len(images))
    image = next(images.elements(), None)
    if image is None:
        raise ArchiveRefused(
            "no_manifest", f"{DOCKER_MANIFEST} lists no image: save one image with `docker save`."
        )
    name = image["Config"].required().text()
    match = CONFIG_NAME.fullmatch(name)
    config = members.document(name, "missing_config", digest=match[1] if match else None)
    return StoredImage(
        layout="docker",
        config=config,
        digest=hashlib.sha256(config).hexdigest(),
        layers=_layers(members, image["Layers"], _docker_layer),
    )


def _layers(
    members: Members, node: Node, read: Callable[[Members, Node], StoredLayer]
) -> tuple[StoredLayer, ...]:
    members.limits.refuse_layers(len(node))
    return tuple(read(members, element) for element in node.elements())


def _docker_layer(members: Members, node: Node) -> StoredLayer:
    name = node.required().text()
    match = BLOB_NAME.fullmatch(name)
    return StoredLayer(members.find(name, "missing_layer"), match[1] if match else None)


def _oci_image(members: Members) -> StoredImage:
    data = members.document(OCI_INDEX, "no_manifest")
    index = Node(decoded(data, OCI_INDEX), OCI_INDEX, "invalid_manifest").required()
    elsewhere: set[str] = set()
    manifests = list(_manifests(members, index, elsewhere, set(), 0))
    if len(manifests) > 1:
        raise _two_images(len(manifests))
    if not manifests and elsewhere:
        raise ArchiveRefused(
            "wrong_platform",
            f"The archive has images for {shown(', '.join(sorted(elsewhere)))}, expected"
            " linux/amd64: build the image with --platform linux/amd64.",
        )
    if not manifests:
        raise ArchiveRefused(
            "no_manifest", f"{OCI_INDEX} lists no image: save one image with `docker save`."
        )
    digest = _digest(manifests[0]["config"].required())
    config = members.document(f"blobs/sha256/{digest}", "missing_config", digest=digest)
    _check_size(manifests[0]["config"], len(config))
    return StoredImage(
        layout="oci",
        config=config,
        digest=digest,
        layers=_layers(members, manifests[0]["layers"], _oci_layer),
    )


def _manifests(
    members: Members, index: Node, elsewhere: set[str], seen: set[str], depth: int
) -> Iterator[Node]:
    """The linux/amd64 manifests below an index, each once; other platforms go to `elsewhere`."""
    if depth > DEEPEST_INDEX:
        raise index.refusal("found an index within an index within an index")
    for descriptor in index["manifests"].elements():
        platform = _platform(descriptor["platform"])
        if platform not in (None, "linux/amd64"):
            elsewhere |= {platform} - {"unknown/unknown"}  # an attestation
            continue
        digest = _digest(descriptor)
        if digest in seen:
            continue
        seen.add(digest)
        name = f"blobs/sha256/{digest}"
        data = members.document(name, "missing_manifest", digest=digest)
        _check_size(descriptor, len(data))
        node = Node(decoded(data, name), name, "invalid_manifest").required()
        nested = "manifests" in node.mapping()
        if nested and not node.mapping().keys().isdisjoint(("config", "layers")):
            raise node.refusal("found a document that is an index and a manifest at once")
        if nested:
            yield from _manifests(members, node, elsewhere, seen, depth + 1)
        else:
            yield node


def _platform(node: Node) -> str | None:
    return f"{node['os'].text()}/{node['architecture'].text()}" if node.mapping() else None


def _oci_layer(members: Members, node: Node) -> StoredLayer:
    digest = _digest(node)
    entry = members.find(f"blobs/sha256/{digest}", "missing_layer")
    _check_size(node, entry.size)
    return StoredLayer(entry, digest)


def _digest(descriptor: Node) -> str:
    text = descriptor["digest"].required().text()
    match = DIGEST.fullmatch(text)
    if match is None:
        raise descriptor.refusal(f"found the digest {shown(text)}, expected a SHA-256 digest")
    return match[1]


def _check_size(descriptor: Node, found: int) -> None:
    expected = descriptor["size"].value
    if expected is not None and expected != found:
        raise ArchiveRefused(
            "wrong_size",
            f"{descriptor.where} has {found:,} bytes, but {shown(str(expected)[:40])} are"
            " declared: save the image and upload it again.",
        )


def _two_images(count: int) -> ArchiveRefused:
    return ArchiveRefused(
        "two_images",
        f"The archive holds {count:,} images, expected one: name a single image to `docker save`.",
    )
