"""What is said of a result, and signed."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db.models import Prefetch
from django.urls import reverse

from challenges.models import Protocol
from evaluation.aggregate import Summary
from leaderboards.evidence.result import Placed, Result
from leaderboards.evidence.signed import Statement
from submissions.models import Attempt, CaseResult, Run

_LIMITS = ("memory_mib", "shm_mib", "tmp_mib", "cpus", "pids", "seconds")


def statement_of(result: Result) -> Statement:
    """Times in UTC, durations in seconds, memory in bytes or MiB, as each key says. Null is what is
    not told: of hidden cases nothing that is of one case alone, or that a program could choose."""
    submission, phase, edition = result.submission, result.phase, result.edition
    runs = _runs(result)
    protocol = _protocol(result)
    address = reverse("result", args=[submission.public_id])
    return {
        "server": settings.ADDRESS,
        "page": f"{settings.ADDRESS}{address}",
        "challenge": {"slug": phase.challenge.slug, "title": phase.challenge.title},
        "phase": {"slug": phase.slug, "title": phase.title, "cases": phase.cases},
        "protocol": {
            "version": protocol.version,
            "sha256": protocol.protocol_hash,
            "frozen_at": _moment(protocol.frozen_at),
        },
        "edition": {
            "number": edition.number,
            "scoring_sha256": edition.scoring_hash,
            "reference_version": edition.reference_version,
            "scorer_version": edition.scorer_version,
            "scored_with": _scored_with(runs),
        },
        "submission": _who(result),
        "cases": _cases(runs, in_public=result.in_public),
        "run": {
            "sandbox": sorted({one.sandbox for one in _last(runs) if one.sandbox}),
            "limits": _limits(_last(runs)),
        },
        "standing": None if result.placed is None else _standing(result.placed),
    }


def _who(result: Result) -> dict[str, Any]:
    submission = result.submission
    version, row = submission.version, result.placed.row if result.placed else None
    upload = version.upload
    return {
        "id": submission.public_id,
        "algorithm": row.algorithm if row else version.algorithm.title,
        "version": version.number,
        "team": row.team if row else (submission.team.name if submission.team else ""),
        "by": row.owner if row else submission.submitted_by.get_username(),
        "kind": version.kind,
        "is_baseline": submission.is_baseline,
        "image_sha256": version.image.digest if version.image else None,
        "upload_sha256": upload.sha256 if upload else None,
        "entered_at": _moment(submission.entered_at),
        "scored_at": _moment(submission.ended_at),
    }


def _standing(placed: Placed) -> dict[str, Any]:
    row, snapshot = placed.row, placed.snapshot
    return {
        "made_at": _moment(snapshot.created_at),
        "snapshot_sha256": snapshot.content_hash or None,
        "rank": row.rank_shown,
        "rank_range": _pair(row.low, row.high),
        "rank_range_among": placed.among if row.low is not None else None,
        "rank_set": _pair(row.set_low, row.set_high),
        "tier": row.tier,
        "competes": row.competes,
        "competing": placed.competing,
        "cases": row.cases or None,
        "failed": row.failed if row.cases else None,
        "seconds_per_case": row.seconds_per_case,
        "peak_memory_bytes": row.peak_memory_bytes,
        "values": {
            column.key: _value(cell, column.aggregate, column.unit, ranked=column.ranked)
            for column, cell in zip(placed.columns, row.cells, strict=True)
        },
    }


def _value(cell: Summary | None, aggregate: str, unit: str, *, ranked: bool) -> dict[str, Any]:
    return {
        "aggregate": aggregate,
        "unit": unit,
        "ranked": ranked,
        "withheld": cell is None,
        "value": cell.shown if cell else None,
        "low": cell.low if cell else None,
        "high": cell.high if cell else None,
        "cases": cell.count if cell else None,
    }


def _runs(result: Result) -> list[Run]:
    """In the order of the cases, with the results in the edition."""
    results = CaseResult.objects.filter(edition=result.edition).select_related("target")
    runs = result.submission.runs.filter(variant="original", repeat=0)
    prefetched = runs.select_related("case").prefetch_related(
        Prefetch("attempts", Attempt.objects.defer("log").order_by("fence")),
        Prefetch("results", results.order_by("target__reader__name", "target")),
    )
    return [run for run in prefetched.order_by("case__position") if run.results.all()]


def _last(runs: Iterable[Run]) -> list[Attempt]:
    """The attempt that counted of each run."""
    return [attempts[-1] for run in runs if (attempts := list(run.attempts.all()))]


def _cases(runs: Sequence[Run], *, in_public: bool) -> dict[str, Any]:
    """What goes in and what it is scored against; masks only where they can tell nothing, as a
    program could write what it saw into a mask, and find it again by its hash."""
    last = _last(runs)
    inputs = [one.input_sha256 for one in last if one.input_sha256]
    references = [one.target.sha256 for run in runs for one in run.results.all()]
    return {
        "number": len(runs),
        "inputs_sha256": combined(inputs) if inputs else None,
        "references_sha256": combined(references) if references else None,
        "each": [_case(run) for run in runs] if in_public else None,
    }


def _case(run: Run) -> dict[str, Any]:
    attempts = list(run.attempts.all())
    last = attempts[-1] if attempts else None
    return {
        "case": run.case.name,
        "input_sha256": last.input_sha256 or None if last else None,
        "references_sha256": [one.target.sha256 for one in run.results.all()],
        "mask_sha256": last.output_sha256 or None if last else None,
        "failed": run.reason_code or None,
    }


def combined(hashes: Iterable[str]) -> str:
    """SHA-256 of hashes in hex, a line each."""
    return hashlib.sha256("".join(f"{one}\n" for one in hashes).encode()).hexdigest()


def _limits(attempts: Iterable[Attempt]) -> list[dict[str, Any]]:
    """Those that the phase sets, each that there was once."""
    found = {tuple(one.limits.get(name) for name in _LIMITS) for one in attempts if one.limits}
    return [dict(zip(_LIMITS, values, strict=True)) for values in sorted(found, key=repr)]


def _scored_with(runs: Iterable[Run]) -> list[Mapping[str, str]]:
    found = {
        tuple(sorted(one.scored_with.items())): one.scored_with
        for run in runs
        for one in run.results.all()
        if one.scored_with
    }
    return [found[key] for key in sorted(found)]


def _protocol(result: Result) -> Protocol:
    """The one in force when the standing was made; now, where there is none."""
    protocols = result.phase.challenge.protocols.order_by("-version")
    if result.placed is not None:
        then = protocols.filter(frozen_at__lte=result.placed.snapshot.created_at).first()
        if then is not None:
            return then
    return protocols[:1].get()


def _pair(low: int | None, high: int | None) -> list[int] | None:
    return None if low is None or high is None else [low, high]


def _moment(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat(timespec="seconds")
