from datetime import datetime, timedelta

from django import forms
from django.utils import timezone

from accounts.tokens import SCOPES

_LIVES = {"30": "30 days", "90": "90 days", "365": "a year", "": "until I withdraw it"}


class TokenForm(forms.Form):
    """What a new token is for."""

    name = forms.CharField(
        max_length=100,
        label="Name",
        help_text="For you, to know it again: the machine or program that it is for.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "placeholder": "workstation"}),
    )
    scopes = forms.MultipleChoiceField(
        choices=list(SCOPES.items()),
        initial=["read", "submit"],
        label="It may",
        widget=forms.CheckboxSelectMultiple,
    )
    days = forms.ChoiceField(
        choices=list(_LIVES.items()), initial="90", required=False, label="It is valid for"
    )

    def expires_at(self) -> datetime | None:
        days = self.cleaned_data["days"]
        return timezone.now() + timedelta(days=int(days)) if days else None
