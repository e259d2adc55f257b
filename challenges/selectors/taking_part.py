"""Who takes part: a person's registration and team, and all of them for organisers."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Case, Count, IntegerField, Prefetch, Value, When

from accounts.models import User
from challenges.definition import RegistrationSpec, content_hash, folded
from challenges.models import Challenge, Registration, Team, TeamMember
from challenges.policies import (
    Viewer,
    is_valid,
    may_organise,
    registration_asked,
)
from challenges.selectors.challenge import definition_of
from challenges.selectors.organisers import DECIDED, OrganisersSide, organisers_side

State = Registration.State


@dataclass(frozen=True)
class Standing:
    """How a person stands to a challenge's registration.

    state: “visitor” (nobody signed in), “not asked”, “organiser” (who needs none), “missing”,
    “waiting”, “approved” or “declined”. answers: question and text, those of the questions in
    force first. note: of the organiser who decided, at decided_at.
    """

    state: str
    approval: bool
    questions: tuple[str, ...]
    institute: str = ""
    answers: tuple[tuple[str, str], ...] = ()
    asked_at: datetime | None = None
    note: str = ""
    decided_at: datetime | None = None
    has_submitted: bool = False

    @property
    def is_asked(self) -> bool:
        """Whether the challenge asks this person at all."""
        return self.state not in ("not asked", "organiser")

    @property
    def may_take_part(self) -> bool:
        return self.state in ("not asked", "organiser", "approved")

    @property
    def may_change(self) -> bool:
        return self.state in ("missing", "waiting")

    @property
    def to_do(self) -> str:
        """What this person does before taking part; nothing where that is possible now."""
        if self.state == "waiting":
            return "Your registration waits for approval; you can submit once it is approved."
        if self.state == "declined":
            return f"Your registration was declined: {self.note}"
        if self.may_take_part:
            return ""
        then = "; an organiser then approves it" if self.approval else ""
        return f"Register first: this challenge asks it of whoever submits{then}."


@dataclass(frozen=True)
class Member:
    username: str
    joined_at: datetime
    is_viewer: bool


@dataclass(frozen=True)
class TeamView:
    """A team as a member sees it, or whoever holds its link.

    invitation: the link's secret; empty where it is switched off. most_members: None for no limit.
    """

    public_id: str
    name: str
    institute: str
    invitation: str
    members: tuple[Member, ...]
    most_members: int | None
    of_organisers: bool

    @property
    def is_full(self) -> bool:
        return self.most_members is not None and len(self.members) >= self.most_members


@dataclass(frozen=True)
class RegistrationRow:
    """One registration, for organisers. seen: names what stands here, for a decision about it."""

    pk: int
    username: str
    email: str
    institute: str
    of_organisers: bool
    answers: tuple[tuple[str, str], ...]
    state: str
    is_valid: bool
    asked_at: datetime
    note: str
    decided_by: str
    decided_at: datetime | None
    seen: str


@dataclass(frozen=True)
class TeamRow:
    """One team, for organisers. why: “institute”, “member” or “organiser” (decided by flagged_by)
    where that settles of_organisers, else empty. submissions: of any end, in every phase."""

    public_id: str
    name: str
    institute: str
    members: tuple[str, ...]
    submissions: int
    of_organisers: bool
    why: str
    flagged_by: str
    flagged_at: datetime | None


def standing_of(viewer: Viewer, challenge: Challenge) -> Standing:
    asked = registration_asked(challenge)
    questions = tuple(asked.questions)
    if not asked.required:
        return Standing("not asked", asked.approval, questions)
    if not isinstance(viewer, User):
        return Standing("visitor", asked.approval, questions)
    if may_organise(viewer, challenge):
        return Standing("organiser", asked.approval, questions)
    found = challenge.registrations.filter(user=viewer).first()
    if found is None:
        return Standing("missing", asked.approval, questions)
    return Standing(
        "approved" if is_valid(found, asked) else found.state,
        asked.approval,
        questions,
        institute=found.institute,
        answers=_answers(found, asked),
        asked_at=found.created_at,
        note=found.note,
        decided_at=found.decided_at,
        has_submitted=has_submitted(viewer, challenge),
    )


def has_submitted(person: User, challenge: Challenge) -> bool:
    """Themselves, and to any phase."""
    return challenge.phases.filter(submissions__submitted_by=person).exists()


def team_of(viewer: Viewer, challenge: Challenge) -> TeamView | None:
    """The viewer's own."""
    if not isinstance(viewer, User):
        return None
    team = challenge.teams.filter(members__user=viewer).first()
    return None if team is None else _view(viewer, team)


