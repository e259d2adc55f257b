"""How entries are ranked: the part of the step of metrics that is the declared ranking."""

import re
from collections.abc import Iterable, Sequence
from typing import Any

from django import forms
from pydantic import ValidationError

from challenges.forms.base import DesignForm, Document, WordsField
from evaluation.metrics import GROUPS, CohortMetric, Metric
from evaluation.ranking import Scheme
from evaluation.ranking.choosing import AGGREGATES, SCHEMES
from evaluation.ranking.declared import RankingSpec, label_of, metric_of
from evaluation.ranking.words import SCHEMES as TITLES
from evaluation.spec import EvaluationSpec
from evaluation.standings import USUAL

METRICS: tuple[Metric | CohortMetric, ...] = tuple(
    metric for metrics in GROUPS.values() for metric in metrics
)
TIE_BREAKERS = 3
HANDLINGS = ("per_subgroup", "mean_of_subgroups")
_USUAL, _NONE, _NAMED = "usual", "none", "named"
_DEFAULTS = RankingSpec()
_PROBLEM = "ranking: "


class RankingForm(DesignForm):
    """evaluation: of the document, whose labels name columns and whose settings without a field
    stay as they are."""

    scheme = forms.ChoiceField(
        label="Scheme",
        choices=[(scheme.value, TITLES[scheme].capitalize()) for scheme in SCHEMES],
        widget=forms.RadioSelect,
    )
    aggregate = forms.ChoiceField(
        label="Over the cases, of values or ranks, the",
        choices=[(one.value, about.does) for one, about in AGGREGATES.items()],
        help_text=" ".join(
            f"{about.does.capitalize()}: {about.good_for} {about.hides}"
            for about in AGGREGATES.values()
        ),
    )
    trim = forms.FloatField(
        required=False,
        label="A trimmed mean leaves out at each end",
        min_value=0,
        max_value=0.49,
        help_text="A share of the cases, below a half; 0.1 where nothing is said.",
    )
    handling = forms.ChoiceField(
        required=False,
        label="Groups of cases",
        choices=[
            ("", "All cases are one group"),
            ("per_subgroup", "Ranks are made within each group, and averaged"),
            ("mean_of_subgroups", "Means of the groups are averaged, and ranked once"),
        ],
        help_text="So that a large group does not decide alone. With the scheme “aggregate, then "
        "rank”.",
    )
    groups_by = forms.CharField(
        required=False,
        max_length=100,
        label="Groups are made by",
        widget=forms.TextInput(attrs={"list": "groupings"}),
        help_text="A column of cases.csv, or lesion_free, lesion_count, lesion_volume.",
    )
    primary = forms.ChoiceField(
        required=False,
        label="Tests of significance are of",
        help_text="Fixed beforehand, so that nobody picks the metric that suits.",
    )
    stratum = forms.CharField(
        required=False,
        max_length=100,
        label="Resamples of patients are drawn within",
        widget=forms.TextInput(attrs={"list": "groupings"}),
        help_text="A column that is the same for all cases of a patient; empty: among all "
        "patients.",
    )
    filters = forms.ChoiceField(
        label="Leaderboards can be filtered",
        choices=[
            (_USUAL, "by the usual columns"),
            (_NAMED, "by these columns:"),
            (_NONE, "not at all"),
        ],
        help_text=f"Usual are {', '.join(one.replace('_', ' ') for one in USUAL)}.",
    )
    subgroups = WordsField(
        required=False,
        max_length=2000,
        label="Columns to filter by",
        help_text="Separated by commas, such as tracer, centre, lesion_free.",
    )
    baselines_compete = forms.BooleanField(
        required=False,
        label="Baselines compete",
        help_text="Otherwise they are shown where they would stand, and change no one’s rank.",
    )

    def __init__(
        self,
        *arguments: Any,  # noqa: ANN401
        evaluation: Document | None = None,
        **named: Any,  # noqa: ANN401
    ) -> None:
        super().__init__(*arguments, **named)
        self.evaluation = evaluation or {}
        self.declared: Document = self.evaluation.get("ranking") or {}
        single, every = self._columns(), self._columns(cohort=True)
        self._choose("primary", "the first that ranks", single, [self.declared.get("primary")])
        breakers = self.declared.get("tie_breakers") or []
        self.breakers = [f"tie_breaker_{n + 1}" for n in range(max(TIE_BREAKERS, len(breakers)))]
        for number, name in enumerate(self.breakers):
            self.fields[name] = forms.ChoiceField(
                required=False, label="Of equals, first by" if not number else "then by"
            )
            self._choose(name, "nothing: they share the rank", every, breakers)
        for metric in METRICS:
            if metric.direction.ranks:
                self.fields[f"rank {metric.id}"] = forms.BooleanField(required=False, label="ranks")
                self.fields[f"weight {metric.id}"] = forms.FloatField(
                    required=False, label="weight", min_value=0.001, max_value=1e6
                )
        if self.weights_by_label:
            for name, field in self.fields.items():
                if name.startswith(("rank ", "weight ")):
                    field.disabled = True

    @property
    def weights_by_label(self) -> dict[str, float]:
        """Of the definition, where one of them names a label: the form leaves them as they are."""
        weights = self.declared.get("weights") or {}
        return dict(sorted(weights.items())) if any(label_of(name) for name in weights) else {}

    @property
    def about_schemes(self) -> list[tuple[Any, Any]]:
        """Each choice, with what it does, is good for and hides."""
        return list(zip(self["scheme"], SCHEMES.values(), strict=True))

    @property
    def tie_breakers(self) -> list[forms.BoundField]:
        return [self[name] for name in self.breakers]

    def _choose(self, field: str, none: str, columns: Iterable[str], kept: Iterable[Any]) -> None:
        names = dict.fromkeys([*columns, *(one for one in kept if one)])
        chooser: Any = self.fields[field]
        chooser.choices = [("", none), *((name, _title(name)) for name in names)]

    def _columns(self, *, cohort: bool = False) -> list[str]:
        """As a ranking names them."""
        labels = self.evaluation.get("labels") or {}
        return [
            f"{metric.id}[{label}]" if len(labels) > 1 else metric.id
            for metric in METRICS
            if metric.rankable and (cohort or not isinstance(metric, CohortMetric))
            for label in (labels if len(labels) > 1 else [""])
        ]

    def load(self, document: Document) -> dict[str, Any]:
        evaluation = document.get("evaluation") or {}
        ranking = evaluation.get("ranking") or {}
        handling = next((name for name in HANDLINGS if ranking.get(name)), "")
        subgroups = ranking.get("subgroups")
        found = {
            **super().load(document),
            "scheme": ranking.get("scheme", _DEFAULTS.scheme.value),
            "aggregate": ranking.get("aggregate", _DEFAULTS.aggregate.value),
            "trim": ranking.get("trim", _DEFAULTS.trim),
            "handling": handling,
            "groups_by": ranking.get(handling, "") if handling else "",
            "primary": ranking.get("primary", ""),
            "stratum": ranking.get("stratum", ""),
            "filters": _USUAL if subgroups is None else _NAMED if subgroups else _NONE,
            "subgroups": ", ".join(subgroups or ()),
            "baselines_compete": ranking.get("baselines_compete", False),
        }
        breakers = ranking.get("tie_breakers") or []
        found |= {f"tie_breaker_{at + 1}": name for at, name in enumerate(breakers)}
        weights = ranking.get("weights") or {}
        shown = [id_of(one) for one in evaluation.get("metrics", [])]
        ranked = {metric_of(name) for name in weights} or ranking.get("metrics")
        ranked = ranked or ranked_by_default(shown)
        for metric in METRICS:
            if metric.direction.ranks:
                found[f"rank {metric.id}"] = metric.id in shown and metric.id in ranked
                found[f"weight {metric.id}"] = f"{weights.get(metric.id, 1.0):.12g}"
        return found

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or self.cleaned_data
        if not any(values.get(f"rank {metric.id}") for metric in METRICS):
            raise forms.ValidationError("At least one metric has to rank.")
        if values.get("handling") and not values.get("groups_by"):
            self.add_error("groups_by", "Say by which column the groups are made.")
        if values.get("groups_by") and not values.get("handling"):
            self.add_error("handling", "Say what is made of the groups, or leave the column empty.")
        if values.get("filters") == _NAMED and not values.get("subgroups"):
            self.add_error("subgroups", "Name a column, or choose otherwise above.")
        return values

    def ranking(self, shown: Sequence[str]) -> Document:
        """As a definition writes it; what is as usual, and was not written, stays unwritten."""
        values = self.cleaned_data
        subgroups: dict[str, list[str] | None] = {_NONE: [], _NAMED: values.get("subgroups")}
        trim = values.get("trim")
        chosen = {
            "scheme": values.get("scheme"),
            "aggregate": values.get("aggregate"),
            "trim": _DEFAULTS.trim if trim is None else trim,
            "tie_breakers": [values[name] for name in self.breakers if values.get(name)],
            **{
                name: values.get("groups_by") if values.get("handling") == name else ""
                for name in HANDLINGS
            },
            "primary": values.get("primary"),
            "stratum": values.get("stratum"),
            "subgroups": subgroups.get(values.get("filters", "")),
            **self._counted(shown),
        }
        made = {
            name: value
            for name, value in chosen.items()
            if name in self.declared or value != getattr(_DEFAULTS, name)
        }
        return {
            **self.declared,
            "metrics": [],
            **made,
            "baselines_compete": values.get("baselines_compete", False),
        }

    def _counted(self, shown: Sequence[str]) -> Document:
        """What ranks: equal weights are none."""
        if self.weights_by_label:
            return {"weights": self.weights_by_label}
        values = self.cleaned_data
        weights = {name: _weight(values, name) for name in shown if values.get(f"rank {name}")}
        if len(set(weights.values())) > 1:
            return {"metrics": [], "weights": weights}
        by_default = set(ranked_by_default(shown)) == set(weights)
        return {"metrics": [] if by_default else list(weights), "weights": {}}

    def check_ranking(self, evaluation: Document) -> None:
        """By the definition's own rules; what is wrong stands at its field. evaluation: labels,
        metrics and ranking as they would be saved."""
        try:
            EvaluationSpec.model_validate(evaluation)
        except ValidationError as error:
            for problem in error.errors():
                text = problem["msg"].removeprefix("Value error, ")
                place = problem["loc"]
                if place[:1] == ("ranking",) and len(place) > 1:
                    self._tell(self._field_at(place[1:]), text)
                elif place in ((), ("ranking",)):
                    for one in text.split(f"; {_PROBLEM}"):
                        if place or text.startswith(_PROBLEM):
                            told = one.removeprefix(_PROBLEM)
                            self._tell(self._field_about(told), told)

    def _tell(self, field: str | None, text: str) -> None:
        if field is None or field not in self.errors:
            self.add_error(field, text[:1].upper() + text[1:])

    def _field_at(self, place: Sequence[int | str]) -> str | None:
        key = str(place[0])
        if key == "tie_breakers" and len(place) > 1:
            return f"tie_breaker_{int(place[1]) + 1}"
        if key == "weights" and len(place) > 1:
            return f"weight {place[1]}"
        if key in HANDLINGS:
            return "groups_by"
        return key if key in self.fields else None

    def _field_about(self, text: str) -> str | None:
        """Of a sentence about several settings, the field by which it is set right."""
        if "trimmed_mean" in text:
            return "aggregate"
        if "subgroups" in text:
            return "handling"
        if any(scheme.value in text for scheme in Scheme):
            return "scheme"
        named = re.search("“([^”]+)”", text)
        for field in (*self.breakers, "primary"):
            if named and self.cleaned_data.get(field) == named[1]:
                return field
        return None


