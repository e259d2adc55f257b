"""Texts of notices on pages: what somebody else wrote is set off, as its mail does by “>”."""

from collections.abc import Iterable
from itertools import groupby

from django import template
from django.template.defaultfilters import linebreaks_filter
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

register = template.Library()
_MARK = ">"


@register.filter
def with_quotes(text: str) -> SafeString:
    """Paragraphs, all escaped; lines that begin with “>” become a quotation."""
    parts = groupby(text.splitlines(), key=lambda line: line.startswith(_MARK))
    found = (
        (_quotation(lines) if is_quoted else _paragraphs(lines),) for is_quoted, lines in parts
    )
    return format_html_join("\n", "{}", found)


def _quotation(lines: Iterable[str]) -> SafeString:
    said = (line.removeprefix(_MARK).removeprefix(" ") for line in lines)
    return format_html("<blockquote>{}</blockquote>", _paragraphs(said))


def _paragraphs(lines: Iterable[str]) -> SafeString:
    return linebreaks_filter("\n".join(lines).strip("\n"), autoescape=True)
