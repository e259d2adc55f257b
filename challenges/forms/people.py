"""Who prepares a challenge, and the first two words about it."""

from typing import Any

from django import forms
from django.core.validators import RegexValidator
from django.utils.text import slugify

from accounts.models import User
from challenges.definition.phases import SLUG
from challenges.models import Challenge, Membership

RESERVED = {"new"}
"""/organise/new/ is where a challenge begins."""


class NewChallengeForm(forms.Form):
    title = forms.CharField(max_length=200, label="Title", help_text="It can be changed later.")
    slug = forms.CharField(
        max_length=60,
        required=False,
        label="Address",
        help_text="The last part of the challenge's address, for good. Small letters, digits and "
        "hyphens; made of the title where empty.",
        validators=[
            RegexValidator(SLUG, "3 to 60 small letters, digits and hyphens, no hyphen at an end.")
        ],
    )

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or self.cleaned_data
        if "title" not in values or "slug" in self.errors:
            return values
        slug = values.get("slug") or slugify(values["title"])[:60].strip("-")
        if len(slug) < 3:
            self.add_error("slug", "An address cannot be made of this title; write one.")
        elif slug in RESERVED or Challenge.objects.filter(slug=slug).exists():
            self.add_error("slug", f"“{slug}” is taken; choose another one.")
        values["slug"] = slug
        return values

    def document(self) -> dict[str, Any]:
        """The beginning of a definition."""
        return {
            "format": 1,
            "slug": self.cleaned_data["slug"],
            "title": self.cleaned_data["title"],
            "phases": [
                {
                    "slug": "test",
                    "title": "Test",
                    "kind": "final",
                    "cases": "hidden",
                    "quota": {"submissions": 2, "attempts": 6, "days": 7, "at_once": 1},
                }
            ],
            "evaluation": {
                "metrics": ["dice", "lesion_f1", "mtv_abs_error_ml", "case_specificity"],
                "labels": {"lesion": 1},
            },
        }


class MemberForm(forms.Form):
    username = forms.CharField(
        max_length=150, label="Username", help_text="Of someone who has signed up here."
    )
    role = forms.ChoiceField(
        label="Role",
        choices=[
            (Membership.Role.CO_ORGANISER, "co-organiser: prepares and sees everything"),
            (Membership.Role.ORGANISER, "organiser: publishes and amends too, and names people"),
            (Membership.Role.READER, "reader: annotated cases"),
            (Membership.Role.STEWARD, "steward: may see hidden data"),
            (Membership.Role.REVIEWER, "reviewer: reads the design before it is published"),
        ],
    )

    def clean_username(self) -> str:
        name: str = self.cleaned_data["username"].strip()
        found = User.objects.filter(username=name, is_active=True).first()
        if found is None:
            raise forms.ValidationError(
                f"There is no user “{name}”. They sign up first, and tell you their username."
            )
        self.person = found
        return name
