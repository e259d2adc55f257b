"""Pages of what is asked: thin, over selectors and policies."""

from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from challenges.models import Challenge, Phase
from challenges.policies import may_organise
from challenges.selectors import (
    challenges_for_list,
    dataset_facts,
    definition_of,
    phase_state,
    visible_cases,
)
from challenges.selectors.preparing import history as versions
from challenges.selectors.taking_part import standing_of, team_of
from challenges.selectors.talk import announcements_of, questions_of
from challenges.selectors.viewing import given_away, images_are_public
from challenges.services.access import record
from evaluation.metrics import GROUPS
from evaluation.ranking.words import recipe_in_words

PICTURES_SHOWN = 12
ANNOUNCEMENTS_SHOWN = 3


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    challenges = [
        {
            "challenge": challenge,
            "phases": [(phase, phase_state(phase)) for phase in challenge.phases.all()],
            "facts": dataset_facts(challenge.phases.all()[0]),
            "source": definition_of(challenge).source,
            "case": visible_cases(request.user, challenge.phases.all()[0]).first(),
        }
        for challenge in challenges_for_list()
    ]
    return render(request, "challenges/home.html", {"challenges": challenges})


@require_safe
def challenge(request: HttpRequest, slug: str) -> HttpResponse:
    found = _published(slug)
    definition = definition_of(found)
    phases = list(found.phases.all())
    protocol = found.protocols.order_by("-version")[:1].get()
    shown = next((phase for phase in phases if visible_cases(request.user, phase).exists()), None)
    return render(
        request,
        "challenges/challenge.html",
        {
            "recipe": recipe_in_words(definition.evaluation),
            "challenge": found,
            "definition": definition,
            "protocol": protocol,
            "phases": [(phase, phase_state(phase), dataset_facts(phase)) for phase in phases],
            "facts": dataset_facts(phases[0]),
            "giving": [phase.slug for phase in phases if given_away(phase).exists()],
            "picture_phase": shown,
            "viewable": shown is not None and images_are_public(shown),
            "cases": visible_cases(request.user, shown)[:PICTURES_SHOWN] if shown else [],
            "may_organise": may_organise(request.user, found),
            "standing": standing_of(request.user, found),
            "team": team_of(request.user, found),
            "announcements": announcements_of(request.user, found).filter(withdrawn_at=None)[
                :ANNOUNCEMENTS_SHOWN
            ],
            "questions": questions_of(request.user, found).count(),
            "any_seconds_total": any(phase.seconds_total for phase in phases),
            "any_failed_in_a_row": any(phase.failed_in_a_row for phase in phases),
            "any_gvisor": any(phase.sandbox == Phase.Sandbox.GVISOR for phase in phases),
        },
    )


@require_safe
def history(request: HttpRequest, slug: str) -> HttpResponse:
    """Every version of the protocol, and what each amendment changed."""
    found = _published(slug)
    context = {"challenge": found, "versions": versions(found)}
    return render(request, "challenges/history.html", context)


def _published(slug: str) -> Challenge:
    challenges = Challenge.objects.exclude(published_at=None).prefetch_related("phases__dataset")
    return get_object_or_404(challenges, slug=slug)


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """The catalogue: every metric that a challenge can name."""
    return render(request, "challenges/metrics.html", {"groups": GROUPS})


@require_safe
def picture(request: HttpRequest, slug: str, phase_slug: str, case: str) -> HttpResponseBase:
    """A case's projection; nobody learns from the answer whether a hidden case exists."""
    phase = get_object_or_404(Phase, challenge__slug=slug, slug=phase_slug)
    found = visible_cases(request.user, phase).filter(public_id=case).first()
    if found is None:
        raise Http404
    record(viewer=request.user, case=found, what="picture")
    response = FileResponse(found.picture.open("rb"), content_type="image/png")
    audience = "private" if phase.is_hidden else "public"
    response["Cache-Control"] = f"{audience}, max-age=86400"
    return response
