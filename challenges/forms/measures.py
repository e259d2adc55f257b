"""Which metrics are shown, what containers write beside the mask, and what reasons there are."""

from dataclasses import dataclass
from typing import Any

from django import forms
from pydantic import ValidationError

from challenges.forms.base import Document
from challenges.forms.ranking import METRICS, RankingForm, id_of, needs_confidence
from evaluation.confidence import ConfidenceSpec, Kind
from evaluation.metrics import GROUPS, CohortMetric, Metric, Parameter

PROPOSED: dict[str, tuple[str, ...]] = {
    "detection": ("lesion_f1", "case_specificity", "fpv_ml", "fnv_ml"),
    "localisation": ("lesion_f1", "lesion_sensitivity", "fpv_ml"),
    "delineation": ("dice", "nsd", "hd95"),
    "tumour_burden": ("dice", "mtv_abs_error_ml", "mtv_concordance"),
    "prognosis": ("mtv_abs_error_ml", "c_index"),
    "response": ("mtv_abs_error_ml", "lesion_f1"),
}
"""By category: what its results are used for decides what should count."""


@dataclass(frozen=True)
class Line:
    """One metric, and its fields in the form."""

    metric: Metric | CohortMetric
    show: forms.BoundField
    rank: forms.BoundField | None
    weight: forms.BoundField | None
    parameters: list[forms.BoundField]
    proposed: bool


_ABOUT_NAME = ("string_pattern_mismatch", "missing")
CONFIDENCE = ("kind", "name", "required", "within_mm", "dice_at_least")


