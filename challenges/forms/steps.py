"""The order of the steps, and what of the definition each one answers for."""

from dataclasses import dataclass
from typing import Any

from challenges.forms.base import Document, DraftForm
from challenges.forms.data import DataForm
from challenges.forms.measures import MeasuresForm
from challenges.forms.phases import PhasesForm
from challenges.forms.purpose import PurposeForm
from challenges.forms.reference import ReferenceForm
from challenges.forms.rules import EthicsForm, RulesForm


@dataclass(frozen=True)
class Step:
    """keys: the first parts of dotted keys whose problems are this step's."""

    slug: str
    title: str
    about: str
    form: type[DraftForm] | type[PhasesForm]
    keys: tuple[str, ...]

    def owns(self, key: str) -> bool:
        return any(key == one or key.startswith(f"{one}.") for one in self.keys)

    def blank(self, document: Document, further: int = 0) -> Any:  # noqa: ANN401
        """further: empty phases."""
        if self.form is PhasesForm:
            return PhasesForm(initial=PhasesForm.initial_of(document), further=further)
        return self.form(initial=self._loaded(document), **self._extra(document))

    def filled(self, data: Any, document: Document) -> Any:  # noqa: ANN401
        if self.form is PhasesForm:
            return PhasesForm(data, initial=PhasesForm.initial_of(document))
        return self.form(data, initial=self._loaded(document), **self._extra(document))

    def _loaded(self, document: Document) -> dict[str, Any]:
        made = self.form(**self._extra(document))
        return made.load(document) if isinstance(made, DraftForm) else {}

    def _extra(self, document: Document) -> dict[str, Any]:
        if self.form is not MeasuresForm:
            return {}
        purpose = (document.get("design") or {}).get("purpose") or {}
        return {
            "categories": tuple(purpose.get("categories") or ()),
            "evaluation": document.get("evaluation") or {},
        }


STEPS = (
    Step(
        "purpose",
        "Purpose",
        "The clinical question, and what an answer is worth.",
        PurposeForm,
        ("title", "summary", "question", "design.purpose"),
    ),
    Step(
        "data",
        "Data",
        "Where the scans come from, and what may be done with them.",
        DataForm,
        ("data", "modalities", "source", "public_columns", "picture_suv_max", "design.data"),
    ),
    Step(
        "reference",
        "Readers and reference",
        "Who drew the lesions, how, and what is scored against.",
        ReferenceForm,
        ("readers", "consensus", "evaluation.labels", "design.annotation"),
    ),
    Step(
        "metrics",
        "Metrics and ranking",
        "What is measured, and what counts.",
        MeasuresForm,
        ("evaluation", "design.reasons"),
    ),
    Step(
        "phases",
        "Phases",
        "When, on which cases, within which limits.",
        PhasesForm,
        ("phases", "phase"),
    ),
    Step(
        "rules",
        "Rules",
        "Who may take part, and what becomes of the results.",
        RulesForm,
        ("rules", "registration", "teams", "organising_institutes", "design.policies"),
    ),
    Step(
        "ethics",
        "Ethics and people",
        "What permits the use of the data, who is responsible, and who has which interest.",
        EthicsForm,
        ("terms", "design.ethics", "design.organisers", "design.contact"),
    ),
)


def step_named(slug: str) -> Step | None:
    return next((step for step in STEPS if step.slug == slug), None)
