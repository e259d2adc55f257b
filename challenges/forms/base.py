"""What all steps share: read from the draft, write back into it."""

from typing import Any

from django import forms

Document = dict[str, Any]


class DraftForm(forms.Form):
    """Over part of a definition's document; what it does not know is left as it is."""

    def load(self, document: Document) -> dict[str, Any]:
        """Initial values."""
        raise NotImplementedError

    def save(self, document: Document) -> None:
        """Write the cleaned values into ``document``."""
        raise NotImplementedError


class DesignForm(DraftForm):
    """Texts of some parts of ``definition.Design``, made of the model itself; and fields beside."""

    parts: tuple[str, ...] = ()

    def __init__(self, *arguments: Any, **named: Any) -> None:  # noqa: ANN401
        super().__init__(*arguments, **named)
        for part in self.parts:
            for name, field in design_fields(part).items():
                self.fields.setdefault(name, field)

    def load(self, document: Document) -> dict[str, Any]:
        design = document.get("design") or {}
        found: dict[str, Any] = {}
        for part in self.parts:
            for name, field in design_fields(part).items():
                value = (design.get(part) or {}).get(name.split(".")[1], "")
                found[name] = ", ".join(value) if isinstance(field, WordsField) else value
        return found

    def save(self, document: Document) -> None:
        design = document.setdefault("design", {})
        for part in self.parts:
            values = design.setdefault(part, {})
            for name in design_fields(part):
                values[name.split(".")[1]] = self.cleaned_data[name]


class WordsField(forms.CharField):
    """Words, separated by commas."""

    def clean(self, value: Any) -> list[str]:  # noqa: ANN401
        text = super().clean(value)
        return [word.strip() for word in text.split(",") if word.strip()]


def text_area(rows: int = 3) -> forms.Textarea:
    return forms.Textarea(attrs={"rows": rows})


def design_fields(part: str) -> dict[str, forms.Field]:
    """By ``<part>.<name>``; choices where the model has them."""
    from challenges.definition import design as words

    model = words.Design.model_fields[part].annotation
    choices: dict[str, dict[str, str]] = {
        "life_cycle": words.LIFE_CYCLES,
        "interaction": words.INTERACTION,
    }
    fields: dict[str, forms.Field] = {}
    for name, field in model.model_fields.items():  # type: ignore[union-attr]
        example = (field.examples or [""])[0]
        made: forms.Field
        if name == "categories":
            made = forms.MultipleChoiceField(
                choices=list(words.CATEGORIES.items()), widget=forms.CheckboxSelectMultiple
            )
        elif name in choices:
            made = forms.ChoiceField(choices=list(choices[name].items()))
        elif name == "keywords":
            made = WordsField(max_length=1000)
            example = ", ".join(example)
        else:
            made = forms.CharField(max_length=20_000, widget=text_area())
        made.required = False
        made.label = field.title or name
        made.help_text = field.description or ""
        describe(made, example=str(example), needed=words.is_required(field))
        fields[f"{part}.{name}"] = made
    return fields


def describe(field: forms.Field, *, example: str = "", needed: bool = False) -> None:
    """needed: nothing is published without it, though a draft is saved."""
    field.example = example  # type: ignore[attr-defined]
    field.needed = needed  # type: ignore[attr-defined]
