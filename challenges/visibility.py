"""What of a phase's scores a viewer is shown at this moment: asked by whatever shows any."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone

from challenges.definition.visibility import LeaderboardSpec
from challenges.models import Phase
from challenges.policies import Viewer, may_see_data

_DIGITS = 2


@dataclass(frozen=True)
class Sight:
    """hides: names of metrics, or of metrics of one label. feedback: full, rounded or better.
    anonymous, frozen: now, until ``until``; since: of which moment the state is shown then, None
    where none is."""

    hides: frozenset[str] = frozenset()
    feedback: str = "full"
    anonymous: bool = False
    frozen: bool = False
    since: datetime | None = None
    until: datetime | None = None

    @property
    def is_whole(self) -> bool:
        return self == EVERYTHING

    @property
    def shows_scores(self) -> bool:
        return self.feedback != "better"

    @property
    def is_exact(self) -> bool:
        """Every score, in full."""
        return self.feedback == "full" and not self.hides

    def shows(self, metric: str, label: str) -> bool:
        return self.shows_scores and not self.hides & {metric, f"{metric}[{label}]"}

    def told(self, value: float | None) -> float | None:
        """A score, as exact as it may be."""
        if value is None or self.feedback == "full":
            return value
        return float(f"{value:.{_DIGITS}g}") if self.shows_scores else None

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences for those to whom something is not shown."""
        return (*self._notes_of_rows(), *self.notes_of_scores)

    def _notes_of_rows(self) -> Iterator[str]:
        until = f"{self.until:%Y-%m-%d %H:%M} UTC" if self.until else ""
        if self.frozen and self.since is None:
            yield f"This leaderboard opens on {until}."
        elif self.frozen:
            yield (
                f"This leaderboard is frozen as it stood on {self.since:%Y-%m-%d %H:%M} UTC, until "
                f"{until}."
            )
        if self.anonymous:
            yield (
                f"Entries are anonymous until {until}; their letters say nothing of who they are, "
                "and may change. Yours are named to you alone."
            )

    @property
    def notes_of_scores(self) -> tuple[str, ...]:
        notes = []
        if not self.shows_scores:
            notes.append(
                "The organisers show places and no scores; on the page of a submission its people "
                "learn whether it is better than their best before it."
            )
        elif self.hides:
            notes.append(f"The organisers do not show {', '.join(sorted(self.hides))}.")
        if self.feedback == "rounded":
            notes.append("Scores are rounded to two significant digits; ranks are made of all.")
        return tuple(notes)


EVERYTHING = Sight()


def cases_are_told(phase: Phase, now: datetime | None = None) -> bool:
    """Whether everyone is shown the scores of single hidden cases: the organisers published them,
    and nothing of the leaderboard is withheld any more."""
    spec = LeaderboardSpec.model_validate(phase.leaderboard)
    now = now or timezone.now()
    if spec.publishes_cases is None or phase.challenge.published_at is None:
        return False
    return now >= spec.publishes_cases and _sight(spec, now).is_whole


def sight_of(viewer: Viewer, phase: Phase, now: datetime | None = None) -> Sight:
    """Organisers and stewards see everything."""
    spec = LeaderboardSpec.model_validate(phase.leaderboard)
    if spec.is_usual or may_see_data(viewer, phase.challenge):
        return EVERYTHING
    return _sight(spec, now or timezone.now())


def _sight(spec: LeaderboardSpec, now: datetime) -> Sight:
    """Of everyone else."""
    restricted = spec.until is not None and now < spec.until
    since = spec.since
    frozen = spec.shows == "frozen" and restricted and (since is None or now >= since)
    anonymous = spec.shows == "anonymous" and restricted
    return Sight(
        hides=frozenset(spec.hides),
        feedback=spec.feedback,
        anonymous=anonymous,
        frozen=frozen,
        since=since if frozen else None,
        until=spec.until if frozen or anonymous else None,
    )
