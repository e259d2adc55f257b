"""Who may take part, what becomes of the results, and what permits the use of the data."""

from typing import Any

from django import forms

from challenges.forms.base import DesignForm, Document, describe, text_area


class RulesForm(DesignForm):
    parts = ("policies",)

    rules = forms.CharField(
        required=False,
        max_length=20_000,
        label="Rules in short",
        help_text="For the challenge's page; paragraphs of text.",
        widget=text_area(4),
    )

    def load(self, document: Document) -> dict[str, Any]:
        return {**super().load(document), "rules": document.get("rules", "")}

    def save(self, document: Document) -> None:
        super().save(document)
        document["rules"] = self.cleaned_data["rules"].strip()


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
