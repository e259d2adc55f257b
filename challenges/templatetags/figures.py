"""Numbers as they stand on pages: with the digits that mean something, and a dash for none."""

from datetime import datetime
from math import ceil
from typing import Protocol

from django import template
from django.utils import timezone

register = template.Library()
NONE = "–"
HOLD = "\u00a0"
"""No line breaks between a number and its unit."""


@register.filter
def figure(value: float | None, decimals: int = 2) -> str:
    """A true minus sign, so that columns of tabular numerals line up."""
    if value is None:
        return NONE
    text = f"{value:,.{decimals}f}".replace(",", "\u202f")
    return text.replace("-", "\u2212") if text.strip("-0.") else text.lstrip("-")


@register.filter
def duration(seconds: float | None) -> str:
    """A whole number says that its fractions are not known, and is not given any."""
    if seconds is None:
        return NONE
    if seconds < 10 and not isinstance(seconds, int):
        return f"{seconds:.1f}{HOLD}s"
    return _whole(seconds)


@register.filter
def elapsed(start: datetime | None, end: datetime | None = None) -> str:
    """From ``start`` to ``end``, or to now; in whole seconds."""
    if start is None:
        return NONE
    return _whole(max(0.0, ((end or timezone.now()) - start).total_seconds()))


@register.filter
def from_now(moment: datetime) -> str:
    """In how long, to the minute, and from two days on to the hour; never too early."""
    minutes = max(0, ceil((moment - timezone.now()).total_seconds() / 60))
    if minutes < 60:
        return f"in {minutes}{HOLD}min"
    if minutes < 2 * 24 * 60:
        hours, rest = divmod(minutes, 60)
        return f"in {hours}{HOLD}h {rest}{HOLD}min" if rest else f"in {hours}{HOLD}h"
    days, hours = divmod(ceil(minutes / 60), 24)
    return f"in {days}{HOLD}days {hours}{HOLD}h" if hours else f"in {days}{HOLD}days"


def _whole(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f}{HOLD}s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes_left = divmod(minutes, 60)
    if hours:
        return f"{hours}{HOLD}h {minutes_left}{HOLD}min" if minutes_left else f"{hours}{HOLD}h"
    return f"{minutes}{HOLD}min {rest}{HOLD}s" if rest else f"{minutes}{HOLD}min"


@register.filter
def memory(mib: int) -> str:
    return f"{mib / 1024:g}{HOLD}GiB" if mib >= 1024 else f"{mib}{HOLD}MiB"


@register.filter
def at(values: tuple[object, ...], index: int) -> object:
    return values[index]


@register.simple_tag
def time_left(start: datetime | None, done: int, total: int) -> str:
    """At the pace so far, in round numbers; empty until there is a pace to speak of."""
    if start is None or done < 3 or done >= total:
        return ""
    seconds = (timezone.now() - start).total_seconds() / done * (total - done)
    return _whole(_round(seconds))


class _Span(Protocol):
    @property
    def low_seconds(self) -> float: ...
    @property
    def high_seconds(self) -> float: ...


@register.filter
def span(estimate: _Span) -> str:
    """From … to, in round numbers, which claim no more than an estimate can."""
    low, high = (_round(seconds) for seconds in (estimate.low_seconds, estimate.high_seconds))
    return f"about {_whole(high)}" if low == high else f"{_whole(low)} to {_whole(high)}"


def _round(seconds: float) -> int:
    return 10 * ceil(seconds / 10) if seconds < 90 else 60 * ceil(seconds / 60)


@register.filter
def grouped(count: int) -> str:
    return f"{count:,}"
