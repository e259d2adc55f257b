"""How far the preparation of a challenge is."""

from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from challenges.changes import Change, changes
from challenges.definition import ChallengeDefinition, Design
from challenges.forms import STEPS, Step
from challenges.models import Case, Challenge, Finding, Protocol
from challenges.readiness import design_problems, readiness
from challenges.selectors.challenge import protocol_of
from evaluation.documents import Problem, validation_problems
from evaluation.standings import DERIVED

_LABELS = {
    "title": "Title",
    "summary": "In one sentence",
    "question": "Clinical question",
    "source": "Source and licence",
}


@dataclass(frozen=True)
class StepState:
    step: Step
    problems: tuple[Problem, ...]


@dataclass(frozen=True)
class DataState:
    """Numbers of cases and findings; problems: what is wrong with them as a whole."""

    cases: int
    excluded: int
    to_decide: int
    warnings: int
    problems: tuple[Problem, ...]


@dataclass(frozen=True)
class Preparation:
    steps: tuple[StepState, ...]
    data: DataState
    notices: tuple[str, ...]

    @property
    def missing(self) -> int:
        return sum(len(one.problems) for one in self.steps) + len(self.data.problems)


def preparation(challenge: Challenge) -> Preparation:
    """Of the draft; of what is in force where there is none."""
    document = document_of(challenge)
    notices: tuple[str, ...] = ()
    try:
        definition = ChallengeDefinition.model_validate(document)
    except ValidationError as error:
        problems = validation_problems(error, ChallengeDefinition) + _missing_texts(document)
    else:
        found = readiness(challenge, definition)
        problems, notices = list(found.problems), found.notices
    steps = []
    for step in STEPS:
        own = tuple(one for one in problems if step.owns(_key(one)))
        problems = [one for one in problems if one not in own]
        steps.append(StepState(step, tuple(_in_words(one) for one in own)))
    # What is left speaks of cases: their place is a case's name, or “cases”.
    return Preparation(tuple(steps), _data_state(challenge, problems), notices)


def _missing_texts(document: dict[str, Any]) -> list[Problem]:
    """Of a document with errors, so that not only these are told."""
    try:
        design = Design.model_validate(document.get("design") or {})
    except ValidationError:
        return []
    return design_problems(design, has_source=bool(document.get("source")))


def document_of(challenge: Challenge) -> dict[str, Any]:
    """What is being written; what is in force where nothing is."""
    if challenge.draft is not None:
        return dict(challenge.draft)
    return dict(protocol_of(challenge).document)


def groupings(challenge: Challenge) -> tuple[str, ...]:
    """By what cases can be grouped: columns of cases.csv, and what is told of their lesions."""
    found = challenge.dataset.cases.filter(excluded_at=None).values_list("metadata", flat=True)
    return (*dict.fromkeys(name for columns in found for name in columns), *DERIVED)


def pending_changes(challenge: Challenge) -> tuple[Change, ...]:
    """What an amendment would change; nothing of a challenge that is not published."""
    if challenge.published_at is None or challenge.draft is None:
        return ()
    before = ChallengeDefinition.model_validate(protocol_of(challenge).document)
    try:
        after = ChallengeDefinition.model_validate(challenge.draft).model_dump(mode="json")
    except ValidationError:
        after = challenge.draft
    return changes(before.model_dump(mode="json"), after)


def changes_scores(different: tuple[Change, ...]) -> bool:
    """Whether results before and after could not be compared."""
    return any(
        one.what.split(".")[0] in ("evaluation", "readers", "consensus")
        and not one.what.startswith("evaluation.ranking")
        for one in different
    )


def history(challenge: Challenge) -> list["Version"]:
    """Newest first."""
    protocols = list(challenge.protocols.select_related("frozen_by"))
    earlier = [*protocols[1:], None]
    return [
        Version(
            protocol,
            changes(before.document, protocol.document) if before else (),
            len(protocol.data.get("cases", [])),
            _cases_changed(before, protocol) if before else 0,
        )
        for protocol, before in zip(protocols, earlier, strict=True)
    ]


@dataclass(frozen=True)
class Version:
    """A protocol beside the one before it; cases_changed: added, taken away or different."""

    protocol: Protocol
    changes: tuple[Change, ...]
    cases: int
    cases_changed: int


def _cases_changed(before: Protocol, after: Protocol) -> int:
    old, new = (
        {case["name"]: case for case in protocol.data.get("cases", [])}
        for protocol in (before, after)
    )
    return sum(old.get(name) != new.get(name) for name in {*old, *new})


def _in_words(problem: Problem) -> Problem:
    """As the form calls it."""
    label = _LABELS.get(problem.place)
    if label is None:
        return problem
    if problem.place == "source":
        return Problem(problem.place, f"“{label}” {problem.text}")
    return Problem(problem.place, problem.text.replace(f"“{problem.place}”", f"“{label}”"))


def _key(problem: Problem) -> str:
    """``phases.0.slug`` is of ``phases``; “phase test” too."""
    return problem.place.split(" ")[0]


def _data_state(challenge: Challenge, problems: list[Problem]) -> DataState:
    cases = Case.objects.filter(dataset=challenge.dataset)
    waiting = Finding.objects.filter(
        case__dataset=challenge.dataset, case__excluded_at=None, state=Finding.State.OPEN
    )
    return DataState(
        cases=cases.filter(excluded_at=None).count(),
        excluded=cases.exclude(excluded_at=None).count(),
        to_decide=waiting.filter(severity=Finding.Severity.BLOCKING).count(),
        warnings=waiting.filter(severity=Finding.Severity.WARNING).count(),
        problems=tuple(problems),
    )
