"""What readers drew of the cases that a phase has."""

from django.db.models import Exists, OuterRef, QuerySet

from challenges.models import Annotation, Phase
from challenges.selectors.challenge import cases_of, definition_of


def annotations_of(phase: Phase) -> QuerySet[Annotation]:
    """The masks that references are made of: by the readers whom the definition in force names,
    of the phase's cases. Repeated reads are none of them: they tell of one reader's own spread."""
    names = [reader.name for reader in definition_of(phase.challenge).readers]
    return Annotation.objects.filter(case__in=cases_of(phase), reader__name__in=names, repeat=0)


def judged_by_others(annotations: QuerySet[Annotation]) -> QuerySet[Annotation]:
    """Those of cases that another reader read, too."""
    others = annotations.filter(case=OuterRef("case")).exclude(reader=OuterRef("reader"))
    return annotations.filter(Exists(others))
