"""What people write to one another. What is right is told by the services, for every caller."""

from django import forms

from challenges.forms.taking_part import RefusableForm


class _Written(RefusableForm):
    names: dict[str, str] = {}

    title = forms.CharField(
        required=False, label="Title", widget=forms.TextInput(attrs={"autocomplete": "off"})
    )
    text = forms.CharField(
        required=False,
        label="Text",
        help_text="Plain text; an empty line begins a new paragraph.",
        widget=forms.Textarea(attrs={"rows": 6}),
    )


class AnnouncementForm(_Written):
    pass


class QuestionForm(_Written):
    def __init__(self, *arguments: object, **named: object) -> None:
        super().__init__(*arguments, **named)  # type: ignore[arg-type]
        self.fields["title"].label = "In a line"
        self.fields["text"].label = "Your question"


class AnswerForm(RefusableForm):
    names: dict[str, str] = {}

    text = forms.CharField(
        required=False, label="Your answer", widget=forms.Textarea(attrs={"rows": 5})
    )
