from typing import Any

from django import forms
from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.template.defaultfilters import filesizeformat


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

    def clean_image(self) -> "UploadedFile[Any]":
        file: UploadedFile[Any] = self.cleaned_data["image"]
        if (file.size or 0) > settings.UPLOAD_BYTES:
            raise forms.ValidationError(
                f"The file has {filesizeformat(file.size or 0)}; "
                f"at most {filesizeformat(settings.UPLOAD_BYTES)} are taken."
            )
        return file
