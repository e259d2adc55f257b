"""Who may take part: registration, teams, and institutes that organise."""

from typing import Annotated

from pydantic import Field, ValidationInfo, field_validator

from evaluation.spec import Strict

MOST_QUESTIONS = 20
MOST_INSTITUTES = 100
MOST_MEMBERS = 1000

Question = Annotated[str, Field(min_length=1, max_length=300)]
Institute = Annotated[str, Field(min_length=1, max_length=200)]


class RegistrationSpec(Strict):
    """What a person does before submitting; by default nothing but signing in."""

    required: bool = Field(
        default=False, description="Whoever submits, or joins a team, has registered before."
    )
    approval: bool = Field(
        default=False, description="Each registration waits for an organiser's approval."
    )
    questions: list[Question] = Field(
        default=[],
        max_length=MOST_QUESTIONS,
        description="Texts, each answered in words by whoever registers; organisers alone read it.",
    )

    @field_validator("approval")
    @classmethod
    def _approves_what_is_asked(cls, approval: bool, info: ValidationInfo) -> bool:
        if approval and info.data.get("required") is False:
            raise ValueError("there is nothing to approve unless required: true stands beside it")
        return approval

    @field_validator("questions")
    @classmethod
    def _asked_once_and_of_someone(cls, questions: list[str], info: ValidationInfo) -> list[str]:
        repeated = sorted({one for one in questions if questions.count(one) > 1})
        problems = [f"“{one}” is asked twice" for one in repeated]
        if any(not one.strip() for one in questions):
            problems.append("a question without words cannot be answered")
        if questions and info.data.get("required") is False:
            problems.append("nobody is asked unless required: true stands beside it")
        if problems:
            raise ValueError("; ".join(problems))
        return questions


class TeamsSpec(Strict):
    """People who take part as one; a team has one quota and one row of the leaderboard."""

    most_members: int | None = Field(
        default=None, ge=1, le=MOST_MEMBERS, description="Of one team at a time; null: no limit."
    )


def folded(institute: str) -> str:
    """What of an institute's name is compared: its words, whatever their case and spacing."""
    return " ".join(institute.split()).casefold()


def institutes_differ(institutes: list[str]) -> list[str]:
    """Raises ValueError where one is named twice, or has no words."""
    known = [folded(one) for one in institutes]
    if not all(known):
        raise ValueError("an institute without a name can be nobody's")
    repeated = [one for place, one in enumerate(institutes) if known[place] in known[:place]]
    if repeated:
        raise ValueError("; ".join(f"“{one}” is named twice" for one in repeated))
    return institutes
