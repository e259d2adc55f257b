"""Who drew the reference, and how masks of several readers become one."""

import re
from typing import Any

from django import forms

from challenges.definition.challenge import FILE_STEM
from challenges.forms.base import DesignForm, Document, describe, text_area


class ReferenceForm(DesignForm):
    parts = ("annotation",)

    readers = forms.CharField(
        label="Readers",
        max_length=5000,
        help_text="One a line. A name to be shown, and after a bar the name of their masks in the "
        "data, without its ending: with one reader that is the reference, with two scores against "
        "each are averaged, with three or more the reference is their consensus.",
        widget=text_area(3),
    )
    consensus = forms.ChoiceField(
        label="Consensus of three or more",
        choices=[
            ("majority", "Strict majority: what more than half of them drew"),
            ("staple", "STAPLE: weighted by how far each agrees with the others"),
        ],
    )
    labels = forms.CharField(
        label="Labels in the masks",
        max_length=2000,
        help_text="One a line: name = value. Voxels of other values are refused.",
        widget=text_area(2),
    )

    def __init__(self, *arguments: Any, **named: Any) -> None:  # noqa: ANN401
        super().__init__(*arguments, **named)
        describe(
            self.fields["readers"], example="Reader A | reader-a\nReader B | reader-b", needed=True
        )
        describe(self.fields["labels"], example="lesion = 1", needed=True)

    def clean_readers(self) -> list[dict[str, str]]:
        found, wrong = [], []
        for line in str(self.cleaned_data["readers"]).splitlines():
            name, _, file = (part.strip() for part in line.partition("|"))
            if not name:
                continue
            file = file or name.lower().replace(" ", "-")
            if not re.fullmatch(FILE_STEM, file):
                wrong.append(f"“{file}” is no name of a mask: letters, digits, - and _ only")
            found.append({"name": name, "file": file})
        if wrong or not found:
            raise forms.ValidationError(wrong or ["At least one reader is needed."])
        return found

    def clean_labels(self) -> dict[str, int]:
        found: dict[str, int] = {}
        for line in str(self.cleaned_data["labels"]).splitlines():
            if not line.strip():
                continue
            name, _, value = (part.strip() for part in line.partition("="))
            if not value.isdecimal() or not 1 <= int(value) <= 255:
                raise forms.ValidationError(
                    f"“{line.strip()}”: a name, “=” and a whole number from 1 to 255 are expected."
                )
            found[name] = int(value)
        return found

    def load(self, document: Document) -> dict[str, Any]:
        readers = document.get("readers") or [{"name": "Expert", "file": "reference"}]
        labels = (document.get("evaluation") or {}).get("labels") or {"lesion": 1}
        return {
            **super().load(document),
            "readers": "\n".join(f"{one['name']} | {one['file']}" for one in readers),
            "consensus": document.get("consensus", "majority"),
            "labels": "\n".join(f"{name} = {value}" for name, value in labels.items()),
        }

    def save(self, document: Document) -> None:
        super().save(document)
        document["readers"] = self.cleaned_data["readers"]
        document["consensus"] = self.cleaned_data["consensus"]
        document.setdefault("evaluation", {})["labels"] = self.cleaned_data["labels"]
