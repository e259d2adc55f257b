"""Cases one by one, behind a leaderboard: what entries drew and scored, and who is better where."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.utils.cache import get_conditional_response
from django.views.decorators.http import require_safe

from accounts.models import User
from challenges.models import Case, Edition, Phase
from challenges.selectors import cases_of, definition_of, shown_edition
from challenges.services import access
from evaluation.marked import least_iou
from leaderboards.case_pages import Order, parts_of, place_of, query_of, withheld
from leaderboards.cases import (
    LETTERS,
    POSITION,
    Measure,
    NotShown,
    Standing,
    chosen,
    chosen_measure,
    chosen_target,
    in_order,
    measures_of,
    on_case,
    readers_on,
    result_of,
    spec_of,
    standing,
    targets_on,
)
from leaderboards.comparing import BY_CASE, DIFFERENCE, SORTS, Comparison, compare
from leaderboards.plots import plots_of
from leaderboards.policies import (
    may_see_details,
    may_see_images,
    may_see_mask,
    may_see_references,
)
from leaderboards.verdicts import etag_of, verdict_of
from submissions.models import Prediction, Submission


@require_safe
def case(request: HttpRequest, slug: str, phase_slug: str, case_id: str) -> HttpResponse:
    """A case with the outlines and scores of up to three entries."""
    phase, images = _phase(request, slug, phase_slug)
    found = get_object_or_404(cases_of(phase), public_id=case_id)
    if images:
        access.record(viewer=request.user, case=found, what="scores")
    edition = shown_edition(phase)
    everyone, measures = standing(phase, edition), measures_of(edition)
    targets = targets_on(found, phase, edition)
    problems: list[str] = []
    entries: tuple[Standing, ...] = ()
    order, against = Order(), targets[0] if targets else None
    asked = _asked(request)
    try:
        entries = chosen(everyone, asked)
    except NotShown as refusal:
        problems += refusal.messages
    try:
        order = _order(request, everyone, measures, entries)
        against = chosen_target(targets, request.GET.get("against", ""))
    except NotShown as refusal:
        problems += refusal.messages
    rows = on_case(request.user, found, edition, entries, measures)
    readers = readers_on(found, edition, measures)
    viewer = parts_of(request.user, phase, found, rows, against) if images else None
    context = {
        **_about(phase, edition, everyone, entries, asked),
        "case": found,
        "columns": _public_columns(phase, found),
        "measures": measures,
        "by_measures": [one for one in measures if one.comparable],
        "rows": rows,
        "readers": readers,
        "scores": [
            (one, [row.values[n] for row in rows], [reader.values[n] for reader in readers])
            for n, one in enumerate(measures)
        ],
        "order": order,
        "place": place_of(found, in_order(phase, edition, order.by, order.of)),
        "query": query_of(entries, order),
        "targets": targets,
        "against": against,
        "least_iou": least_iou(spec_of(edition)),
        "viewer": viewer,
        "hatched": viewer is not None and any(mask.hatch for mask in viewer.masks),
        "references": may_see_references(request.user, phase),
        "withheld": withheld(request.user, rows),
        "problems": problems,
    }
    status = 422 if problems else 200
    return render(request, "leaderboards/case.html", context, status=status)


@require_safe
def compared(request: HttpRequest, slug: str, phase_slug: str) -> HttpResponse:
    """Two or three entries case by case."""
    phase, images = _phase(request, slug, phase_slug)
    if phase.is_hidden and images and isinstance(request.user, User):
        access.record_all(user=request.user, challenge=phase.challenge, what="scores")
    edition = shown_edition(phase)
    everyone, measures = standing(phase, edition), measures_of(edition)
    asked, sort = _asked(request), request.GET.get("sort", DIFFERENCE)
    comparison: Comparison | None = None
    entries: tuple[Standing, ...] = ()
    problems: list[str] = []
    try:
        measure = chosen_measure(measures, request.GET.get("by", "") or measures[0].key)
        if sort not in SORTS:
            raise NotShown([f"There is no order “{sort[:20]}”; expected {' or '.join(SORTS)}."])
        if asked:
            entries = chosen(everyone, asked, least=2)
            comparison = compare(phase, edition, entries, measure, sort=sort)
    except NotShown as refusal:
        measure, problems = measures[0], list(refusal.messages)
    context = {
        **_about(phase, edition, everyone, entries, asked),
        "measures": measures,
        "measure": measure,
        "sorts": ((DIFFERENCE, "largest difference first"), (BY_CASE, "by position")),
        "sort": sort,
        "comparison": comparison,
        "plots": plots_of(comparison) if comparison else (),
        "query": query_of(entries, Order()),
        "problems": problems,
    }
    status = 422 if problems else 200
    return render(request, "leaderboards/compare.html", context, status=status)


@require_safe
def entry_mask(
    request: HttpRequest, slug: str, phase_slug: str, case_id: str, entry: str
) -> HttpResponseBase:
    """The mask that was scored."""
    drawn = _drawn(request, slug, phase_slug, case_id, entry)
    prediction = drawn.prediction
    if prediction is None:
        raise Http404
    access.record(viewer=request.user, case=drawn.case, what="mask")
    response = _kept(request, f'"{prediction.sha256}"')
    if response is None:
        name = f"{drawn.case.name}-{entry}.mha"
        response = FileResponse(
            prediction.file.open("rb"), content_type="application/octet-stream", filename=name
        )
    return _private(response, f'"{prediction.sha256}"')


@require_safe
def entry_lesions(
    request: HttpRequest, slug: str, phase_slug: str, case_id: str, entry: str, reference: int
) -> HttpResponseBase:
    """Missed and false lesions of an entry as a mask (``evaluation.marked``), against the reference
    of that number."""
    drawn = _drawn(request, slug, phase_slug, case_id, entry)
    if not may_see_references(request.user, drawn.phase):
        raise Http404
    targets = targets_on(drawn.case, drawn.phase, drawn.edition)
    target = next((one for one in targets if one.number == reference), None)
    if target is None:
        raise Http404
    access.record(viewer=request.user, case=drawn.case, what="mask")
    etag = etag_of(target.reference, drawn.prediction, drawn.edition)
    response = _kept(request, etag)
    if response is None:
        content = verdict_of(target.reference, drawn.prediction, drawn.edition)
        response = HttpResponse(content, content_type="application/octet-stream")
    return _private(response, etag)


@dataclass(frozen=True)
class _Drawn:
    """prediction: None where the entry failed on the case."""

    phase: Phase
    case: Case
    edition: Edition
    prediction: Prediction | None


def _phase(request: HttpRequest, slug: str, phase_slug: str) -> tuple[Phase, bool]:
    """Of whose cases this viewer may see the scores, and whether their images too; for anyone else
    there is none."""
    phases = Phase.objects.select_related("challenge", "dataset")
    published = phases.exclude(challenge__published_at=None)
    found = get_object_or_404(published, challenge__slug=slug, slug=phase_slug)
    images = may_see_images(request.user, found)
    if not images and not may_see_details(request.user, found):
        raise Http404
    return found, images


def _drawn(request: HttpRequest, slug: str, phase_slug: str, case_id: str, entry: str) -> _Drawn:
    """An entry's mask of a case, where it is scored and this viewer may see it."""
    phase, _ = _phase(request, slug, phase_slug)
    case = get_object_or_404(cases_of(phase), public_id=case_id)
    submission = get_object_or_404(
        Submission, phase=phase, public_id=entry, state=Submission.State.SCORED
    )
    submission.phase = phase
    edition = shown_edition(phase)
    result = result_of(submission, case, edition)
    if result is None or not may_see_mask(request.user, submission):
        raise Http404
    return _Drawn(phase, case, edition, result.prediction)


