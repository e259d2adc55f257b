"""Who is of the organisers: by a role in the challenge, by what they have seen of it, or by an
institute that organises it."""

from collections.abc import Collection
from dataclasses import dataclass

from challenges.definition import folded
from challenges.models import Challenge, Membership, Team
from challenges.policies import TRUSTED
from challenges.selectors.challenge import definition_of

DECIDED = "organiser"
INSIDERS = (*TRUSTED, Membership.Role.READER)
"""Who may see hidden cases, or drew their references: none of them competes."""


@dataclass(frozen=True)
class OrganisersSide:
    """institutes: folded names; people: ids of users who organise, may see hidden cases or once
    looked at one, drew references, or registered from there."""

    institutes: frozenset[str]
    people: frozenset[int]

    def has_team(self, team: Team, members: Collection[int] | None = None) -> bool:
        """As an organiser decided; else as it was found, or is now. members: ids, where known."""
        if team.flagged == DECIDED:
            return team.is_of_organisers
        return team.is_of_organisers or bool(self.why(team, members))

    def why(self, team: Team, members: Collection[int] | None = None) -> str:
        """What of a team makes it so now: “institute”, “member”, or nothing."""
        if folded(team.institute) in self.institutes:
            return "institute"
        if members is None:
            members = set(team.members.values_list("user", flat=True))
        return "" if self.people.isdisjoint(members) else "member"


def organisers_side(challenge: Challenge) -> OrganisersSide:
    institutes = frozenset(map(folded, definition_of(challenge).organising_institutes))
    roles = challenge.memberships.filter(role__in=INSIDERS).values_list("user", flat=True)
    looked = challenge.accesses.order_by().values_list("user", flat=True).distinct()
    registered = challenge.registrations.values_list("user", "institute") if institutes else ()
    return OrganisersSide(
        institutes,
        frozenset(roles)
        | frozenset(looked)
        | {user for user, one in registered if folded(one) in institutes},
    )
