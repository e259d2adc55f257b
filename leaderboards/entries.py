"""Which submissions stand on a leaderboard, and for whom each of them does."""

from collections.abc import Collection
from dataclasses import dataclass

from django.db.models import Exists, OuterRef, Prefetch

from challenges.models import Challenge, Edition, Phase, Team, TeamMember
from challenges.selectors import cases_of, definition_of
from challenges.selectors.organisers import OrganisersSide, organisers_side
from submissions.models import CaseResult, Run, Submission
from submissions.selectors.cards import missing_fields


@dataclass(frozen=True)
class Entrant:
    """Whose an entry is. team and members: empty for a person alone and for baselines."""

    team: str = ""
    members: tuple[str, ...] = ()
    of_organisers: bool = False


ALONE = Entrant()


def entries_of(phase: Phase, edition: Edition) -> list[Submission]:
    """The newest scored submission of each team, each person alone, and each baseline algorithm,
    whose card tells what the challenge asks for.

    A team that everyone has left keeps its entry unless whoever submitted that has a newer one,
    alone or of another such team: or a person would have as many as they make and leave teams.

    A re-run stands where its original was entered, so it takes that one's place once it is scored,
    and never that of a later submission.
    """
    lacking = Run.objects.filter(
        ~Exists(CaseResult.objects.filter(edition=edition, run=OuterRef("pk"))),
        case__in=cases_of(phase),
        submission=OuterRef("pk"),
    )
    scored = (
        Submission.objects.filter(~Exists(lacking), phase=phase, state=Submission.State.SCORED)
        .select_related("version__algorithm", "version__image", "submitted_by")
        .order_by("entered_at", "attempt", "pk")
    )
    definition = definition_of(phase.challenge)
    told = [one for one in scored if one.is_baseline or not missing_fields(one.version, definition)]
    newest = {_whose(submission): submission for submission in told}.values()
    left = Team.objects.filter(challenge=phase.challenge_id, members=None)
    nobodys = set(left.values_list("pk", flat=True))
    in_order = sorted(newest, key=lambda one: (one.entered_at, one.attempt, one.pk))
    return list({_whose(submission, nobodys): submission for submission in in_order}.values())


def entrants_of(challenge: Challenge, entries: list[Submission]) -> dict[int, Entrant]:
    """By the primary key of each entry, as teams, registrations and roles are now."""
    side = organisers_side(challenge)
    members = Prefetch("members", TeamMember.objects.select_related("user"))
    teams = {
        team.pk: team
        for team in Team.objects.filter(
            pk__in={entry.team_id for entry in entries if entry.team_id is not None}
        ).prefetch_related(members)
    }
    return {entry.pk: _entrant(entry, teams, side) for entry in entries}


def _whose(submission: Submission, nobodys: Collection[int] = ()) -> tuple[str, int]:
    """nobodys: teams without members, whose submissions are their submitters'."""
    if submission.is_baseline:
        return "baseline", submission.version.algorithm_id
    if submission.team_id is not None and submission.team_id not in nobodys:
        return "team", submission.team_id
    return "person", submission.submitted_by_id


def _entrant(entry: Submission, teams: dict[int, Team], side: OrganisersSide) -> Entrant:
    if entry.is_baseline:
        return ALONE
    if entry.team_id is None:
        return Entrant(of_organisers=entry.submitted_by_id in side.people)
    team = teams[entry.team_id]
    members = list(team.members.all())
    # Whoever submitted counts too, though they may have left since.
    people = {*(one.user_id for one in members), entry.submitted_by_id}
    return Entrant(
        team=team.name,
        members=tuple(one.user.get_username() for one in members),
        of_organisers=side.has_team(team, people),
    )
