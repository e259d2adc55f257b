"""What of a phase's leaderboard is shown, to whom, and when."""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from challenges.definition.moments import Moment
from evaluation.ranking.declared import label_of, metric_of
from evaluation.spec import EvaluationSpec, Strict

SHOWS: dict[str, str] = {
    "live": "Live",
    "frozen": "Frozen until a date",
    "anonymous": "Anonymous until a date",
}
FEEDBACK: dict[str, str] = {
    "full": "Scores in full",
    "rounded": "Scores to two digits",
    "better": "Only whether it is better than the best so far",
}


class LeaderboardSpec(Strict):
    """For everyone but organisers and stewards, who always see everything."""

    shows: Literal["live", "frozen", "anonymous"] = Field(
        default="live",
        description="live; frozen: from since to until the state of since is shown; anonymous: "
        "until then, nobody is told whose the entries of others are.",
    )
    since: Moment | None = Field(
        default=None,
        description="With frozen: from when on; without it, from the opening of the phase, so that "
        "nothing is shown before until.",
    )
    until: Moment | None = Field(
        default=None, description="With frozen and anonymous: from when on all is shown."
    )
    hides: list[Annotated[str, Field(min_length=1, max_length=100)]] = Field(
        default=[],
        max_length=50,
        description="Metrics (dice), or metrics of one label (dice[node]), that are not shown.",
    )
    feedback: Literal["full", "rounded", "better"] = Field(
        default="full",
        description="full; rounded: scores to two significant digits; better: no scores, and of "
        "their own submissions people learn whether each is better than the best before it.",
    )
    publishes_cases: Moment | None = Field(
        default=None,
        description="Of hidden cases: from when on everyone sees the scores of each by its name, "
        "not its images, references or masks; not before the phase closes. Not given: never.",
    )

    @model_serializer(mode="wrap")
    def _said(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        document: dict[str, Any] = write(self)
        usual = type(self).model_fields
        return {
            name: value
            for name, value in document.items()
            if getattr(self, name) != usual[name].get_default()
        }

    @model_validator(mode="after")
    def _times_fit(self) -> Self:
        if self.shows == "live" and (self.since or self.until):
            raise ValueError("since and until belong to frozen or anonymous, not to live")
        if self.shows != "live" and self.until is None:
            raise ValueError(f"until: {self.shows} needs the time from which on all is shown")
        if self.since and self.shows != "frozen":
            raise ValueError("since belongs to frozen")
        if self.since and self.until and self.until <= self.since:
            raise ValueError("until lies before since")
        if len(set(self.hides)) < len(self.hides):
            raise ValueError("hides: a column is named twice")
        return self

    @property
    def is_usual(self) -> bool:
        """Whether nothing is withheld of what a phase shows."""
        return self.model_copy(update={"publishes_cases": None}) == LeaderboardSpec()


def hidden_column_problems(leaderboard: LeaderboardSpec, evaluation: EvaluationSpec) -> list[str]:
    known = {metric.id for metric in evaluation.every}
    return [
        f"hides: “{name}” is no metric, or label of one, of this challenge ({', '.join(known)})"
        for name in leaderboard.hides
        if metric_of(name) not in known
        or (label_of(name) and label_of(name) not in evaluation.labels)
    ]
