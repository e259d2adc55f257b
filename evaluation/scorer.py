"""The job that scores one case, in a process that can open nothing but its files (``nurse``)."""

import json
from collections.abc import Sequence
from typing import Any, BinaryIO

from evaluation.files import score_files
from evaluation.spec import EvaluationSpec


def score(order: dict[str, Any], files: Sequence[BinaryIO], answer: BinaryIO) -> None:
    """order: {spec, files, stated}, where ``files`` names each of the files: reference, prediction,
    pet, probability (a kept map).

    Writes CaseScore as JSON.
    """
    given = dict(zip(order["files"], files, strict=True))
    found = score_files(
        given["reference"],
        given.get("prediction"),
        EvaluationSpec.model_validate(order["spec"]),
        pet=given.get("pet"),
        probability=given.get("probability"),
        stated=order["stated"],
    )
    answer.write(json.dumps(found.to_json(), allow_nan=False).encode())
