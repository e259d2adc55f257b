"""A new algorithm's folder: a program that works, its Dockerfile, and a simulated case to try.

The templates lie in examples/starter; petio.py is the one of examples/algorithms.
"""

import re
import shutil
from enum import StrEnum
from pathlib import Path

from challenges.definition.describing import empty_card
from config.environment import ROOT

TEMPLATES = ROOT / "examples" / "starter"
_PETIO = ROOT / "examples" / "algorithms" / "petio.py"
# What an engine takes as an image's name.
_NAME = re.compile(r"[a-z0-9]+([._-][a-z0-9]+)*")
_SEED = 7
_SIZE = (64, 64, 120)


class Kind(StrEnum):
    """What the program reads and writes images with."""

    NUMPY = "numpy"
    SIMPLEITK = "simpleitk"
    NIBABEL = "nibabel"
    NNUNET = "nnunet"


class StarterRefused(Exception):
    """The text says what to give instead."""


def write_starter(name: str, folder: Path, kind: Kind) -> None:
    """Write it into ``folder``, which is new or empty. Raises StarterRefused, OSError."""
    if not _NAME.fullmatch(name):
        raise StarterRefused(
            f"“{name}” cannot be an image's name; use small letters, digits, and “-”, “_” or “.” "
            "between them."
        )
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise StarterRefused(f"{folder} is not empty; name a new folder with --folder.")
    folder.mkdir(parents=True, exist_ok=True)
    source = TEMPLATES / kind.value
    for file in ("Dockerfile", "algorithm.py"):
        shutil.copyfile(source / file, folder / file)
    if "import petio" in (source / "algorithm.py").read_text("utf-8"):
        shutil.copyfile(_PETIO, folder / "petio.py")
    shutil.copyfile(TEMPLATES / "dockerignore", folder / ".dockerignore")
    shutil.copyfile(TEMPLATES / "challenge.yaml", folder / "challenge.yaml")
    (folder / "card.yaml").write_text(empty_card(), "utf-8")
    (folder / "README.md").write_text(_readme(name, source / "README.part.md"), "utf-8")
    _simulate(folder / "cases")


def _readme(name: str, part: Path) -> str:
    words = {
        "name": name,
        "uptake": str(ROOT / "uptake"),
        "examples": str(ROOT / "examples"),
        "docs": str(ROOT / "docs"),
        "more": part.read_text("utf-8") if part.exists() else "",
    }
    text = (TEMPLATES / "README.md").read_text("utf-8")
    for key, value in words.items():
        text = text.replace(f"{{{{{key}}}}}", value)
    return text


def _simulate(folder: Path) -> None:
    from challenges.phantoms import generate

    generate(folder, seed=_SEED, cases=1, size=_SIZE)
