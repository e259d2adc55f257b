"""Algorithms and their cards."""

from datetime import datetime
from typing import Any

from django.http import Http404, HttpRequest
from ninja import Router, Schema, Status

from accounts.callers import READ, READ_OR_ANYONE, SUBMIT, caller_of
from challenges.definition import AlgorithmCard
from submissions import selectors
from submissions.api.answers import Problem
from submissions.models import Algorithm
from submissions.services.cards import CardRefused, lacking, save_card

router = Router(tags=["Algorithms"])


class AlgorithmBrief(Schema):
    id: str
    title: str
    versions: int


class CountedOut(Schema):
    """Parameters in a file of the container image."""

    path: str
    parameters: int


class VersionOut(Schema):
    """asked: fields that the challenges require to which it was submitted."""

    number: int
    kind: str
    created_at: datetime
    card: AlgorithmCard
    counted: list[CountedOut]
    asked: list[str]
    missing: list[str]


class AlgorithmOut(Schema):
    """versions: the newest first, of those that you may see."""

    id: str
    title: str
    owner: str
    versions: list[VersionOut]


@router.get("/algorithms", auth=READ, response=list[AlgorithmBrief])
def list_algorithms(request: HttpRequest) -> list[AlgorithmBrief]:
    """Yours."""
    found = selectors.algorithms_of(caller_of(request).viewer)
    return [
        AlgorithmBrief(id=one.public_id, title=one.title, versions=len(one.versions.all()))
        for one in found
    ]


@router.get("/algorithms/{algorithm_id}", auth=READ_OR_ANYONE, response=AlgorithmOut)
def get_algorithm(request: HttpRequest, algorithm_id: str) -> AlgorithmOut:
    """An algorithm with the cards of its versions; for everyone once it stands on a leaderboard."""
    algorithm, versions = _seen(request, algorithm_id)
    return AlgorithmOut(
        id=algorithm.public_id,
        title=algorithm.title,
        owner=algorithm.owner.get_username(),
        versions=_versions(*versions),
    )


@router.put(
    "/algorithms/{algorithm_id}/versions/{number}/card",
    auth=SUBMIT,
    response={200: VersionOut, 422: Problem},
)
def put_card(
    request: HttpRequest, algorithm_id: str, number: int, body: AlgorithmCard
) -> Status[Any]:
    """Replace the card of a version; what it said before stays in its history."""
    _, versions = _seen(request, algorithm_id)
    view = next((one for one in versions if one.version.number == number), None)
    if view is None or not view.may_edit:
        raise Http404
    caller = caller_of(request)
    try:
        save_card(version=view.version, card=body, by=caller.user)
    except CardRefused as refusal:
        told = "; ".join(f"{name}: {text}" for name, text in refusal.problems.items())
        return Status(422, Problem(detail=told))
    return Status(200, _versions(selectors.card_view(caller.viewer, view.version))[0])


def _seen(
    request: HttpRequest, algorithm_id: str
) -> tuple[Algorithm, tuple[selectors.CardView, ...]]:
    found = selectors.find_algorithm(caller_of(request).viewer, algorithm_id)
    if found is None:
        raise Http404
    return found


def _versions(*views: selectors.CardView) -> list[VersionOut]:
    asked = selectors.asked_of(*(view.version for view in views))
    return [_version(view, fields) for view, fields in zip(views, asked, strict=True)]


def _version(view: selectors.CardView, asked: frozenset[str]) -> VersionOut:
    return VersionOut(
        number=view.version.number,
        kind=view.version.kind,
        created_at=view.version.created_at,
        card=view.card,
        counted=[CountedOut(path=path, parameters=number) for path, number in view.counted],
        asked=sorted(asked),
        missing=lacking(view.version, view.card, asked),
    )
