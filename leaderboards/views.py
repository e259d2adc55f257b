from datetime import date
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from challenges.models import Phase
from challenges.policies import may_organise
from challenges.selectors import current_edition, definition_of, phase_state, shown_edition
from evaluation.ranking.words import recipe_in_words
from leaderboards.dots import HEIGHT, WIDTH
from leaderboards.lines import lines_of
from leaderboards.policies import may_see_details
from leaderboards.selectors import Board, board
from submissions.selectors.rescoring import RescoreProgress, rescore_progress


@require_safe
def leaderboard(request: HttpRequest, slug: str, phase_slug: str) -> HttpResponse:
    phase = get_object_or_404(
        Phase.objects.select_related("challenge"), challenge__slug=slug, slug=phase_slug
    )
    definition = definition_of(phase.challenge)
    as_of, unread = day_of(request.GET.get("as_of", ""))
    shown = board(
        request.user,
        phase,
        sort=request.GET.get("sort", "rank"),
        order=request.GET.get("order", ""),
        group=request.GET.get("group", ""),
        as_of=as_of,
        page=number_of(request.GET.get("page", "")),
    )
    return render(
        request,
        "leaderboards/leaderboard.html",
        {
            "challenge": phase.challenge,
            "phase": phase,
            "phases": _others(phase),
            "state": phase_state(phase),
            "definition": definition,
            "recipe": recipe_in_words(definition.evaluation),
            "who": next(one for one in definition.phases if one.slug == phase.slug).who_competes,
            "board": shown,
            "lines": lines_of(shown),
            "aggregate": _aggregate(shown),
            "details": may_see_details(request.user, phase),
            "as_of": as_of,
            "unread_day": unread,
            "keep": _kept(shown, as_of),
            "dots": {"width": WIDTH, "height": HEIGHT},
            "may_organise": may_organise(request.user, phase.challenge),
            "scored_anew": _anew(phase),
        },
    )


def _aggregate(shown: Board) -> str:
    columns = shown.table.columns
    return columns[0].aggregate.replace("_", " ") if columns else "mean"


def _anew(phase: Phase) -> RescoreProgress | None:
    """How far a new edition is, where there is one that is not whole yet."""
    newest = current_edition(phase)
    return None if newest == shown_edition(phase) else rescore_progress(phase, newest)


def _others(phase: Phase) -> list[Phase]:
    """The phases of the challenge that have a leaderboard, this one too."""
    return [one for one in phase.challenge.phases.all() if one.kind != Phase.Kind.TRAINING]


def _kept(shown: Board, as_of: date | None) -> str:
    """What stays in the address when the table is sorted or turned over, from "&" on."""
    kept = {}
    if shown.chosen is not None:
        kept["group"] = shown.chosen.key
    if as_of is not None:
        kept["as_of"] = as_of.isoformat()
    return f"&{urlencode(kept)}" if kept else ""


def day_of(text: str) -> tuple[date | None, str]:
    """The day, and what of the text is none."""
    if not text:
        return None, ""
    try:
        return date.fromisoformat(text), ""
    except ValueError:
        return None, text


def number_of(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 7 else 1
