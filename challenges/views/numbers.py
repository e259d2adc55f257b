"""Whole numbers that a browser sends."""

import re

_MOST_DIGITS = 15


def whole_number(text: str) -> int | None:
    """Of 0 or more, in at most 15 digits 0–9; None for anything else: a database holds no more."""
    return int(text) if re.fullmatch(rf"[0-9]{{1,{_MOST_DIGITS}}}", text) else None
