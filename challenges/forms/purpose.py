"""What is asked, and for what."""

from typing import Any

from django import forms

from challenges.forms.base import DesignForm, Document, describe, text_area


class PurposeForm(DesignForm):
    parts = ("purpose",)

    title = forms.CharField(max_length=200, label="Title")
    summary = forms.CharField(
        max_length=400,
        required=False,
        label="In one sentence",
        help_text="For the list of challenges.",
    )
    question = forms.CharField(
        required=False,
        max_length=20_000,
        label="Clinical question",
        help_text="What is to be found out; paragraphs of text.",
        widget=text_area(4),
    )

    def __init__(self, *arguments: Any, **named: Any) -> None:  # noqa: ANN401
        super().__init__(*arguments, **named)
        describe(self.fields["title"], example="Lymphoma lesions in FDG-PET", needed=True)
        describe(
            self.fields["summary"],
            example="Outline every lymphoma lesion in staging FDG-PET of three centres.",
            needed=True,
        )
        describe(
            self.fields["question"],
            example="How closely do automatic methods measure the metabolic tumour volume that "
            "three experts agree on, at centres they have not seen?",
            needed=True,
        )

    def load(self, document: Document) -> dict[str, Any]:
        own = {name: document.get(name, "") for name in ("title", "summary", "question")}
        return {**own, **super().load(document)}

    def save(self, document: Document) -> None:
        super().save(document)
        for name in ("title", "summary", "question"):
            document[name] = self.cleaned_data[name].strip()
