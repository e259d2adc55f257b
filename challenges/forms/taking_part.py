"""What a person writes to take part. What is right is told by the services, for every caller."""

from typing import Any

from django import forms

from challenges.selectors.taking_part import Standing, TeamView
from challenges.services.refusals import Refused


class RefusableForm(forms.Form):
    """names: what a service calls each field's content, where that is not the field's name."""

    names: dict[str, str]

    def take(self, refusal: Refused) -> None:
        """Show what a service has refused beside the fields that it is about."""
        fields = {name: field for field, name in self.names.items()}
        for name, text in refusal.problems.items():
            field = fields.get(name, name)
            self.add_error(field if field in self.fields else None, text)
        if not refusal.problems:
            self.add_error(None, refusal.message)


class RegistrationForm(RefusableForm):
    institute = forms.CharField(
        required=False,
        label="Institute",
        help_text="Where you work; “independent” is an answer too.",
        widget=forms.TextInput(attrs={"autocomplete": "organization"}),
    )

    def __init__(self, data: Any = None, *, standing: Standing) -> None:  # noqa: ANN401
        said = dict(standing.answers)
        initial = {"institute": standing.institute}
        self.names = {}
        for number, question in enumerate(standing.questions, start=1):
            self.names[f"answer-{number}"] = question
            initial[f"answer-{number}"] = said.get(question, "")
        super().__init__(data, initial=initial)
        for field, question in self.names.items():
            self.fields[field] = forms.CharField(
                required=False, label=question, widget=forms.Textarea(attrs={"rows": 3})
            )

    def answers(self) -> dict[str, str]:
        """By question."""
        return {question: self.cleaned_data[field] for field, question in self.names.items()}


class TeamForm(RefusableForm):
    names: dict[str, str] = {}

    name = forms.CharField(
        required=False,
        label="Name",
        help_text="Shown on the leaderboard.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    institute = forms.CharField(
        required=False,
        label="Institute",
        help_text="Where its members work; may be left empty.",
        widget=forms.TextInput(attrs={"autocomplete": "organization"}),
    )

    @classmethod
    def of(cls, team: TeamView | None) -> "TeamForm":
        """Not filled in yet, with what is."""
        if team is None:
            return cls()
        return cls(initial={"name": team.name, "institute": team.institute})