def _kept(request: HttpRequest, etag: str) -> HttpResponseBase | None:
    """An answer to a browser that has it already."""
    response: HttpResponseBase | None = get_conditional_response(request, etag=etag)
    return response


def _private(response: HttpResponseBase, etag: str) -> HttpResponseBase:
    """A browser keeps it and asks each time whether it may, so that each look is recorded."""
    response["ETag"] = etag
    response["Cache-Control"] = "private, no-cache"
    return response


def _asked(request: HttpRequest) -> list[str]:
    """The entries, given as a list with commas or one by one; choices left open are none."""
    given = ",".join(request.GET.getlist("entries"))
    return [one.strip() for one in given.split(",") if one.strip()]


def _order(
    request: HttpRequest,
    everyone: Sequence[Standing],
    measures: Sequence[Measure],
    entries: Sequence[Standing],
) -> Order:
    """Raises NotShown."""
    by, of = request.GET.get("by", POSITION), request.GET.get("of", "")
    if by in ("", POSITION):
        return Order()
    measure = chosen_measure([one for one in measures if one.comparable], by)
    if of:
        return Order(measure, chosen(everyone, [of])[0])
    if not entries:
        raise NotShown([f"Cases are put in order by {measure.short} of an entry; choose one."])
    return Order(measure, entries[0])


def _about(
    phase: Phase,
    edition: Edition,
    everyone: Sequence[Standing],
    entries: Sequence[Standing],
    asked: Sequence[str],
) -> dict[str, Any]:
    """asked: what of it stands here stays chosen, also where the rest is refused."""
    known = {one.public_id for one in everyone}
    kept = [one for one in dict.fromkeys(asked) if one in known]
    return {
        "challenge": phase.challenge,
        "phase": phase,
        "edition": edition,
        "everyone": everyone,
        "entries": list(zip(LETTERS, entries, strict=False)),
        "choices": [(letter, kept[n] if n < len(kept) else "") for n, letter in enumerate(LETTERS)],
    }


def _public_columns(phase: Phase, found: Case) -> list[tuple[str, str]]:
    names = definition_of(phase.challenge).public_columns
    return [(name, found.metadata.get(name, "")) for name in names]
