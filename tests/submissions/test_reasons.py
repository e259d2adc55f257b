"""Each code that a failure can bear has a title, a stage and words on what to do."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest

from submissions.reasons import MEANINGS, OF_IMAGES, meaning
from submissions.sandbox.archive.model import Code

ROOT = Path(__file__).resolve().parents[2]
# The exceptions and values that carry a code, and the functions that make one of their first word.
BEARERS = {
    "Failure",
    "ImageRefused",
    "IsolatedProcessFailed",
    "MapRefused",
    "MaskRefused",
    "SandboxError",
    "VolumeRefused",
    "_not_started",
    "_platform_fault",
    "platform_fault",
}
NAMES = {"code", "reason_code"}
COMPOSED = {"decoder_failed", "scorer_failed"}  # f"{name}_failed" in evaluation/isolated.py
# Raised for files of the command line or of an organiser, never for what a container wrote.
ELSEWHERE = {"evaluation/dicom.py", "evaluation/suv.py", "evaluation/files.py", "evaluation/cli.py"}


def sources() -> Iterator[Path]:
    for folder in ("submissions", "evaluation"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            name = str(path.relative_to(ROOT))
            if name not in ELSEWHERE and "/attacks/" not in name and "/migrations/" not in name:
                yield path


def name_of(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def words(node: ast.expr | None) -> Iterator[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value:
        yield node.value


def codes_in(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if not isinstance(node, ast.Call):
            continue
        bears = name_of(node.func) in BEARERS
        for given in node.args[: 2 if bears else 0]:
            yield from (word for word in words(given) if word.isidentifier())
        for keyword in node.keywords:
            if keyword.arg in NAMES:
                yield from words(keyword.value)


CODES = sorted({code for path in sources() for code in codes_in(path)} | COMPOSED)


def test_the_codes_are_found():
    assert {
        "time_limit", "wrong_json", "writable_too_large", "engine_unreachable", "worker_lost",
        "not_run", "disk_fault", "points_elsewhere", "killed_from_outside", "gvisor_missing",
        "image_not_loaded", "isolation_failed", "sandbox_died", "image_unusable",
    } <= set(CODES)  # fmt: skip


@pytest.mark.parametrize("code", CODES)
def test_each_code_that_the_code_can_raise_has_a_meaning(code):
    assert code in MEANINGS or code in OF_IMAGES


@pytest.mark.parametrize("code", get_args(Code))
def test_each_refusal_of_an_image_has_a_meaning(code):
    assert code in OF_IMAGES


@pytest.mark.parametrize(
    "known", [*MEANINGS.values(), *OF_IMAGES.values()], ids=lambda one: one.title
)
def test_each_meaning_is_whole_sentences_and_gives_nothing_away(known):
    assert known.title[0].isupper()
    assert known.stage
    assert known.generic.endswith(".")
    assert "{" not in known.generic


def test_the_same_word_means_another_thing_of_an_image_than_of_a_mask():
    assert meaning("truncated").title == "Unreadable mask"
    assert meaning("truncated", of_image=True).title == "Incomplete file"
    assert meaning("volumes_refused", of_image=True).title == "Volumes refused"


def test_a_code_that_nobody_knows_is_shown_as_words():
    assert meaning("from_the_future").title == "From the future"
    assert meaning("from_the_future").generic.endswith(".")
