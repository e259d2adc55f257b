"""Where what is missing in a design document can be written."""

from django import template
from django.urls import reverse

from challenges.forms import STEPS
from challenges.models import Challenge

register = template.Library()
_PAGES = {"cases": "prepare_data", "rehearsal": "prepare_rehearsal"}


@register.simple_tag
def where_to_write(challenge: Challenge, key: str) -> str:
    """The address of the step that asks for a dotted key."""
    page = _PAGES.get(key.split(".")[0])
    if page is not None:
        return reverse(page, args=[challenge.slug])
    step = next((one.slug for one in STEPS if one.owns(key)), None)
    if step is None:
        return reverse("prepare", args=[challenge.slug])
    return reverse("prepare_step", args=[challenge.slug, step])
