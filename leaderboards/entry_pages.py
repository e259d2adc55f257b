"""Whom a result holds for: entries on groups of cases, and each entry on a page of its own."""

from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from challenges.models import Phase
from challenges.selectors import definition_of
from leaderboards.entry import entry_of
from leaderboards.lines import cell_of
from leaderboards.policies import may_see_details, may_see_images
from leaderboards.states import states_of
from leaderboards.subgroups import subgroups
from leaderboards.views import number_of
from leaderboards.visibility import view_of

_STATES_A_PAGE = 50


@require_safe
def by_subgroup(request: HttpRequest, slug: str, phase_slug: str) -> HttpResponse:
    phase = _phase(slug, phase_slug)
    found = subgroups(
        request.user,
        phase,
        by=request.GET.get("by", ""),
        metric=request.GET.get("metric", ""),
        page=number_of(request.GET.get("page", "")),
    )
    column = found.column
    lines = [
        (one, cell_of(one.everything, column), [cell_of(cell, column) for cell in one.cells])
        for one in found.rows
        if column is not None
    ]
    context = {
        "challenge": phase.challenge,
        "phase": phase,
        "found": found,
        "board": found.board,
        "column": column,
        "lines": lines,
    }
    return render(request, "leaderboards/subgroups.html", context)


@require_safe
def states(request: HttpRequest, slug: str, phase_slug: str) -> HttpResponse:
    """Every state that was ever shown, with its hash."""
    phase = _phase(slug, phase_slug)
    page = Paginator(states_of(phase, view_of(request.user, phase)), _STATES_A_PAGE).get_page(
        request.GET.get("page")
    )
    context = {"challenge": phase.challenge, "phase": phase, "states": page}
    return render(request, "leaderboards/states.html", context)


@require_safe
def entry(request: HttpRequest, slug: str, phase_slug: str, submission: str) -> HttpResponse:
    phase = _phase(slug, phase_slug)
    found = entry_of(request.user, phase, submission, metric=request.GET.get("metric", ""))
    if found is None:
        raise Http404
    context = {
        "challenge": phase.challenge,
        "phase": phase,
        "definition": definition_of(phase.challenge),
        "entry": found,
        "details": may_see_details(request.user, phase),
        "images": may_see_images(request.user, phase),
        "groups": [
            (choice, row, [cell_of(row.cells[at], column) for at, column in found.told])
            for choice, row in found.groups
        ],
        "everything": [cell_of(found.row.cells[at], column) for at, column in found.told],
    }
    return render(request, "leaderboards/entry.html", context)


def _phase(slug: str, phase_slug: str) -> Phase:
    phases = Phase.objects.select_related("challenge")
    return get_object_or_404(phases, challenge__slug=slug, slug=phase_slug)
