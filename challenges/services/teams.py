"""Teams: made, joined by a link, changed and left; and whether one is of the organisers."""

import structlog
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.models import User
from challenges.hints import hint_after_commit
from challenges.models import Challenge, Team, TeamMember
from challenges.models.team import new_invitation
from challenges.policies import may_take_part
from challenges.selectors.challenge import definition_of
from challenges.selectors.organisers import organisers_side
from challenges.services.locks import lock_person, lock_team
from challenges.services.refusals import Refused, text_problem

log = structlog.get_logger(__name__)
MOST_OF_A_NAME = 100
MOST_OF_AN_INSTITUTE = 200
_REFRESH = "leaderboards.refresh"


class TeamRefused(Refused):
    """problems are by “name” and “institute”."""


@transaction.atomic
def create_team(*, challenge: Challenge, user: User, name: str, institute: str = "") -> Team:
    """A team of one, with a link for inviting. Raises TeamRefused."""
    _require_taking_part(challenge, user)
    lock_person(user)
    _require_no_team(challenge, user)
    name, institute = _read(challenge, name, institute)
    team = Team(challenge=challenge, name=name, institute=institute)
    _save(team)
    _add(team, user)
    log.info("team.made", challenge=challenge.slug, team=team.public_id, user=user.pk)
    return team


@transaction.atomic
def join_team(*, challenge: Challenge, user: User, invitation: str) -> Team:
    """By the secret of its link; nothing changes for whoever is in it. Raises TeamRefused."""
    lock_person(user)
    team = challenge.teams.filter(invitation=invitation).exclude(invitation="").first()
    if team is not None:
        lock_team(team)
        # Once more, as the link may have been renewed before the row was ours.
        team = challenge.teams.filter(invitation=invitation).first()
    if team is None:
        raise TeamRefused(
            "This link leads to no team any more: it was renewed or switched off. Ask a member for "
            "the present one."
        )
    if team.members.filter(user=user).exists():
        return team
    _require_taking_part(challenge, user)
    _require_no_team(challenge, user)
    most = definition_of(challenge).teams.most_members
    if most is not None and team.members.count() >= most:
        raise TeamRefused(f"“{team.name}” is full: {most} may be in a team of this challenge.")
    _add(team, user)
    log.info("team.joined", challenge=challenge.slug, team=team.public_id, user=user.pk)
    return team


@transaction.atomic
def leave_team(*, challenge: Challenge, user: User) -> None:
    """What was submitted stays the team's. One that everyone has left is joined by nobody any more,
    and goes where nothing was submitted for it. Raises TeamRefused."""
    lock_person(user)
    team = _own(challenge, user)
    lock_team(team)
    team.members.filter(user=user).delete()
    log.info("team.left", challenge=challenge.slug, team=team.public_id, user=user.pk)
    if not team.members.exists():
        if challenge.phases.filter(submissions__team=team).exists():
            Team.objects.filter(pk=team.pk).update(invitation="")
        else:
            team.delete()
    _refresh_leaderboards(challenge)


@transaction.atomic
def change_team(*, challenge: Challenge, user: User, name: str, institute: str = "") -> Team:
    """What it is called and where its members work, by one of them. Raises TeamRefused."""
    lock_person(user)
    team = _own(challenge, user)
    lock_team(team)
    team.refresh_from_db()
    team.name, team.institute = _read(challenge, name, institute, apart_from=team)
    _save(team)
    _flag_where_due(team)
    log.info("team.changed", challenge=challenge.slug, team=team.public_id, user=user.pk)
    _refresh_leaderboards(challenge)
    return team


@transaction.atomic
def renew_invitation(*, challenge: Challenge, user: User) -> Team:
    """A new link for inviting; the earlier one leads nowhere from now on. Raises TeamRefused."""
    return _set_invitation(challenge, user, new_invitation())


@transaction.atomic
def switch_off_invitation(*, challenge: Challenge, user: User) -> Team:
    """Nobody can join until there is a new link. Raises TeamRefused."""
    return _set_invitation(challenge, user, "")


@transaction.atomic
def decide_flag(*, team: Team, of_organisers: bool, by: User) -> Team:
    """Whether its entries are shown without a rank, as an organiser decides; who and when is kept,
    and nobody's institute or role changes it from then on."""
    lock_team(team)
    team.refresh_from_db()
    team.is_of_organisers, team.flagged = of_organisers, "organiser"
    team.flagged_by, team.flagged_at = by, timezone.now()
    team.save()
    log.info(
        "team.flagged",
        team=team.public_id,
        flagged="organiser",
        of_organisers=of_organisers,
        by=by.get_username(),
    )
    _refresh_leaderboards(team.challenge)
    return team


def _require_taking_part(challenge: Challenge, user: User) -> None:
    if not may_take_part(user, challenge):
        raise TeamRefused(
            "Whoever is in a team of this challenge is registered for it: register first, and come "
            "back when that is approved."
        )


def _require_no_team(challenge: Challenge, user: User) -> None:
    found = challenge.teams.filter(members__user=user).first()
    if found is not None:
        raise TeamRefused(
            f"You are in the team “{found.name}”, and a person is in one team of a challenge. "
            "Leave it first."
        )


def _own(challenge: Challenge, user: User) -> Team:
    found = challenge.teams.filter(members__user=user).first()
    if found is None:
        raise TeamRefused("You are in no team of this challenge.")
    return found


def _read(
    challenge: Challenge, name: str, institute: str, *, apart_from: Team | None = None
) -> tuple[str, str]:
    """Both without needless space; raises TeamRefused with what is wrong with either."""
    name, institute = " ".join(name.split()), " ".join(institute.split())
    problems = {
        "name": text_problem(name, most=MOST_OF_A_NAME, missing="Give the team a name."),
        "institute": text_problem(institute, most=MOST_OF_AN_INSTITUTE),
    }
    others = (
        challenge.teams.all() if apart_from is None else challenge.teams.exclude(pk=apart_from.pk)
    )
    if any(name.casefold() == other.casefold() for other in others.values_list("name", flat=True)):
        problems["name"] = f"There is a team “{name}” already; choose another name."
    if any(problems.values()):
        raise TeamRefused(problems={key: text for key, text in problems.items() if text})
    return name, institute


def _save(team: Team) -> None:
    try:
        with transaction.atomic():
            team.save()
    except IntegrityError:
        text = f"There is a team “{team.name}” already; choose another name."
        raise TeamRefused(problems={"name": text}) from None


def _add(team: Team, user: User) -> None:
    TeamMember.objects.create(team=team, challenge=team.challenge, user=user)
    _flag_where_due(team)
    _refresh_leaderboards(team.challenge)


def _flag_where_due(team: Team) -> None:
    """Kept from here on, whoever leaves later, unless an organiser decides otherwise."""
    if team.flagged:
        return
    why = organisers_side(team.challenge).why(team)
    if why:
        team.is_of_organisers, team.flagged, team.flagged_at = True, why, timezone.now()
        team.save(update_fields=["is_of_organisers", "flagged", "flagged_at"])


def _set_invitation(challenge: Challenge, user: User, invitation: str) -> Team:
    team = _own(challenge, user)
    lock_team(team)
    Team.objects.filter(pk=team.pk).update(invitation=invitation)
    team.refresh_from_db()
    log.info("team.invitation", team=team.public_id, user=user.pk, on=bool(invitation))
    return team


def _refresh_leaderboards(challenge: Challenge) -> None:
    for phase in challenge.phases.values_list("pk", flat=True):
        hint_after_commit(_REFRESH, phase)
