"""Long lists, a page at a time."""

from typing import TypeVar

from django.core.paginator import Page, Paginator
from django.db.models import Model, QuerySet
from django.http import HttpRequest

Row = TypeVar("Row", bound=Model)


def page_of(request: HttpRequest, rows: QuerySet[Row], size: int) -> Page[Row]:
    """The one that ``?page=`` names; the first or the last where there is no such."""
    return Paginator(rows, size).get_page(request.GET.get("page"))
