"""Choices among the rows and columns of a table."""

from collections.abc import Iterable
from typing import Protocol

from django import template

register = template.Library()
FINISHED = ("done", "cancelled")


class MetricColumn(Protocol):
    @property
    def ranked(self) -> bool: ...


class RunRow(Protocol):
    @property
    def case(self) -> str: ...
    @property
    def state(self) -> str: ...


@register.filter
def counting(columns: Iterable[MetricColumn], ranked: bool) -> list[MetricColumn]:
    """The columns that count towards the rank, or those that do not."""
    return [column for column in columns if column.ranked is ranked]


@register.filter
def beside(values: tuple[object, ...], others: tuple[object, ...]) -> list[tuple[object, object]]:
    """Pairs of what stands at the same place."""
    return list(zip(values, others, strict=True))


@register.filter
def cases_in(rows: Iterable[RunRow], state: str) -> list[str]:
    return [row.case for row in rows if row.state == state]


@register.filter
def unfinished(rows: Iterable[RunRow]) -> list[RunRow]:
    """Those that can still change."""
    return [row for row in rows if row.state not in FINISHED]
