"""When submissions are taken, on which cases, within which limits."""

from datetime import UTC, datetime
from typing import Any

from django import forms
from django.utils.text import slugify
from pydantic import ValidationError

from challenges.definition.phases import (
    ENTRIES,
    KINDS,
    MOST_COUNTED,
    SPLIT_OR_NONE,
    publishing_problem,
)
from challenges.definition.visibility import FEEDBACK, SHOWS, LeaderboardSpec
from challenges.forms.base import Document, WordsField

_LIMITS = {
    "memory_gib": 8.0,
    "cpus": 2,
    "minutes_per_case": 10.0,
    "hours_in_all": None,
    "failed_in_a_row": None,
    "sandbox": "any",
}
_TAKES = {
    "container": "containers",
    "container predictions": "containers, or masks",
    "predictions": "masks",
}
_QUOTA = {"submissions": None, "attempts": None, "days": 7, "at_once": 1}


def _moment(label: str) -> forms.DateTimeField:
    return forms.DateTimeField(
        required=False,
        label=label,
        help_text="UTC.",
        input_formats=["%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"],
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
    )


class PhaseForm(forms.Form):
    """One phase; an empty title stands for none."""

    title = forms.CharField(max_length=200, label="Title")
    slug = forms.SlugField(
        max_length=60, required=False, label="Address", help_text="Made of the title where empty."
    )
    kind = forms.ChoiceField(choices=list(KINDS.items()), label="Kind", initial="final")
    cases = forms.ChoiceField(
        label="Cases",
        choices=[
            ("hidden", "hidden"),
            ("public", "public"),
        ],
        initial="hidden",
        help_text="Hidden: single cases are for organisers and stewards. Public: everyone sees "
        "pictures, logs and scores of each case.",
    )
    split = forms.RegexField(
        SPLIT_OR_NONE,
        required=False,
        label="Split",
        help_text="Its cases are those with this word in the column split; empty: all.",
    )
    download = forms.BooleanField(
        required=False, label="Cases may be downloaded", help_text="Of training data always."
    )
    takes = forms.ChoiceField(
        label="What may be submitted",
        choices=list(_TAKES.items()),
        help_text="Masks: a zip, one for each case, of people or of tools that cannot be run here; "
        "for public cases.",
    )
    opens = _moment("Opens")
    closes = _moment("Closes")
    entry = forms.ChoiceField(
        required=False,
        label="On the leaderboard stands",
        choices=list(ENTRIES.items()),
        help_text="Of each team, or person alone.",
    )
    best_by = forms.CharField(
        required=False,
        max_length=100,
        label="Best by",
        help_text="Where the best stands: the id of a metric, such as dice, or dice[node].",
    )
    shows = forms.ChoiceField(
        required=False,
        label="The leaderboard is",
        choices=list(SHOWS.items()),
        help_text="For all but organisers and stewards.",
    )
    since = _moment("Frozen since")
    until = _moment("Until")
    hides = WordsField(
        required=False,
        max_length=2000,
        label="Metrics that it hides",
        help_text="Ids, separated by commas.",
    )
    feedback = forms.ChoiceField(required=False, label="Feedback", choices=list(FEEDBACK.items()))
    publishes_cases = _moment("Scores of single hidden cases public from")
    submissions = forms.IntegerField(
        required=False,
        min_value=1,
        max_value=MOST_COUNTED,
        label="Submissions",
        help_text="Scored ones, per person.",
    )
    attempts = forms.IntegerField(
        required=False,
        min_value=1,
        max_value=MOST_COUNTED,
        label="Attempts",
        help_text="Failed ones too.",
    )
    days = forms.IntegerField(min_value=1, max_value=366, label="within days", initial=7)
    at_once = forms.IntegerField(
        required=False, min_value=1, max_value=MOST_COUNTED, label="At a time", initial=1
    )
    memory_gib = forms.FloatField(min_value=0.1, max_value=1024, label="Memory, GiB", initial=8.0)
    cpus = forms.IntegerField(min_value=1, max_value=128, label="CPUs", initial=2)
    minutes_per_case = forms.FloatField(
        min_value=0.01, max_value=1440, label="Minutes a case", initial=10.0
    )
    hours_in_all = forms.FloatField(
        required=False, min_value=0.01, max_value=8760, label="Hours in all"
    )
    failed_in_a_row = forms.IntegerField(
        required=False, min_value=1, max_value=MOST_COUNTED, label="Stopped after failures in a row"
    )
    sandbox = forms.ChoiceField(
        label="Sandbox",
        choices=[("any", "gVisor where the host has it"), ("gvisor", "gVisor required")],
    )

    BASICS = ("title", "slug", "kind", "cases", "split", "download", "takes", "opens", "closes",
        "entry", "best_by")  # fmt: skip
    SHOWN = ("shows", "since", "until", "hides", "feedback", "publishes_cases")
    QUOTA = ("submissions", "attempts", "days", "at_once")
    LIMITS = (
        "memory_gib",
        "cpus",
        "minutes_per_case",
        "hours_in_all",
        "failed_in_a_row",
        "sandbox",
    )

    def basics(self) -> list[forms.BoundField]:
        return [self[name] for name in self.BASICS]

    def shown(self) -> list[forms.BoundField]:
        return [self[name] for name in self.SHOWN]

    def quota(self) -> list[forms.BoundField]:
        return [self[name] for name in self.QUOTA]

    def limits(self) -> list[forms.BoundField]:
        return [self[name] for name in self.LIMITS]

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or self.cleaned_data
        opens, closes = values.get("opens"), values.get("closes")
        if opens and closes and closes <= opens:
            self.add_error("closes", "It closes before it opens.")
        if values.get("kind") == "training" and values.get("cases") == "hidden":
            self.add_error("cases", "Training data are given away, so they are public.")
        if "predictions" in values.get("takes", "") and values.get("cases") == "hidden":
            self.add_error("takes", "Masks can be made of public cases only.")
        entry, best_by = values.get("entry") or "latest", values.get("best_by")
        if entry == "best" and values.get("kind") == "final":
            self.add_error("entry", "A final phase takes no best of several: the luckiest it is.")
        if entry == "best" and not best_by:
            self.add_error("best_by", "Name the metric by which it is the best.")
        if best_by and entry != "best":
            self.add_error("best_by", "Only where the best stands.")
        self._check_leaderboard(values)
        self._check_publishing(values)
        return values

    def _check_publishing(self, values: dict[str, Any]) -> None:
        """By the definition's own rule."""
        problem = publishing_problem(
            values.get("publishes_cases"),
            cases=values.get("cases", ""),
            closes=values.get("closes"),
        )
        if problem:
            self.add_error("publishes_cases", f"{problem[:1].upper()}{problem[1:]}.")

    def _check_leaderboard(self, values: dict[str, Any]) -> None:
        """By the definition's own rules; of times at that until which something is not shown."""
        try:
            LeaderboardSpec.model_validate(_leaderboard(values))
        except ValidationError as error:
            for problem in error.errors():
                text = problem["msg"].removeprefix("Value error, ")
                key = problem["loc"][0] if problem["loc"] else text.split(":")[0].split(" ")[0]
                field = key if key in self.SHOWN else "shows"
                self.add_error(str(field), text[:1].upper() + text[1:])


