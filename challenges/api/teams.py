"""Teams: one's own, and for organisers all of them."""

from collections.abc import Callable
from typing import Any

from django.http import Http404, HttpRequest
from django.urls import reverse
from ninja import Router, Schema, Status
from pydantic import Field

from accounts.callers import ORGANISE, READ, SUBMIT, caller_of
from challenges.api.finding import Refusal, open_challenge, organised_challenge, refused
from challenges.models import Challenge
from challenges.policies import may_decide
from challenges.selectors.taking_part import TeamRow, team_of, teams_of
from challenges.services import teams

router = Router(tags=["Taking part"])


class TeamOut(Schema):
    """invitation: the secret by which others join; empty where it is switched off. link: the page
    for that. most_members: null for no limit. of_organisers: shown without a rank."""

    id: str
    name: str
    institute: str
    members: list[str]
    most_members: int | None
    of_organisers: bool
    invitation: str
    link: str


class TeamIn(Schema):
    name: str = Field(max_length=1000)
    institute: str = Field(default="", max_length=1000)


class InvitationIn(Schema):
    invitation: str = Field(max_length=100)


class TeamOfSomeone(Schema):
    """why: “institute”, “member” or “organiser” (who decided it), where that settles of_organisers.
    submissions: of any end, in every phase."""

    id: str
    name: str
    institute: str
    members: list[str]
    submissions: int
    of_organisers: bool
    why: str
    flagged_by: str


class FlagIn(Schema):
    """of_organisers: its entries are shown without a rank."""

    of_organisers: bool


@router.get("/challenges/{slug}/team", auth=READ, response=TeamOut)
def get_team(request: HttpRequest, slug: str) -> TeamOut:
    """The one that you are in; 404 where you take part alone."""
    return _own(request, open_challenge(request, slug))


@router.post(
    "/challenges/{slug}/team", auth=SUBMIT, response={201: TeamOut, 409: Refusal, 422: Refusal}
)
def create_team(request: HttpRequest, slug: str, body: TeamIn) -> Status[Any]:
    """Make a team of yourself, with a secret for inviting others."""
    return _changed(request, slug, teams.create_team, 201, name=body.name, institute=body.institute)


@router.put(
    "/challenges/{slug}/team", auth=SUBMIT, response={200: TeamOut, 409: Refusal, 422: Refusal}
)
def change_team(request: HttpRequest, slug: str, body: TeamIn) -> Status[Any]:
    """What it is called, and where its members work."""
    return _changed(request, slug, teams.change_team, name=body.name, institute=body.institute)


@router.delete("/challenges/{slug}/team", auth=SUBMIT, response={204: None, 409: Refusal})
def leave_team(request: HttpRequest, slug: str) -> Status[Any]:
    """What you submitted for it stays the team's."""
    try:
        teams.leave_team(challenge=open_challenge(request, slug), user=caller_of(request).user)
    except teams.TeamRefused as refusal:
        return refused(refusal)
    return Status(204, None)


@router.post("/challenges/{slug}/team/members", auth=SUBMIT, response={200: TeamOut, 409: Refusal})
def join_team(request: HttpRequest, slug: str, body: InvitationIn) -> Status[Any]:
    """Join by the secret that a member gave you."""
    return _changed(request, slug, teams.join_team, invitation=body.invitation)


@router.post(
    "/challenges/{slug}/team/invitation", auth=SUBMIT, response={200: TeamOut, 409: Refusal}
)
def renew_invitation(request: HttpRequest, slug: str) -> Status[Any]:
    """A new secret; the earlier one opens nothing any more."""
    return _changed(request, slug, teams.renew_invitation)


@router.delete(
    "/challenges/{slug}/team/invitation", auth=SUBMIT, response={200: TeamOut, 409: Refusal}
)
def switch_off_invitation(request: HttpRequest, slug: str) -> Status[Any]:
    """Nobody can join until there is a new secret."""
    return _changed(request, slug, teams.switch_off_invitation)


@router.get("/challenges/{slug}/teams", auth=ORGANISE, response=list[TeamOfSomeone])
def list_teams(request: HttpRequest, slug: str) -> list[TeamOfSomeone]:
    """For organisers: every team, by name."""
    challenge = organised_challenge(request, slug)
    return [_of_someone(row) for row in teams_of(caller_of(request).viewer, challenge)]


@router.put("/challenges/{slug}/teams/{team_id}/flag", auth=ORGANISE, response=TeamOfSomeone)
def flag_team(request: HttpRequest, slug: str, team_id: str, body: FlagIn) -> TeamOfSomeone:
    """For organisers (co-organisers not): whether it is ranked, whatever its institute says."""
    challenge, caller = organised_challenge(request, slug), caller_of(request)
    found = challenge.teams.filter(public_id=team_id).first()
    if found is None or not may_decide(caller.viewer, challenge):
        raise Http404
    teams.decide_flag(team=found, of_organisers=body.of_organisers, by=caller.user)
    rows = teams_of(caller.viewer, challenge)
    return next(_of_someone(row) for row in rows if row.public_id == team_id)


def _changed(
    request: HttpRequest,
    slug: str,
    act: Callable[..., object],
    status: int = 200,
    **given: str,
) -> Status[Any]:
    challenge = open_challenge(request, slug)
    try:
        act(challenge=challenge, user=caller_of(request).user, **given)
    except teams.TeamRefused as refusal:
        return refused(refusal)
    return Status(status, _own(request, challenge))


def _own(request: HttpRequest, challenge: Challenge) -> TeamOut:
    found = team_of(caller_of(request).user, challenge)
    if found is None:
        raise Http404
    page = reverse("join_team", args=(challenge.slug, found.invitation or "none"))
    return TeamOut(
        id=found.public_id,
        name=found.name,
        institute=found.institute,
        members=[member.username for member in found.members],
        most_members=found.most_members,
        of_organisers=found.of_organisers,
        invitation=found.invitation,
        link=request.build_absolute_uri(page) if found.invitation else "",
    )


def _of_someone(row: TeamRow) -> TeamOfSomeone:
    return TeamOfSomeone(
        id=row.public_id,
        name=row.name,
        institute=row.institute,
        members=list(row.members),
        submissions=row.submissions,
        of_organisers=row.of_organisers,
        why=row.why,
        flagged_by=row.flagged_by,
    )
