"""Where the data come from."""

from typing import Any

from django import forms

from challenges.forms.base import DesignForm, Document, WordsField, describe, text_area


class DataForm(DesignForm):
    parts = ("data",)

    modalities = forms.MultipleChoiceField(
        label="Images",
        choices=[("PET", "PET"), ("CT", "CT, resampled to the PET grid")],
        widget=forms.CheckboxSelectMultiple,
        help_text="What every case has, and every container is given.",
    )
    description = forms.CharField(
        required=False,
        max_length=20_000,
        label="The data in words",
        help_text="For the challenge's page; paragraphs of text.",
        widget=text_area(4),
    )
    source = forms.CharField(
        required=False,
        max_length=2000,
        label="Source",
        help_text="Where the data come from, and who made them.",
        widget=text_area(2),
    )
    licence = forms.CharField(
        required=False,
        max_length=200,
        label="Licence",
        help_text="What may be done with the data.",
    )
    citations = forms.CharField(
        required=False,
        max_length=20_000,
        label="Citations",
        help_text="One a line, a DOI at its end after a bar: text | 10.7937/K9/…",
        widget=text_area(2),
    )
    public_columns = WordsField(
        required=False,
        max_length=2000,
        label="Columns that participants may see",
        help_text="Names of columns of cases.csv, separated by commas; nothing that identifies a "
        "patient. All others stay with the organisers.",
    )
    picture_suv_max = forms.FloatField(
        label="SUV shown black in pictures", min_value=0.1, max_value=100, initial=7.0
    )

    def __init__(self, *arguments: Any, **named: Any) -> None:  # noqa: ANN401
        super().__init__(*arguments, **named)
        describe(
            self.fields["source"],
            example="Consecutive patients of three university hospitals, 2018–2022.",
            needed=True,
        )
        describe(self.fields["licence"], example="CC BY 4.0", needed=True)
        describe(self.fields["public_columns"], example="scanner, tracer, voxel_size")

    def clean_modalities(self) -> list[str]:
        chosen: list[str] = self.cleaned_data["modalities"]
        if "PET" not in chosen:
            raise forms.ValidationError("PET is always one of them.")
        return chosen

    def clean_citations(self) -> list[dict[str, str]]:
        found = []
        for line in str(self.cleaned_data["citations"]).splitlines():
            text, _, doi = line.rpartition("|") if "|" in line else (line, "", "")
            if text.strip():
                found.append({"text": text.strip(), "doi": doi.strip()})
        return found

    def load(self, document: Document) -> dict[str, Any]:
        source = document.get("source") or {}
        return {
            **super().load(document),
            "modalities": document.get("modalities", ["PET"]),
            "description": document.get("data", ""),
            "source": source.get("text", ""),
            "licence": source.get("licence", ""),
            "citations": "\n".join(
                " | ".join(filter(None, (one["text"], one.get("doi", ""))))
                for one in source.get("citations", [])
            ),
            "public_columns": ", ".join(document.get("public_columns", [])),
            "picture_suv_max": document.get("picture_suv_max", 7.0),
        }

    def save(self, document: Document) -> None:
        super().save(document)
        values = self.cleaned_data
        document["modalities"] = values["modalities"]
        document["data"] = values["description"].strip()
        document["public_columns"] = values["public_columns"]
        document["picture_suv_max"] = values["picture_suv_max"]
        source = {
            "text": values["source"].strip(),
            "licence": values["licence"].strip(),
            "citations": values["citations"],
        }
        document["source"] = source if any(source.values()) else None