class MeasuresForm(RankingForm):
    parts = ("reasons",)
    failure_volume_ml = forms.FloatField(
        label="A missing result costs at least, in volume",
        min_value=0.001,
        max_value=1e6,
        help_text="ml. Failing must never pay.",
    )
    failure_lesions = forms.IntegerField(
        label="A missing result costs, in false lesions", min_value=1, max_value=100_000
    )
    confidence_kind = forms.ChoiceField(
        required=False,
        label="Beside the mask, containers may write",
        choices=[
            ("", "nothing"),
            (Kind.PROBABILITY_MAP.value, "a probability for each voxel"),
            (Kind.UNCERTAINTY_VALUE.value, "one number: the probability that the mask is good"),
        ],
        help_text="For challenges of one label. The calibration error and the Brier score say how "
        "far it can be believed; neither ranks.",
    )
    confidence_name = forms.CharField(
        required=False,
        label="Name of the map’s folder, or of the number’s file",
        max_length=60,
        help_text="Small letters, digits and “-”, such as pet-lesion-probability.",
    )
    confidence_required = forms.BooleanField(
        required=False,
        label="A case without it counts as one without a result",
        help_text="Otherwise it takes no part in the calibration, and is counted.",
    )
    confidence_within_mm = forms.FloatField(
        required=False,
        label="A map is judged within so many mm of a lesion, real or drawn",
        min_value=0,
        max_value=30,
        help_text="mm; 10 where nothing is said. All of a body would hide every error.",
    )
    confidence_dice_at_least = forms.FloatField(
        required=False,
        label="A mask is good from this Dice on",
        min_value=0,
        max_value=1,
        help_text="Where one number is asked for: what it is the probability of.",
    )

    def __init__(
        self,
        *arguments: Any,  # noqa: ANN401
        categories: tuple[str, ...] = (),
        **named: Any,  # noqa: ANN401
    ) -> None:
        super().__init__(*arguments, **named)
        self.proposed = {one for name in categories for one in PROPOSED.get(name, ())}
        for metric in METRICS:
            self.fields[f"show {metric.id}"] = forms.BooleanField(required=False, label="shown")
            for parameter in metric.parameters:
                self.fields[f"{metric.id} {parameter.id}"] = _field(parameter)

    def beside(self) -> list[forms.BoundField]:
        """What is neither of a metric nor of the ranking."""
        names = ("failure_volume_ml", "failure_lesions")
        return [
            field
            for field in self
            if field.name in names or field.name.startswith(("confidence_", "reasons."))
        ]

    def groups(self) -> list[tuple[str, list[Line]]]:
        return [
            (
                title,
                [
                    Line(
                        metric,
                        self[f"show {metric.id}"],
                        self[f"rank {metric.id}"] if metric.direction.ranks else None,
                        self[f"weight {metric.id}"] if metric.direction.ranks else None,
                        [self[f"{metric.id} {one.id}"] for one in metric.parameters],
                        metric.id in self.proposed,
                    )
                    for metric in metrics
                ],
            )
            for title, metrics in GROUPS.items()
        ]

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or self.cleaned_data
        shown = [metric for metric in METRICS if values.get(f"show {metric.id}")]
        if not shown:
            raise forms.ValidationError("At least one metric has to be shown.")
        for metric in METRICS:
            if values.get(f"rank {metric.id}") and not values.get(f"show {metric.id}"):
                self.add_error(f"rank {metric.id}", "A metric that ranks is also shown.")
            if metric in shown and needs_confidence(metric) and not values.get("confidence_kind"):
                self.add_error(
                    "confidence_kind", f"{metric.title} is told of what is written beside the mask."
                )
            for one in metric.parameters:
                needed = metric in shown and one.default is None
                name = f"{metric.id} {one.id}"
                if needed and values.get(name) in (None, "") and name not in self.errors:
                    self.add_error(name, f"{metric.title} needs it: {one.meaning}")
        if values.get("confidence_kind"):
            self._check_confidence()
        self.check_ranking(self._evaluation(shown))
        return values

    def _evaluation(self, shown: list[Metric | CohortMetric]) -> Document:
        """As it would be saved, of what a ranking is held against."""
        found: Document = {"metrics": [self._choice(metric) for metric in shown]}
        found["ranking"] = self.ranking([metric.id for metric in shown])
        if labels := self.evaluation.get("labels"):
            found["labels"] = labels
        if self.cleaned_data.get("confidence_kind"):
            found["confidence"] = self._confidence()
        return found

    def _check_confidence(self) -> None:
        """By the definition's own rules; what is wrong stands at its field."""
        try:
            ConfidenceSpec.model_validate(self._confidence())
        except ValidationError as error:
            for problem in error.errors():
                place = str(problem["loc"][0]) if problem["loc"] else "kind"
                field = f"confidence_{place}"
                if problem["type"] in _ABOUT_NAME:
                    self.add_error(field, "Three small letters, digits and “-” or more.")
                elif field not in self.errors:
                    self.add_error(field, problem["msg"].removeprefix("Value error, "))

    def _confidence(self) -> dict[str, Any]:
        """What is of the other kind is left out."""
        values = self.cleaned_data
        other = {
            Kind.PROBABILITY_MAP.value: "dice_at_least",
            Kind.UNCERTAINTY_VALUE.value: "within_mm",
        }.get(values.get("confidence_kind", ""), "")
        found = {name: values.get(f"confidence_{name}") for name in CONFIDENCE if name != other}
        return {name: value for name, value in found.items() if value is not None}

    def load(self, document: Document) -> dict[str, Any]:
        evaluation = document.get("evaluation") or {}
        chosen = {
            id_of(one): ({} if isinstance(one, str) else next(iter(one.values())) or {})
            for one in evaluation.get("metrics", [])
        }
        found = {
            **super().load(document),
            "failure_volume_ml": evaluation.get("failure_volume_ml", 1000.0),
            "failure_lesions": evaluation.get("failure_lesions", 100),
        }
        confidence = evaluation.get("confidence") or {}
        found |= {f"confidence_{name}": confidence.get(name) for name in CONFIDENCE}
        for metric in METRICS:
            found[f"show {metric.id}"] = metric.id in chosen
            for one in metric.parameters:
                given = chosen.get(metric.id, {})
                found[f"{metric.id} {one.id}"] = given.get(one.id, one.default)
        return found

    def save(self, document: Document) -> None:
        super().save(document)
        values = self.cleaned_data
        evaluation = document.setdefault("evaluation", {})
        shown = [metric for metric in METRICS if values[f"show {metric.id}"]]
        before = [id_of(one) for one in evaluation.get("metrics") or []]
        place = {name: number for number, name in enumerate(before)}
        shown.sort(key=lambda metric: place.get(metric.id, len(place)))
        evaluation["metrics"] = [self._choice(metric) for metric in shown]
        evaluation.pop("confidence", None)
        if values["confidence_kind"]:
            evaluation["confidence"] = self._confidence()
        evaluation["failure_volume_ml"] = values["failure_volume_ml"]
        evaluation["failure_lesions"] = values["failure_lesions"]
        evaluation["ranking"] = self.ranking([metric.id for metric in shown])

    def _choice(self, metric: Metric | CohortMetric) -> str | dict[str, Any]:
        settings = {
            one.id: self.cleaned_data[f"{metric.id} {one.id}"]
            for one in metric.parameters
            if self.cleaned_data.get(f"{metric.id} {one.id}") not in (None, "", one.default)
        }
        return {metric.id: settings} if settings else metric.id


def _field(parameter: Parameter) -> forms.Field:
    words = parameter.id.removesuffix(f"_{parameter.unit}").replace("_", " ")
    label = f"{words}, {parameter.unit}" if parameter.unit else words
    if isinstance(parameter.default, bool):
        return forms.BooleanField(required=False, label=label)
    if parameter.low is not None:
        return forms.FloatField(
            required=False, label=label, min_value=parameter.low, max_value=parameter.high
        )
    return forms.CharField(required=False, label=label, max_length=100)
