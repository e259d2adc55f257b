"""Into which splits, in which shares, evenly over which columns."""

import re
from typing import Any

from django import forms

from challenges.definition.phases import SPLIT
from challenges.forms.base import text_area
from challenges.models import Challenge
from challenges.splitting import CaseRow, SplitRefused, Summary, split_cases, summarise_splits

_USUAL = ("centre", "scanner", "tracer", "sex", "diagnosis", "lesion_free")
"""Offered first."""


class SplitForm(forms.Form):
    shares = forms.CharField(
        label="Splits and their shares",
        initial="training = 60\nsanity = 5\ntest = 35",
        help_text="One a line: name = percent. Phases name the split that they use.",
        widget=text_area(4),
    )
    columns = forms.MultipleChoiceField(
        label="Evenly over",
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="Columns of cases.csv. A patient is never in two splits.",
    )
    seed = forms.IntegerField(
        label="Seed",
        min_value=0,
        max_value=999_999_999,
        initial=1,
        help_text="The same seed gives the same splits.",
    )

    def __init__(self, *arguments: Any, challenge: Challenge, **named: Any) -> None:  # noqa: ANN401
        super().__init__(*arguments, **named)
        cases = challenge.dataset.cases.filter(excluded_at=None).order_by("position")
        self.rows = [CaseRow(case.name, case.patient, case.metadata) for case in cases]
        found = {name for row in self.rows for name in row.metadata}
        columns = sorted(found, key=lambda name: (name not in _USUAL, name))
        field = self.fields["columns"]
        field.choices = [(name, name) for name in columns]  # type: ignore[attr-defined]
        self.splits: dict[str, str] = {}
        self.summary: Summary | None = None

    def clean_shares(self) -> dict[str, float]:
        found: dict[str, float] = {}
        for line in str(self.cleaned_data["shares"]).splitlines():
            name, _, share = (part.strip() for part in line.partition("="))
            if not name:
                continue
            number = share.removesuffix("%").strip()
            if not re.fullmatch(SPLIT, name) or not re.fullmatch(r"\d+(\.\d+)?", number):
                raise forms.ValidationError(
                    f"“{line.strip()}”: a name of small letters, “=” and a percentage are expected."
                )
            found[name] = float(number) / 100
        return found

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or self.cleaned_data
        if self.errors:
            return values
        shares, columns, seed = values["shares"], values["columns"], values["seed"]
        try:
            self.splits = split_cases(self.rows, shares, columns, seed)
        except SplitRefused as refusal:
            raise forms.ValidationError(str(refusal)) from None
        self.summary = summarise_splits(self.rows, self.splits, shares, columns)
        return values

    def how(self) -> str:
        """For the record."""
        values = self.cleaned_data
        shares = ", ".join(f"{name} {share:.1%}" for name, share in values["shares"].items())
        columns = ", ".join(values["columns"]) or "nothing"
        return f"{shares}; by patient, evenly over {columns}; seed {values['seed']}"
