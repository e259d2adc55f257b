import posixpath
from collections.abc import Sequence
from typing import Any

from django import forms
from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.template.defaultfilters import filesizeformat

from submissions.sandbox.volumes import MOST, declared_volumes, refused_volumes


class SubmitForm(forms.Form):
    """An image tarball, and the name that it has on the leaderboard."""

    title = forms.CharField(
        label="Algorithm",
        max_length=100,
        help_text="Its name on the leaderboard. The same name again makes a new version of it.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "placeholder": "nnU-Net ensemble"}),
    )
    image = forms.FileField(
        label="Container image",
        help_text="What “docker save IMAGE” writes: .tar, or .tar.gz, .tar.xz, .tar.zst.",
        widget=forms.FileInput(attrs={"accept": ".tar,.gz,.xz,.zst,.tgz"}),
    )
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
        may_mark_baselines: bool = False,
        refused: str = "",
        **named: Any,  # noqa: ANN401
    ) -> None:
        """refused: why the file was not taken in, which otherwise looks as if none was chosen."""
        super().__init__(*arguments, **named)
        if refused:
            self.fields["image"].error_messages["required"] = refused
        if not may_mark_baselines:
            del self.fields["baseline"]

    def clean_title(self) -> str:
        return " ".join(str(self.cleaned_data["title"]).split())

    def clean_writable(self) -> list[str]:
        """In one spelling, each once; without those that are writable anyway."""
        given = [line.strip() for line in str(self.cleaned_data["writable"]).splitlines()]
        paths = [path for path in given if path]
        if refused := refused_paths(paths):
            raise forms.ValidationError(refused)
        return declared_volumes(paths)

    def clean_image(self) -> "UploadedFile[Any]":
        file: UploadedFile[Any] = self.cleaned_data["image"]
        if (file.size or 0) > settings.UPLOAD_BYTES:
            raise forms.ValidationError(
                f"The file has {filesizeformat(file.size or 0)}; "
                f"at most {filesizeformat(settings.UPLOAD_BYTES)} are taken."
            )
        return file


def refused_paths(paths: Sequence[str]) -> str:
    """Why these cannot be made writable; nothing where they can."""
    strange = [path for path in paths if not path.startswith("/") or not path.isprintable()]
    refused = [*strange, *refused_volumes(path for path in paths if path not in strange)]
    refused += [path for path in paths if posixpath.normpath(path).lstrip("/") == "input"]
    if len(declared_volumes(paths)) > MOST:
        return f"At most {MOST} folders can be made writable."
    if not refused:
        return ""
    return (
        f"No run can write to {', '.join(refused)}. Name folders of the image from its root, as "
        "/opt/algorithm; not the root itself, nor a place of the system."
    )
