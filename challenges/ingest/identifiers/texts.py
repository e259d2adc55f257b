"""What in a text looks like a person's name, a date, a long number or a place of care."""

import re
import unicodedata
from collections.abc import Iterator
from itertools import pairwise

from challenges.ingest.identifiers.words import GIVEN_NAMES, NOBODY, TECHNICAL

NAME, DATE, NUMBER = "a person's name", "a date", "a long number"
INSTITUTION, ADDRESS = "an institution", "an e-mail address"

_YEAR, _MONTH, _DAY = r"(?:19|20)\d\d", r"(?:0?[1-9]|1[0-2])", r"(?:0?[1-9]|[12]\d|3[01])"
_MONTHS = r"(?:jan|feb|mar|apr|may|mai|jun|jul|aug|sep|oct|okt|nov|dec|dez)[a-z]*"
_DATES = re.compile(
    rf"(?i)(?<![\d.])(?:"
    rf"{_YEAR}(?P<sep>[-/._ ]){_MONTH}(?P=sep){_DAY}"
    rf"|{_DAY}(?P<sep2>[-/._]){_MONTH}(?P=sep2){_YEAR}"
    rf"|{_MONTH}(?P<sep3>[-/]){_DAY}(?P=sep3){_YEAR}"
    rf"|{_DAY}[-. _]{{1,2}}{_MONTHS}[-. _]{{1,2}}{_YEAR}"
    rf"|{_YEAR}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])(?:[0-2]\d[0-5]\d(?:[0-5]\d)?)?"
    rf")(?![\d.]*\d)"
)
_NUMBERS = re.compile(r"(?<![\w.])\d{8,}(?![\w]|\.\d)")
_CARETS = re.compile(r"[^\W\d_][\w'’-]*(?: [\w'’-]+)*\^[^\W\d_][\w'’. -]*")
_TITLED = re.compile(r"\b(?:Dr|Prof|Mr|Mrs|Ms|Herr|Frau|Mme|Sr|Sra)\b\.? ?[A-ZÀ-Þ][\w'’-]+")
_CARE = re.compile(
    r"(?i)\b(?:\w*(?:hospital|klinik|krankenhaus|spital|hopital|hôpital|ospedale)\w*|clinic"
    r"|clínica|medical cent(?:er|re)|universit(?:y|ät|é|à|at))\b"
)
_MAIL = re.compile(r"[\w.+-]+@[\w-]+\.[\w.-]+")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_UID = re.compile(r"\b\d+(?:\.\d+){4,}\b")
_WORDS = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*|\d+")


def search_text(text: str) -> Iterator[tuple[str, str]]:
    """What it looks like, and the part of ``text`` that does; each part once."""
    text = _UID.sub("", unicodedata.normalize("NFC", text))
    for what, pattern in (
        (ADDRESS, _MAIL),
        (NAME, _CARETS),
        (NAME, _TITLED),
        (DATE, _DATES),
        (NUMBER, _NUMBERS),
        (INSTITUTION, _CARE),
    ):
        parts = [match.group() for match in pattern.finditer(text)]
        if what == NAME:
            parts = [part for part in parts if not _is_nobody(part)]
        # One institution often has two of the words.
        yield from ((what, part) for part in (parts[:1] if what == INSTITUTION else parts))
        text = pattern.sub(" ", text)
    yield from ((NAME, pair) for pair in _named(text))


def _named(text: str) -> Iterator[str]:
    """A given name beside a word that may be a surname: in file names, and in free text."""
    for segment in re.split(r"[/\\:;,()\[\]]", text.replace(", ", " ")):
        words = _WORDS.findall(_CAMEL.sub("_", segment))
        # In a sentence a surname has a capital, in the name of a file it may have none.
        small = " " not in text.strip()
        for one, other in pairwise(words):
            if (_is_given(one) and _may_be_surname(other, small)) or (
                _is_given(other) and _may_be_surname(one, small)
            ):
                yield f"{one} {other}"
                break


def _is_given(word: str) -> bool:
    return _plain(word) in GIVEN_NAMES


def _may_be_surname(word: str, small: bool) -> bool:
    fits = len(word) > 2 if word.islower() and small else len(word) > 1 and not word.islower()
    return word.isalpha() and fits and _plain(word) not in TECHNICAL


def _is_nobody(text: str) -> bool:
    words = [_plain(word) for word in _WORDS.findall(text) if word.isalpha()]
    return not words or all(word in NOBODY or len(word) == 1 for word in words)


def is_opaque(name: str) -> bool:
    """Whether what stands for a person's name is a code or a placeholder: “STS_001”."""
    words = [_plain(word) for word in _WORDS.findall(name)]
    letters = [word for word in words if word.isalpha()]
    coded = any(char.isdigit() for char in name) and "^" not in name.strip("^")
    return _is_nobody(name) or (coded and not any(word in GIVEN_NAMES for word in letters))


def _plain(word: str) -> str:
    """Without case and accents."""
    apart = unicodedata.normalize("NFKD", word.casefold())
    return "".join(char for char in apart if not unicodedata.combining(char))
