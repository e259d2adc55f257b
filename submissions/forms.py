from collections.abc import Collection, Sequence
from typing import Any

from django import forms
from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.template.defaultfilters import filesizeformat
from pydantic import ValidationError

from challenges.definition import AlgorithmCard
from challenges.definition.card import MOST_COUNT, MOST_TEXT, OPENNESS, PUBLIC, SECTIONS
from submissions.judging.writable import refused_paths
from submissions.models import Kind
from submissions.sandbox.volumes import declared_volumes

_HELP = {
    Kind.CONTAINER.value: "What “docker save IMAGE” writes: .tar, or .tar.gz, .tar.xz, .tar.zst.",
    Kind.PREDICTIONS.value: "A .zip with one mask for each case, named as the case is.",
}
_ENDINGS = {Kind.CONTAINER.value: ".tar,.gz,.xz,.zst,.tgz", Kind.PREDICTIONS.value: ".zip"}
_KINDS = {
    Kind.CONTAINER.value: "A container image, which is run here",
    Kind.PREDICTIONS.value: "Masks that were made elsewhere, as a zip",
}


class SubmitForm(forms.Form):
    """A file, sent with the form or before it, and the name that it has on the leaderboard."""

    title = forms.CharField(
        label="Algorithm",
        max_length=100,
        help_text="Its name on the leaderboard. The same name again makes a new version of it.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "placeholder": "nnU-Net ensemble"}),
    )
    kind = forms.ChoiceField(
        label="What you submit", choices=list(_KINDS.items()), widget=forms.RadioSelect
    )
    image = forms.FileField(label="File", required=False)
    upload = forms.CharField(required=False, max_length=12, widget=forms.HiddenInput)
    writable = forms.CharField(
        label="Writable paths",
        required=False,
        max_length=1000,
        help_text="Folders of the image, one a line, that its program writes to beside /tmp and "
        "/output: for instance /opt/algorithm. Each run gets its own copy, in memory.",
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false", "autocomplete": "off"}),
    )
    baseline = forms.BooleanField(
        label="This is a baseline",
        required=False,
        help_text="Marked as such on the leaderboard. For organisers.",
    )

    def __init__(
        self,
        *arguments: Any,  # noqa: ANN401
        takes: Sequence[str] = (Kind.CONTAINER.value,),
        may_mark_baselines: bool = False,
        refused: str = "",
        **named: Any,  # noqa: ANN401
    ) -> None:
        """takes: kinds of submission, the first being chosen. refused: why the file was not taken
        in, which otherwise looks as if none was chosen."""
        super().__init__(*arguments, **named)
        self._refused = refused
        kind = self.fields["kind"]
        kind.initial = takes[0]
        kind.choices = [(one, _KINDS[one]) for one in takes]  # type: ignore[attr-defined]
        if len(takes) == 1:
            kind.required, kind.widget = False, forms.HiddenInput()
        file = self.fields["image"]
        file.help_text = " ".join(_HELP[one] for one in takes)
        endings = ",".join(_ENDINGS[one] for one in takes)
        file.widget.attrs["accept"] = endings
        if Kind.CONTAINER.value not in takes:
            del self.fields["writable"]
        if not may_mark_baselines:
            del self.fields["baseline"]

    def clean_kind(self) -> str:
        return str(self.cleaned_data["kind"] or self.fields["kind"].initial)

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or self.cleaned_data
        if not values.get("image") and not values.get("upload") and "image" not in self.errors:
            self.add_error("image", self._refused or "Choose a file.")
        return values

    def clean_title(self) -> str:
        return " ".join(str(self.cleaned_data["title"]).split())

    def clean_writable(self) -> list[str]:
        """In one spelling, each once; without those that are writable anyway."""
        given = [line.strip() for line in str(self.cleaned_data["writable"]).splitlines()]
        paths = [path for path in given if path]
        if refused := refused_paths(paths):
            raise forms.ValidationError(refused)
        return declared_volumes(paths)

    def clean_image(self) -> "UploadedFile[Any] | None":
        file: UploadedFile[Any] | None = self.cleaned_data["image"]
        if file is not None and (file.size or 0) > settings.UPLOAD_BYTES:
            raise forms.ValidationError(
                f"The file has {filesizeformat(file.size or 0)}; "
                f"at most {filesizeformat(settings.UPLOAD_BYTES)} are taken."
            )
        return file


class CardForm(forms.Form):
    """An algorithm's card; what is right is told by the card itself."""

    card: AlgorithmCard

    def __init__(
        self,
        data: Any = None,  # noqa: ANN401
        *,
        card: AlgorithmCard,
        asked: Collection[str] = (),
    ) -> None:
        """asked: fields that a challenge requires, which is said beside them."""
        super().__init__(data, initial=card.model_dump())
        for name, info in AlgorithmCard.model_fields.items():
            field = self.fields[name] = _card_field(name)
            field.label = f"{info.title}{' (asked for)' if name in asked else ''}"
            field.help_text = info.description or ""
            field.required = False

    @property
    def sections(self) -> list[tuple[str, list[forms.BoundField]]]:
        return [(title, [self[name] for name in names]) for title, names in SECTIONS.items()]

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or self.cleaned_data
        known = {
            name: value.replace("\r\n", "\n") if isinstance(value, str) else value
            for name, value in values.items()
        }
        try:
            self.card = AlgorithmCard.model_validate(known)
        except ValidationError as error:
            for problem in error.errors():
                self.add_error(str(problem["loc"][0]), problem["msg"].removeprefix("Value error, "))
        return values


def _card_field(name: str) -> forms.Field:
    match name:
        case "openness":
            return forms.ChoiceField(choices=list(OPENNESS.items()))
        case "training_public":
            return forms.ChoiceField(choices=list(PUBLIC.items()))
        case "parameters" | "training_cases":
            return forms.IntegerField(min_value=0, max_value=MOST_COUNT)
        case "licence" | "code":
            return forms.CharField(max_length=500)
    rows = 5 if name in SECTIONS["For everyone"] else 2
    return forms.CharField(max_length=MOST_TEXT, widget=forms.Textarea(attrs={"rows": rows}))
