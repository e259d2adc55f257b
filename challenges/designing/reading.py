"""A definition as far as it can be read: a draft with errors is told, not hidden by them."""

from dataclasses import dataclass
from typing import Annotated, Any, TypeGuard

from pydantic import TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from challenges.definition import ChallengeDefinition, Design
from evaluation.documents import Problem, validation_problems
from evaluation.spec import Strict


@dataclass(frozen=True)
class Reading:
    """unread: the parts that hold errors or are missing, so that their defaults are not told as
    what the organiser chose. problems: these errors."""

    definition: ChallengeDefinition
    unread: frozenset[str]
    problems: tuple[Problem, ...]


def read(document: dict[str, Any]) -> Reading:
    try:
        return Reading(ChallengeDefinition.model_validate(document), frozenset(), ())
    except ValidationError as error:
        problems = tuple(validation_problems(error, ChallengeDefinition))
        unread = frozenset(str(one["loc"][0]) for one in error.errors() if one["loc"])
    made = _as_far_as_read(ChallengeDefinition, document)
    blank = {"title": "", "summary": "", "question": "", "slug": "", "phases": [], "format": 1}
    definition = ChallengeDefinition.model_construct(**{**blank, **made})
    return Reading(definition, unread, problems)


def _as_far_as_read(model: type[Strict], document: dict[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for name, field in model.model_fields.items():
        if name not in document:
            continue
        value, kind = document[name], field.annotation
        if _is_texts(kind) and isinstance(value, dict):
            made[name] = kind.model_construct(**_as_far_as_read(kind, value))
        elif (read := _one(field, value)) is not None:
            made[name] = read[0]
    return made


def _is_texts(kind: object) -> TypeGuard[type[Strict]]:
    """The design and its parts, whose items do not depend on each other."""
    is_model = isinstance(kind, type) and issubclass(kind, Strict)
    return is_model and kind in [
        Design,
        *(field.annotation for field in Design.model_fields.values()),
    ]


def _one(field: FieldInfo, value: object) -> tuple[Any] | None:
    """The value of one field by itself; None where it is wrong, which ``read`` tells."""
    try:
        kind: Any = Annotated[field.annotation, field]
        return (TypeAdapter[Any](kind).validate_python(value),)
    except ValidationError:
        return None