_FormSet = forms.formset_factory(PhaseForm, extra=0, min_num=1, validate_min=True, can_delete=True)


class PhasesForm(_FormSet):  # type: ignore[misc,valid-type]
    """Every phase, in order; saved into the draft like any step."""

    def __init__(
        self,
        data: Any = None,  # noqa: ANN401
        initial: Any = None,  # noqa: ANN401
        further: int = 0,
    ) -> None:
        self.extra = further
        super().__init__(data, initial=(initial or {}).get("phases"), prefix="phase")

    @classmethod
    def initial_of(cls, document: Document) -> dict[str, Any]:
        return {"phases": [_initial(phase) for phase in document.get("phases") or []]}

    def save(self, document: Document) -> None:
        kept = [form.cleaned_data for form in self.forms if not form.cleaned_data.get("DELETE")]
        known = {phase["slug"]: phase for phase in document.get("phases") or []}
        document["phases"] = [_phase(values, known) for values in kept]


def _initial(phase: dict[str, Any]) -> dict[str, Any]:
    limits, quota = phase.get("limits") or {}, phase.get("quota") or {}
    leaderboard = phase.get("leaderboard") or {}
    return {
        **{name: phase.get(name, "") for name in ("title", "slug", "split")},
        "kind": phase.get("kind", "benchmark"),
        "cases": phase.get("cases", "hidden"),
        "download": phase.get("download", False),
        "entry": phase.get("entry", "latest"),
        "best_by": phase.get("best_by", ""),
        "shows": leaderboard.get("shows", "live"),
        "since": _read(leaderboard.get("since")),
        "until": _read(leaderboard.get("until")),
        "hides": ", ".join(leaderboard.get("hides") or ()),
        "feedback": leaderboard.get("feedback", "full"),
        "publishes_cases": _read(leaderboard.get("publishes_cases")),
        "takes": " ".join(sorted(phase.get("takes") or ["container"])),
        **{name: _read(phase.get(name)) for name in ("opens", "closes")},
        **{name: limits.get(name, default) for name, default in _LIMITS.items()},
        **{name: quota.get(name, default) for name, default in _QUOTA.items()},
    }


def _leaderboard(values: dict[str, Any]) -> dict[str, Any]:
    """What is as usual stays unwritten."""
    times = {
        name: values[name].astimezone(UTC).isoformat()
        for name in ("since", "until", "publishes_cases")
        if values.get(name)
    }
    usual = {"shows": "live", "hides": [], "feedback": "full"}
    return {**_unless_usual(values, usual), **times}


def _unless_usual(values: dict[str, Any], usual: dict[str, Any]) -> dict[str, Any]:
    """So that a phase that says nothing new is written as it always was."""
    return {
        name: values[name]
        for name, default in usual.items()
        if values.get(name) and values[name] != default
    }


def _read(moment: str | None) -> datetime | None:
    return datetime.fromisoformat(moment).astimezone(UTC) if moment else None


def _phase(values: dict[str, Any], known: dict[str, Any]) -> dict[str, Any]:
    slug = values["slug"] or slugify(values["title"])[:58] or "phase"
    before = known.get(slug) or {}
    return {
        "slug": slug,
        **{name: values[name] for name in ("title", "kind", "cases", "split", "download")},
        "takes": values["takes"].split(),
        **_unless_usual(values, {"entry": "latest", "best_by": ""}),
        **({"leaderboard": shown} if (shown := _leaderboard(values)) else {}),
        **{
            name: values[name].astimezone(UTC).isoformat() if values[name] else None
            for name in ("opens", "closes")
        },
        # What the form does not show stays as it is.
        "limits": {**(before.get("limits") or {}), **{name: values[name] for name in _LIMITS}},
        "quota": {name: values[name] for name in _QUOTA},
    }