def team_invited_to(viewer: Viewer, challenge: Challenge, invitation: str) -> TeamView | None:
    """The one that a link leads to; None where it leads to none."""
    if not isinstance(viewer, User) or not invitation:
        return None
    team = challenge.teams.filter(invitation=invitation).first()
    return None if team is None else _view(viewer, team)


def what_it_says(registration: Registration) -> str:
    """A hash by which a decision names what was looked at."""
    said = [registration.state, registration.institute, registration.answers]
    return content_hash(said)[:16]


def registrations_to(viewer: Viewer, challenge: Challenge) -> tuple[RegistrationRow, ...]:
    """Every registration, those that wait first, the oldest of them on top; for organisers."""
    if not may_organise(viewer, challenge):
        return ()
    asked, side = registration_asked(challenge), organisers_side(challenge)
    order = Case(When(state=State.WAITING, then=Value(0)), default=Value(1))
    rows = challenge.registrations.select_related("user", "decided_by").order_by(
        order, "created_at", "pk"
    )
    return tuple(_row(one, asked, side) for one in rows)


def waiting_registrations(challenge: Challenge) -> int:
    """How many wait for an organiser."""
    if not registration_asked(challenge).approval:
        return 0
    return challenge.registrations.filter(state=State.WAITING).count()


def teams_of(viewer: Viewer, challenge: Challenge) -> tuple[TeamRow, ...]:
    """Every team by name; for organisers."""
    if not may_organise(viewer, challenge):
        return ()
    side = organisers_side(challenge)
    members = Prefetch("members", TeamMember.objects.select_related("user"))
    teams = (
        challenge.teams.select_related("flagged_by")
        .prefetch_related(members)
        .annotate(submitted=Count("submissions", output_field=IntegerField()))
    )
    return tuple(_team_row(team, side) for team in teams)


def _view(viewer: User, team: Team) -> TeamView:
    side = organisers_side(team.challenge)
    rows = list(team.members.select_related("user"))
    return TeamView(
        public_id=team.public_id,
        name=team.name,
        institute=team.institute,
        invitation=team.invitation,
        members=tuple(
            Member(one.user.get_username(), one.joined_at, one.user_id == viewer.pk) for one in rows
        ),
        most_members=definition_of(team.challenge).teams.most_members,
        of_organisers=side.has_team(team, {one.user_id for one in rows}),
    )


def _row(one: Registration, asked: RegistrationSpec, side: OrganisersSide) -> RegistrationRow:
    return RegistrationRow(
        pk=one.pk,
        username=one.user.get_username(),
        email=one.user.email,
        institute=one.institute,
        of_organisers=folded(one.institute) in side.institutes or one.user_id in side.people,
        answers=_answers(one, asked),
        state=one.state,
        is_valid=is_valid(one, asked),
        asked_at=one.created_at,
        note=one.note,
        decided_by=one.decided_by.get_username() if one.decided_by else "",
        decided_at=one.decided_at,
        seen=what_it_says(one),
    )


def _team_row(team: Team, side: OrganisersSide) -> TeamRow:
    members = list(team.members.all())
    ids = {one.user_id for one in members}
    why = DECIDED if team.flagged == DECIDED else (side.why(team, ids) or team.flagged)
    return TeamRow(
        public_id=team.public_id,
        name=team.name,
        institute=team.institute,
        members=tuple(one.user.get_username() for one in members),
        submissions=team.submitted,  # type: ignore[attr-defined]
        of_organisers=side.has_team(team, ids),
        why=why,
        flagged_by=team.flagged_by.get_username() if team.flagged_by else "",
        flagged_at=team.flagged_at,
    )


def _answers(one: Registration, asked: RegistrationSpec) -> tuple[tuple[str, str], ...]:
    """Those of the questions in force in their order, then those of earlier ones."""
    order: Iterable[str] = (*asked.questions, *one.answers)
    return tuple((q, one.answers[q]) for q in dict.fromkeys(order) if q in one.answers)
