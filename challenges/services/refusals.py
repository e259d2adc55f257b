"""What a person asked for and does not get, said so that they know what to do."""

import unicodedata
from collections.abc import Mapping

_NO_TEXT = {"Cc", "Cs"}
_TURNS_TEXT_ROUND = set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


class Refused(Exception):
    """message: all of it as sentences. problems: by the name of what was given, all at once; empty
    where nothing that was given is wrong by itself."""

    def __init__(self, message: str = "", problems: Mapping[str, str] | None = None) -> None:
        self.problems = dict(problems or {})
        self.message = message or " ".join(self.problems.values())
        super().__init__(self.message)


def text_problem(text: str, *, most: int, missing: str = "") -> str:
    """What is wrong with ``text``, or nothing. missing: what to say where it is empty."""
    if missing and not text.strip():
        return missing
    if len(text) > most:
        return f"This has {len(text)} characters; at most {most} are taken."
    if any(_is_no_text(sign) for sign in text):
        return "This holds a control character; write it again by hand."
    return ""


def _is_no_text(sign: str) -> bool:
    """Controls but ends of lines, halves of a character, and what turns a name round."""
    if sign in "\n\r\t":
        return False
    return unicodedata.category(sign) in _NO_TEXT or sign in _TURNS_TEXT_ROUND
