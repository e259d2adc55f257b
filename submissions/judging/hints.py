"""What a phase lacks that an image seems to expect, as far as the image itself tells it.

Nothing here refuses an image: a program may name a thing and do without it.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from challenges.definition import ChallengeDefinition
from submissions.sandbox.archive import ImageConfig

_GPU = ("NVIDIA_VISIBLE_DEVICES", "NVIDIA_DRIVER_CAPABILITIES", "CUDA_VERSION")
_NO_GPU = ("", "none", "void")
_WRITTEN = ("nnUNet_raw", "nnUNet_preprocessed", "nnUNet_raw_data_base")
"""Variables whose folders nnU-Net writes to; the one of its results it reads."""
_TEMPLATES = ("/opt/algorithm", "/opt/app")
"""Where images made from templates of grand-challenge.org keep their program."""
_INPUT = re.compile(r"/input/([A-Za-z0-9_.-]+(?:/[A-Za-z0-9_.-]+)?)")
_OUTPUT = re.compile(r"/output/images/([A-Za-z0-9_.-]+)")


@dataclass(frozen=True)
class Hint:
    """found: what the image's configuration says. means: what that comes to in this challenge."""

    found: str
    means: str

    def __str__(self) -> str:
        return f"{self.found}: {self.means}"


def hints_of(
    config: ImageConfig, definition: ChallengeDefinition, writable: Sequence[str] = ()
) -> tuple[Hint, ...]:
    """In the order of how likely a run fails for it. writable: the submission's writable paths."""
    given = tuple(PurePosixPath(path) for path in (*writable, *config.volumes, "/tmp", "/output"))  # noqa: S108
    return (
        *_gpu(config),
        *_names_in(config, definition),
        *_written_folders(config, given),
        *_template(config, definition, given),
    )


def _gpu(config: ImageConfig) -> Iterator[Hint]:
    variables = _variables(config)
    named = [name for name in _GPU if variables.get(name, "").lower() not in _NO_GPU]
    if named:
        said = ", ".join(f"{name}={variables[name]}" for name in named)
        yield Hint(
            f"The image is made for a GPU ({said})",
            "no phase gives one. The program has to run on the CPU, within the phase's time.",
        )


def _names_in(config: ImageConfig, definition: ChallengeDefinition) -> Iterator[Hint]:
    """Paths of the contract that its configuration names, and that are not as named."""
    said = " ".join((*config.entrypoint, *config.command, *config.environment))
    offered = inputs_of(definition)
    known = {path.removeprefix("/input/").removesuffix("/<id>.mha") for path in offered}
    for name in dict.fromkeys(_INPUT.findall(said)):
        if name not in (*known, "images"):
            yield Hint(
                f"The image's configuration names /input/{name}",
                f"this challenge gives {_list(offered)}, and nothing else.",
            )
    asked = definition.evaluation.confidence
    taken = {definition.output_slug, *([asked.name] if asked and asked.is_map else [])}
    for name in dict.fromkeys(_OUTPUT.findall(said)):
        if name not in taken:
            yield Hint(
                f"The image's configuration names /output/images/{name}",
                f"the mask is looked for in /output/images/{definition.output_slug}/ alone.",
            )


def _written_folders(config: ImageConfig, given: tuple[PurePosixPath, ...]) -> Iterator[Hint]:
    variables = _variables(config)
    for name in _WRITTEN:
        path = variables.get(name, "")
        if path.startswith("/") and not _is_inside(path, given):
            yield Hint(
                f"{name} is {path}",
                "this is read-only in a run. Where the program writes there, name it, or a folder "
                "above it, as a writable path.",
            )


def _template(
    config: ImageConfig, definition: ChallengeDefinition, given: tuple[PurePosixPath, ...]
) -> Iterator[Hint]:
    said = (config.working_directory, *config.entrypoint, *config.command)
    for home in _TEMPLATES:
        if not any(PurePosixPath(one).is_relative_to(home) for one in said):
            continue
        means = (
            "what it reads cannot be seen from outside; a run gives it "
            f"{_list(inputs_of(definition))}, and nothing else"
        )
        means += "." if any(one.name == "ehr" for one in definition.inputs) else " (no ehr.json)."
        if not _is_inside(home, given):
            means += (
                " All but /tmp and /output is read-only; where the program writes beside itself, "
                f"name {home} as a writable path."
            )
        yield Hint(
            f"The program lies in {home}, as in containers for autoPET and grand-challenge.org",
            means,
        )
        return


def inputs_of(definition: ChallengeDefinition) -> tuple[str, ...]:
    """Every path that a run finds below /input."""
    return (
        *(f"/input/images/{modality.lower()}/<id>.mha" for modality in definition.modalities),
        *(f"/input/{one.name}.json" for one in definition.inputs),
        "/input/inputs.json",
    )


def _variables(config: ImageConfig) -> dict[str, str]:
    return dict(pair.partition("=")[::2] for pair in config.environment)


def _is_inside(path: str, folders: tuple[PurePosixPath, ...]) -> bool:
    return any(PurePosixPath(path).is_relative_to(folder) for folder in folders)


def _list(names: Sequence[str]) -> str:
    return f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else names[0]
