"""JSON that a container wrote: a stranger's bytes, taken only as the challenge declared them."""

import pytest

from challenges.definition import OutputSpec
from submissions.documents import judge_documents

RISK = OutputSpec(
    name="risk", title="Risk", json_schema={"type": "number", "minimum": 0, "maximum": 1}
)


def judged(content, *declared):
    values, failure = judge_documents({"risk": content}, list(declared or [RISK]))
    return values, failure and (failure.code, failure.message)


def test_what_fits_its_schema_is_kept():
    assert judged(b"0.25") == ({"risk": 0.25}, None)


@pytest.mark.parametrize(
    ("content", "code", "words"),
    [
        (b"NaN", "bad_json", "NaN"),
        (b"-Infinity", "bad_json", "-Infinity"),
        (b"{", "bad_json", "not JSON"),
        (b"", "bad_json", "not JSON"),
        (b"\xff", "bad_json", "UTF-8"),
        (b"[" * 60_000, "bad_json", "nested too deeply"),
        (b'"\\u0000"', "bad_json", "NUL"),
        (b"9" * 5000, "bad_json", "not JSON"),
        (b"1.5", "wrong_json", "maximum of 1"),
        (b'"high"', "wrong_json", "is not of type"),
    ],
)
def test_all_else_is_refused_with_what_was_found(content, code, words):
    values, (found, message) = judged(content)
    assert values == {}
    assert found == code
    assert "/output/risk.json" in message
    assert words in message


def test_without_rules_any_json_is_taken():
    free = OutputSpec(name="risk", title="Risk")
    assert judged(b'{"a": [1, null]}', free) == ({"risk": {"a": [1, None]}}, None)
