"""Which submissions stand on a leaderboard, and for whom each of them does."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Exists, OuterRef, Prefetch

from challenges.definition import PhaseSpec
from challenges.models import Case, Challenge, Edition, Phase, Team, TeamMember
from challenges.selectors import cases_of, definition_of
from challenges.selectors.organisers import OrganisersSide, organisers_side
from submissions.models import CaseResult, Run, Submission
from submissions.selectors.best import goodness
from submissions.selectors.cards import missing_fields
from submissions.selectors.standing import Whose, choices_in, entered_as, whose


@dataclass(frozen=True)
class Entrant:
    """Whose an entry is. team and members: empty for a person alone and for baselines."""

    team: str = ""
    members: tuple[str, ...] = ()
    of_organisers: bool = False


ALONE = Entrant()


def entries_of(phase: Phase, edition: Edition) -> list[Submission]:
    """One scored submission of each team, each person alone, and each baseline algorithm, whose
    card tells what the challenge asks for: the newest, unless the phase says that teams choose, or
    that the best by a metric stands. Of baselines always the newest.

    A team that everyone has left keeps its entry unless whoever submitted that has another that
    goes before it, alone or of another such team: or a person would have as many as they make and
    leave teams.

    A re-run stands where its original was entered, so it takes that one's place once it is scored,
    and never that of a later submission.
    """
    cases = cases_of(phase)
    lacking = Run.objects.filter(
        ~Exists(CaseResult.objects.filter(edition=edition, run=OuterRef("pk"))),
        case__in=cases,
        submission=OuterRef("pk"),
    )
    scored = (
        Submission.objects.filter(~Exists(lacking), phase=phase, state=Submission.State.SCORED)
        .select_related("version__algorithm", "version__image", "submitted_by")
        .order_by("entered_at", "attempt", "pk")
    )
    definition = definition_of(phase.challenge)
    told = [one for one in scored if one.is_baseline or not missing_fields(one.version, definition)]
    spec = next(one for one in definition.phases if one.slug == phase.slug)
    # The last attempt of each is left: re-runs stand for what they re-run.
    told = list({(entered_as(one), one.is_baseline): one for one in told}.values())
    before = _order(spec, edition, told, list(cases) if spec.entry == "best" else [])
    left = Team.objects.filter(challenge=phase.challenge_id, members=None)
    nobodys = set(left.values_list("pk", flat=True))
    chosen = _one_each(told, before, ())
    return _one_each(chosen, before, nobodys)


Order = Callable[[Submission], tuple[float, ...]]


def _order(
    spec: PhaseSpec, edition: Edition, told: Sequence[Submission], cases: Sequence[Case]
) -> Order:
    """Of several of one team, the one for which it is the largest stands."""
    place = {one.pk: float(at) for at, one in enumerate(sorted(told, key=_in_time))}
    if spec.entry == "chosen":
        choices = choices_in(edition.phase)
        return lambda one: (
            0 if one.is_baseline else choices.get(entered_as(one), 0),
            place[one.pk],
        )
    if spec.entry == "best":
        several = [one for one in told if not one.is_baseline]
        good = goodness(edition, several, cases, spec.best_by)
        # Of equals the earlier, so that nothing is gained by sending the same again.
        return lambda one: (place[one.pk],) if one.is_baseline else (good[one.pk], -place[one.pk])
    return lambda one: (place[one.pk],)


def _in_time(one: Submission) -> tuple[datetime, int, int]:
    return one.entered_at, one.attempt, one.pk


def _one_each(
    entries: Sequence[Submission], before: Order, nobodys: Collection[int]
) -> list[Submission]:
    """In the order in which they were entered."""
    standing: dict[Whose, Submission] = {}
    for one in entries:
        other = standing.get(whose(one, nobodys))
        if other is None or before(one) > before(other):
            standing[whose(one, nobodys)] = one
    return sorted(standing.values(), key=_in_time)


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
