"""Human readers beside the entries, and the entries against each of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.db.models import Max

from challenges.models import Case, Edition
from evaluation.spec import EvaluationSpec
from evaluation.standings import EntryScores, Scored
from leaderboards.scores import arrays_of
from submissions.models import AgainstReader, ReaderResult, Submission
from submissions.selectors.readers import (
    CrossProgress,
    cross_progress,
    readers_scores,
    scores_against_readers,
)

KEY = "reader:"


@dataclass(frozen=True)
class ReadersState:
    """What there is to be shown: whole, or not at all. rows, against: the newest result of each
    kind, by which a change is told; None until all are there."""

    progress: CrossProgress
    rows: int | None
    against: int | None

    @property
    def hashed(self) -> list[int | None]:
        """Nothing where there is nothing."""
        return [self.rows, self.against] if self.rows or self.against else []

    @property
    def waiting(self) -> str:
        """What is still to come, in a sentence; empty where nothing is."""
        if self.progress.is_complete:
            return " ".join(self.progress.refused)
        return (
            f"Scores against each reader are being computed: {self.progress.done} of "
            f"{self.progress.of}."
        )


def readers_state(edition: Edition) -> ReadersState:
    progress = cross_progress(edition)
    rows = ReaderResult.objects.filter(edition=edition).aggregate(last=Max("pk"))["last"]
    against = AgainstReader.objects.filter(edition=edition).aggregate(last=Max("pk"))["last"]
    return ReadersState(
        progress=progress,
        rows=rows if progress.readers_done >= progress.readers_of else None,
        against=(against or 0) if progress.is_complete else None,
    )


def reader_entries(
    edition: Edition, cases: Sequence[Case], spec: EvaluationSpec
) -> tuple[EntryScores, ...]:
    """Each reader against the others, as an entry that does not compete."""
    return tuple(
        arrays_of(spec, cases, one.cases).entry(f"{KEY}{one.reader}", competes=False)
        for one in readers_scores(edition)
    )


def against_readers(
    edition: Edition, scored: Scored, entries: Sequence[Submission], cases: Sequence[Case]
) -> Mapping[str, Scored]:
    """The entries that compete against each single reader, on the cases that this one read; nothing
    where there are fewer than two."""
    keys = {entry.pk: entry.public_id for entry in entries}
    competing = {one.key for one in scored.entries if one.competes}
    found = scores_against_readers(edition, list(keys))
    if len(found) < 2:
        return {}
    result = {}
    for reader, of_entries in found.items():
        read = [case for case in cases if any(case.pk in one for one in of_entries.values())]
        names = {case.name for case in read}
        result[reader] = Scored(
            scored.spec,
            tuple(case for case in scored.cases if case.name in names),
            tuple(
                arrays_of(scored.spec, read, {pk: [one] for pk, one in by_case.items()}).entry(
                    keys[entry], competes=True
                )
                for entry, by_case in of_entries.items()
                if keys[entry] in competing
            ),
        )
    return result
