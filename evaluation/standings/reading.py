"""An uncertainty that was kept as JSON, typed again."""

from collections.abc import Mapping
from typing import Any

from pydantic import TypeAdapter

from evaluation.standings.analysis import Uncertainty

_UNCERTAINTY = TypeAdapter(Uncertainty)


def uncertainty_of(document: Mapping[str, Any]) -> Uncertainty:
    """What ``dataclasses.asdict`` made, through JSON or not; every number as it was.

    pydantic.ValidationError, with every place, where it is something else.
    """
    return _UNCERTAINTY.validate_python(document)
