"""The case viewer: its public page, and the images and masks that it draws."""

from dataclasses import dataclass

from django.contrib.auth.decorators import login_required
from django.db.models.fields.files import FieldFile
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.cache import get_conditional_response
from django.views.decorators.http import require_safe

from challenges.models import Case, Challenge, Image, Phase
from challenges.selectors import definition_of
from challenges.selectors.viewing import (
    given_away,
    image_of,
    outlines_of,
    public_cases,
    suv_max_of,
)
from challenges.services import access
from challenges.views.callers import trusted


@dataclass(frozen=True)
class MaskAddress:
    """One checkbox of the viewer. colour: #RRGGBB; empty for the consensus.

    dash: of its line, in pixels (“6 3”); empty for a solid one. bit: which voxels of the mask are
    meant; 0 for all. hatch: "lines" or "dots" fill the outline, instead of a line alone.
    """

    title: str
    colour: str
    url: str
    dash: str = ""
    bit: int = 0
    hatch: str = ""


@dataclass(frozen=True)
class Viewer:
    """What templates/challenges/viewer.html needs. ct: empty where there is none."""

    pet: str
    ct: str
    masks: tuple[MaskAddress, ...]
    suv_max: float


def viewer_of(case: Case, *, challenge: Challenge, base: str, masks: bool) -> Viewer:
    """base: the address of the page, under which images and masks lie."""
    has_ct = image_of(case, Image.Modality.CT) is not None
    return Viewer(
        pet=f"{base}images/pet.mha",
        ct=f"{base}images/ct.mha" if has_ct else "",
        masks=tuple(
            MaskAddress(one.title, one.colour, f"{base}masks/{one.number}.mha")
            for one in (outlines_of(case) if masks else ())
        ),
        suv_max=suv_max_of(challenge),
    )


@require_safe
def public_case(request: HttpRequest, slug: str, phase_slug: str, case_id: str) -> HttpResponse:
    """A public case; nobody learns from the answer whether a hidden one exists."""
    phase, found = _public(slug, phase_slug, case_id)
    cases = public_cases(phase)
    base = reverse("public_case", args=[slug, phase_slug, case_id])
    definition = definition_of(phase.challenge)
    context = {
        "challenge": phase.challenge,
        "definition": definition,
        "columns": [(name, found.metadata.get(name, "")) for name in definition.public_columns],
        "phase": phase,
        "case": found,
        "viewer": viewer_of(found, challenge=phase.challenge, base=base, masks=phase.gives_away),
        "before": cases.filter(position__lt=found.position).order_by("-position").first(),
        "after": cases.filter(position__gt=found.position).order_by("position").first(),
    }
    return render(request, "challenges/case.html", context)


@require_safe
def public_image(
    request: HttpRequest, slug: str, phase_slug: str, case_id: str, modality: str
) -> HttpResponseBase:
    return _image(request, _public(slug, phase_slug, case_id)[1], modality)


@require_safe
def public_mask(
    request: HttpRequest, slug: str, phase_slug: str, case_id: str, number: int
) -> HttpResponseBase:
    """Of a phase that gives its cases away: of any other, references stay with the organisers."""
    phase, found = _public(slug, phase_slug, case_id)
    if not given_away(phase).filter(pk=found.pk).exists():
        raise Http404
    return _mask(request, found, number)


@login_required
@require_safe
def image(request: HttpRequest, slug: str, case_id: str, modality: str) -> HttpResponseBase:
    return _image(request, _trusted(request, slug, case_id), modality)


@login_required
@require_safe
def mask(request: HttpRequest, slug: str, case_id: str, number: int) -> HttpResponseBase:
    return _mask(request, _trusted(request, slug, case_id), number)


def public_phase(slug: str, phase_slug: str) -> Phase:
    """Of a published challenge."""
    phases = Phase.objects.select_related("challenge", "dataset")
    published = phases.exclude(challenge__published_at=None)
    return get_object_or_404(published, challenge__slug=slug, slug=phase_slug)


def _public(slug: str, phase_slug: str, case_id: str) -> tuple[Phase, Case]:
    phase = public_phase(slug, phase_slug)
    return phase, get_object_or_404(public_cases(phase), public_id=case_id)


def _trusted(request: HttpRequest, slug: str, case_id: str) -> Case:
    dataset = trusted(request, slug).dataset
    return get_object_or_404(Case, dataset=dataset, public_id=case_id)


def _image(request: HttpRequest, case: Case, modality: str) -> HttpResponseBase:
    found = image_of(case, modality)
    if found is None:
        raise Http404
    access.record(viewer=request.user, case=case, what="image")
    return _as_stored(request, found.file, found.sha256, f"{case.name}-{modality}.mha")


def _mask(request: HttpRequest, case: Case, number: int) -> HttpResponseBase:
    found = next((one for one in outlines_of(case) if one.number == number), None)
    if found is None:
        raise Http404
    access.record(viewer=request.user, case=case, what="mask")
    return _as_stored(request, found.file, found.sha256, f"{case.name}-mask-{number}.mha")


def _as_stored(request: HttpRequest, file: FieldFile, sha256: str, name: str) -> HttpResponseBase:
    """MetaImage, which the viewer reads: the server sends the file and holds no copy of it.

    A browser keeps it and asks each time whether it may, so that each look is recorded.
    """
    etag = f'"{sha256}"'
    response: HttpResponseBase | None = get_conditional_response(request, etag=etag)
    if response is None:
        opened = file.open("rb")
        response = FileResponse(opened, content_type="application/octet-stream", filename=name)
        response["ETag"] = etag
    response["Cache-Control"] = "private, no-cache"
    return response
