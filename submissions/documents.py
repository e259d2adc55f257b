"""Judge the JSON files that a container wrote beside its mask. Their bytes are a stranger's."""

import json
from typing import Any, NoReturn

from jsonschema import Draft202012Validator

from challenges.definition import OutputSpec
from evaluation.confidence import ConfidenceSpec
from submissions.sandbox.outcome import Failure


class _NotJson(ValueError):
    """The text is no JSON that every reader would take."""


def judge_documents(
    found: dict[str, bytes], declared: list[OutputSpec]
) -> tuple[dict[str, Any], Failure | None]:
    """The values by name, or why one is refused: bad_json (NaN and infinity are not JSON), or
    wrong_json where it does not fit its schema."""
    values: dict[str, Any] = {}
    for output in declared:
        place = f"/output/{output.name}.json"
        try:
            value = _parse(found[output.name])
        except (ValueError, RecursionError) as error:
            return {}, Failure("bad_json", f"{place} is not JSON: {_words(error)}.")
        problems = [
            f"{problem.json_path}: {problem.message[:200]}"
            for problem in Draft202012Validator(output.json_schema).iter_errors(value)
        ]
        if problems:
            text = "; ".join(problems[:5])
            return {}, Failure("wrong_json", f"{place} does not fit the challenge's schema: {text}")
        values[output.name] = value
    return values, None


def judge_stated(content: bytes, asked: ConfidenceSpec) -> float | Failure:
    """The one probability of a case: bad_json, or wrong_confidence where it is none."""
    try:
        value = _parse(content)
        shown = json.dumps(value)[:100]
    except (ValueError, RecursionError) as error:
        return Failure("bad_json", f"{asked.place} is not JSON: {_words(error)}.")
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not 0.0 <= value <= 1.0:
        return Failure(
            "wrong_confidence",
            f"{asked.place} holds {shown}; expected one number from 0 to 1, the "
            "probability that the mask is good, and nothing else, such as 0.85.",
        )
    return float(value)


def _parse(content: bytes) -> Any:  # noqa: ANN401
    text = content.decode("utf-8")
    if "\\u0000" in text:
        raise _NotJson("it holds the character NUL, which no database takes")
    return json.loads(text, parse_constant=_refuse)


def _refuse(constant: str) -> NoReturn:
    raise _NotJson(f"it holds {constant}, which JSON does not know")


def _words(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    if isinstance(error, UnicodeDecodeError):
        return "it is not UTF-8"
    return str(error)[:200].rstrip(".")
