from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_GET

from challenges.models import Phase
from challenges.policies import may_organise
from challenges.selectors import current_edition, definition_of, phase_state, shown_edition
from leaderboards.selectors import board


@require_GET
def leaderboard(request: HttpRequest, slug: str, phase_slug: str) -> HttpResponse:
    phase = get_object_or_404(
        Phase.objects.select_related("challenge"), challenge__slug=slug, slug=phase_slug
    )
    shown = board(
        request.user,
        phase,
        sort=request.GET.get("sort", "rank"),
        order=request.GET.get("order", ""),
    )
    return render(
        request,
        "leaderboards/leaderboard.html",
        {
            "challenge": phase.challenge,
            "phase": phase,
            "state": phase_state(phase),
            "definition": definition_of(phase.challenge),
            "board": shown,
            "may_organise": may_organise(request.user, phase.challenge),
            "scored_anew": shown_edition(phase) != current_edition(phase),
        },
    )
