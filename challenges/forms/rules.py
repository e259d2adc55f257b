"""Who may take part, what becomes of the results, and what permits the use of the data."""

from typing import Any

from django import forms

from challenges.definition.card import SECTIONS, title_of
from challenges.definition.participation import MOST_MEMBERS
from challenges.forms.base import DesignForm, Document, describe, text_area

REGISTRATION = {
    "": "None: whoever is signed in may submit",
    "required": "Before submitting; it is valid at once",
    "approval": "Before submitting, and each is approved by an organiser",
}


class LinesField(forms.CharField):
    """Texts, one a line, without empty ones."""

    widget = forms.Textarea(attrs={"rows": 3})

    def clean(self, value: Any) -> list[str]:  # noqa: ANN401
        lines = (" ".join(line.split()) for line in super().clean(value).splitlines())
        return [line for line in lines if line]


class RulesForm(DesignForm):
    parts = ("policies",)

    rules = forms.CharField(
        required=False,
        max_length=20_000,
        label="Rules in short",
        help_text="For the challenge's page; paragraphs of text.",
        widget=text_area(4),
    )
    registration = forms.ChoiceField(
        required=False, label="Registration", choices=list(REGISTRATION.items())
    )
    questions = LinesField(
        required=False,
        max_length=10_000,
        label="Questions to those who register",
        help_text="One a line; each is answered in words, for organisers alone. An institute is "
        "asked for anyway.",
    )
    most_members = forms.IntegerField(
        required=False,
        min_value=1,
        max_value=MOST_MEMBERS,
        label="Members of a team, at most",
        help_text="A team shares one quota and one row of the leaderboard. Empty: no limit.",
    )
    organising_institutes = LinesField(
        required=False,
        max_length=20_000,
        label="Organising institutes",
        help_text="One a line. Entries of people and teams of these, and of whoever organises the "
        "challenge, are shown without a rank.",
    )

    card_required = forms.MultipleChoiceField(
        required=False,
        label="Of each algorithm’s card you require",
        choices=[
            (section, [(name, title_of(name)) for name in names])
            for section, names in SECTIONS.items()
        ],
        help_text="An entry stands on the leaderboard once these are told.",
        widget=forms.CheckboxSelectMultiple,
    )

    def __init__(self, *arguments: Any, **named: Any) -> None:  # noqa: ANN401
        super().__init__(*arguments, **named)
        describe(self.fields["questions"], example="Which data is your method trained on?")
        describe(self.fields["organising_institutes"], example="University Hospital X")

    def load(self, document: Document) -> dict[str, Any]:
        asked = document.get("registration") or {}
        kind = "approval" if asked.get("approval") else "required"
        return {
            **super().load(document),
            "rules": document.get("rules", ""),
            "registration": kind if asked.get("required") else "",
            "questions": "\n".join(asked.get("questions") or ()),
            "most_members": (document.get("teams") or {}).get("most_members"),
            "organising_institutes": "\n".join(document.get("organising_institutes") or ()),
            "card_required": (document.get("card") or {}).get("required") or [],
        }

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or self.cleaned_data
        if values.get("questions") and not values.get("registration"):
            self.add_error("questions", "Nobody is asked: choose a registration above, or none.")
        return values

    def save(self, document: Document) -> None:
        super().save(document)
        values = self.cleaned_data
        document["rules"] = values["rules"].strip()
        document["registration"] = {
            "required": bool(values["registration"]),
            "approval": values["registration"] == "approval",
            "questions": values["questions"],
        }
        document["teams"] = {"most_members": values["most_members"]}
        document["organising_institutes"] = values["organising_institutes"]
        document["card"] = {"required": values["card_required"]}


class EthicsForm(DesignForm):
    parts = ("ethics",)

    organisers = forms.CharField(
        required=False,
        max_length=5000,
        label="Organisers",
        help_text="One a line, institute after a bar.",
        widget=text_area(3),
    )
    contact = forms.CharField(
        required=False,
        max_length=200,
        label="Contact",
        help_text="An address that is read, for participants and patients.",
    )
    terms = forms.CharField(
        required=False,
        max_length=20_000,
        label="Terms of use of the data",
        help_text="What a person accepts before downloading cases; each acceptance is recorded.",
        widget=text_area(4),
    )

    def __init__(self, *arguments: Any, **named: Any) -> None:  # noqa: ANN401
        super().__init__(*arguments, **named)
        describe(
            self.fields["organisers"],
            example="A. Meyer | University Hospital X, Nuclear Medicine",
            needed=True,
        )
        describe(self.fields["contact"], example="challenge@example.org", needed=True)
        describe(
            self.fields["terms"],
            example="For research only; no attempt to identify a patient; cite the source.",
        )

    def clean_organisers(self) -> list[dict[str, str]]:
        lines = str(self.cleaned_data["organisers"]).splitlines()
        pairs = [tuple(part.strip() for part in line.partition("|")[::2]) for line in lines]
        return [{"name": name, "affiliation": institute} for name, institute in pairs if name]

    def load(self, document: Document) -> dict[str, Any]:
        design = document.get("design") or {}
        return {
            **super().load(document),
            "organisers": "\n".join(
                " | ".join(filter(None, (one["name"], one.get("affiliation", ""))))
                for one in design.get("organisers", [])
            ),
            "contact": design.get("contact", ""),
            "terms": document.get("terms", ""),
        }

    def save(self, document: Document) -> None:
        super().save(document)
        document["design"]["organisers"] = self.cleaned_data["organisers"]
        document["design"]["contact"] = self.cleaned_data["contact"].strip()
        document["terms"] = self.cleaned_data["terms"].strip()
