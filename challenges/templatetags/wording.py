"""Texts as they stand on pages: what belongs together stays together."""

import re

from django import template
from django.utils.html import conditional_escape
from django.utils.safestring import SafeString, mark_safe

register = template.Library()
NUMBER_AND_UNIT = re.compile(r"\d[\d.,]* (?:%|mm|ml|MiB|GiB|GB|MB)(?!\w)")
SUBSCRIPT = re.compile(r"([A-Z])_([A-Z]+)(?!\w)")


@register.filter
def unbroken(text: str) -> SafeString:
    """“95 %” never falls apart at the end of a line."""
    held = NUMBER_AND_UNIT.sub(
        lambda found: f'<span class="hold">{found[0]}</span>', conditional_escape(text)
    )
    return mark_safe(held)  # noqa: S308  (escaped just above)


@register.filter
def formula(text: str) -> SafeString:
    """``D_RP`` with its index below the line."""
    return mark_safe(SUBSCRIPT.sub(r"\1<sub>\2</sub>", unbroken(text)))  # noqa: S308


@register.filter
def first_line(text: str) -> str:
    """The sentence of a reason; ``further_lines`` holds what is set out in columns below it."""
    return text.partition("\n")[0]


@register.filter
def further_lines(text: str) -> str:
    return text.partition("\n")[2].strip("\n")


@register.filter
def side_by_side(text: str) -> list[list[str]]:
    """The rows of a small table of text, whose columns two spaces part; none if it is no table."""
    rows = [re.split(r" {2,}", line) for line in text.splitlines()]
    return rows if len(rows) > 1 and {len(row) for row in rows} == {3} else []


@register.filter
def spaced(name: str) -> str:
    """A column's name in words: lesion_free → lesion free."""
    return name.replace("_", " ")


@register.filter
def better(direction: str) -> str:
    """In few words, for the head of a column; nothing where there is no better."""
    return {
        "higher": "higher is better",
        "lower": "lower is better",
        "towards_zero": "0 is best",
    }.get(direction, "")
