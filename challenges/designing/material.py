"""What the sections are written from, read once, and what of it this reader may be told."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from pydantic.fields import FieldInfo

from challenges.definition import ChallengeDefinition, Design
from challenges.definition.design import items
from challenges.models import Challenge, Protocol
from challenges.selectors.quality import CaseView

FEWEST_TOLD = 5
"""Below so many hidden cases a count or a median could tell of a single patient."""


@dataclass(frozen=True)
class Group:
    """The cases of one split; split: empty where there are none. may_tell: whether more than their
    number may be told to this reader."""

    split: str
    title: str
    hidden: bool
    may_tell: bool
    cases: tuple[CaseView, ...]


@dataclass(frozen=True)
class Material:
    """protocol: in force; None for a draft. unread: parts of the definition that hold errors.
    cases: all, excluded ones too. sees_hidden: whether the reader may see hidden cases."""

    challenge: Challenge
    definition: ChallengeDefinition
    unread: frozenset[str]
    protocol: Protocol | None
    cases: tuple[CaseView, ...]
    sees_hidden: bool

    @property
    def design(self) -> Design:
        return self.definition.design

    @cached_property
    def texts(self) -> dict[str, tuple[FieldInfo, object]]:
        """Each item of the design by its dotted key."""
        return {key: (field, value) for key, field, value in items(self.design)}

    @cached_property
    def included(self) -> tuple[CaseView, ...]:
        return tuple(one for one in self.cases if one.case.excluded_at is None)

    @cached_property
    def excluded(self) -> tuple[CaseView, ...]:
        return tuple(one for one in self.cases if one.case.excluded_at is not None)

    def is_hidden_split(self, split: str) -> bool:
        """Unless a public phase shows its cases, in a draft as after publication."""
        return not any(
            phase.cases == "public" and phase.split in ("", split)
            for phase in self.definition.phases
        )

    @cached_property
    def groups(self) -> tuple[Group, ...]:
        """By split, in the order of the phases that use them."""
        order = [phase.split for phase in self.definition.phases]
        found = {one.case.split for one in self.included}
        names = sorted(found, key=lambda name: (order.index(name) if name in order else 99, name))
        return tuple(self._group(name) for name in names)

    def _group(self, split: str) -> Group:
        cases = tuple(one for one in self.included if one.case.split == split)
        hidden = self.is_hidden_split(split)
        return Group(
            split=split,
            title=split or "No split",
            hidden=hidden,
            may_tell=self.sees_hidden or not hidden or len(cases) >= FEWEST_TOLD,
            cases=cases,
        )

    @property
    def may_tell_of_all(self) -> bool:
        return all(group.may_tell for group in self.groups)

    def redacted(self, text: str) -> str:
        """Without the names of hidden cases and patients, where the reader may not see them."""
        return self._hidden_names.sub("[hidden case]", text) if self._hidden_names else text

    @cached_property
    def _hidden_names(self) -> re.Pattern[str] | None:
        if self.sees_hidden:
            return None
        names = {
            name
            for one in self.cases
            if one.case.excluded_at is not None or self.is_hidden_split(one.case.split)
            for name in (one.case.name, one.case.patient)
            if name
        }
        return _any_of(names) if names else None


def _any_of(names: Iterable[str]) -> re.Pattern[str]:
    longest_first = sorted(names, key=lambda name: (-len(name), name))
    return re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, longest_first))})(?!\w)", re.IGNORECASE)
