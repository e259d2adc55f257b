"""Long lists, a part at a time."""

from typing import TypeVar

from django.core.paginator import Page, Paginator
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from ninja import Schema
from pydantic import Field

Row = TypeVar("Row", bound=Model)


def page_of(request: HttpRequest, rows: QuerySet[Row], size: int) -> Page[Row]:
    """The one that ``?page=`` names; the first or the last where there is no such."""
    return Paginator(rows, size).get_page(request.GET.get("page"))


class Part(Schema):
    """Of a list of the API: so many, after leaving out so many."""

    limit: int = Field(default=100, ge=1, le=1000)
    offset: int = Field(default=0, ge=0, le=1_000_000_000)

    def of(self, rows: QuerySet[Row]) -> QuerySet[Row]:
        return rows[self.offset : self.offset + self.limit]
