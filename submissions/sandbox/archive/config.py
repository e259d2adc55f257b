"""What an image's config asks for, as far as it counts."""

import re

from .documents import Node, decoded
from .model import ArchiveLimits, ArchiveRefused, ImageConfig, shown

DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


def read_config(data: bytes, limits: ArchiveLimits) -> tuple[ImageConfig, tuple[str, ...]]:
    """The image's config and its layers' diff ids, lowest first.

    Raises ArchiveRefused (`invalid_json`, `invalid_config`, `wrong_platform`,
    `too_many_layers`, `no_entry_point`).
    """
    document = Node(decoded(data, "the image's config"), "the image's config", "invalid_config")
    document.required().spelled("architecture", "os", "rootfs", "config")
    _check_platform(document["os"].text(), document["architecture"].text())
    diff_ids = _diff_ids(document["rootfs"].required().spelled("type", "diff_ids"))
    limits.refuse_layers(len(diff_ids))
    config = _image_config(document["config"])
    if not any(config.entrypoint + config.command):
        raise ArchiveRefused(
            "no_entry_point",
            "The image has neither an entry point nor a command: end its Dockerfile with"
            " ENTRYPOINT or CMD.",
        )
    return config, diff_ids


def _check_platform(system: str, architecture: str) -> None:
    if (system, architecture) != ("linux", "amd64"):
        raise ArchiveRefused(
            "wrong_platform",
            f"The image is for {shown(f'{system}/{architecture}')}, expected linux/amd64: build"
            " it with --platform linux/amd64.",
        )


def _diff_ids(rootfs: Node) -> tuple[str, ...]:
    if rootfs["type"].text() != "layers":
        raise rootfs["type"].refusal("expected 'layers'")
    diff_ids = rootfs["diff_ids"]
    if not len(diff_ids):
        raise diff_ids.refusal("found no layer, expected at least one")
    for element in diff_ids.elements():
        if not DIGEST.fullmatch(element.text()):
            raise element.refusal(f"found {shown(element.text())}, expected a SHA-256 digest")
    return tuple(element.text() for element in diff_ids.elements())


def _image_config(node: Node) -> ImageConfig:
    node.spelled("Entrypoint", "Cmd", "Env", "WorkingDir", "User", "Volumes")
    volumes = node["Volumes"]
    for path, nothing in volumes.mapping().items():
        Node(path, volumes.where, "invalid_config").text()
        if nothing not in (None, {}):
            raise volumes.refusal(f"found a value for {shown(path)}, expected an empty object")
    return ImageConfig(
        entrypoint=_texts(node["Entrypoint"]),
        command=_texts(node["Cmd"]),
        environment=_texts(node["Env"]),
        working_directory=node["WorkingDir"].text(),
        user=node["User"].text(),
        volumes=tuple(sorted(volumes.mapping())),
    )


def _texts(node: Node) -> tuple[str, ...]:
    return tuple(element.text() for element in node.elements())