def _title(name: str) -> str:
    """Of a column; of what is no metric, as an unfinished file may have, its name."""
    known = next((one.title for one in METRICS if one.id == metric_of(name)), name)
    return f"{known} ({label_of(name)})" if label_of(name) and known != name else known


def id_of(choice: str | dict[str, Any]) -> str:
    return choice if isinstance(choice, str) else next(iter(choice))


def ranked_by_default(shown: Sequence[str]) -> list[str]:
    """What ranks where a definition does not say it; what needs a confidence never does."""
    shown = [name for name in shown if name not in _OF_CONFIDENCE]
    if not shown:
        return []
    needed = {
        metric.id: {one.id: "x" for one in metric.parameters if one.default is None}
        for metric in METRICS
    }
    choices = [{name: needed[name]} if needed[name] else name for name in shown]
    spec = EvaluationSpec.model_validate({"metrics": choices})
    return [metric.id for metric in spec.every_ranked]


def needs_confidence(metric: Metric | CohortMetric) -> bool:
    return isinstance(metric, CohortMetric) and metric.needs_confidence


_OF_CONFIDENCE = {metric.id for metric in METRICS if needs_confidence(metric)}


def _weight(values: dict[str, Any], name: str) -> float:
    weight = values.get(f"weight {name}")
    return 1.0 if weight is None else float(weight)
