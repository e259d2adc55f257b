"""A moment in a definition: a time with its zone, kept in UTC."""

from datetime import UTC, date, datetime
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field

_EXAMPLE_TIME = "2027-01-31T23:59:00Z"


def _no_number(moment: object) -> object:
    if isinstance(moment, date) or (isinstance(moment, str) and "-" in moment.strip()[1:]):
        return moment
    raise ValueError(f"a date and time is expected, for example {_EXAMPLE_TIME}")


def _in_utc(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise ValueError(f"a time needs its zone, for example {_EXAMPLE_TIME}")
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("the time lies outside the calendar") from None


# Not strict, as JSON holds text; but a number would be read as seconds since 1970.
Moment = Annotated[
    datetime, Field(strict=False), BeforeValidator(_no_number), AfterValidator(_in_utc)
]
