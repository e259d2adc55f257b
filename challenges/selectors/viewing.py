"""What the viewer shows of a case, and to whom its images go."""

from dataclasses import dataclass

from django.db.models import QuerySet
from django.db.models.fields.files import FieldFile

from challenges.ingest.pictures import legend
from challenges.models import Case, Challenge, Image, Phase, Reference
from challenges.selectors.challenge import cases_of, phase_state, reference_version
from challenges.selectors.preparing import document_of

DEFAULT_SUV_MAX = 7.0
DERIVED = (Reference.Recipe.MAJORITY, Reference.Recipe.STAPLE)


@dataclass(frozen=True)
class Outline:
    """One mask as the viewer draws it.

    number: in its address, from 1. colour: #RRGGBB, that of ``ingest.pictures``; empty for the
    consensus of several readers, which is drawn dashed in black on white.
    """

    number: int
    title: str
    colour: str
    file: FieldFile
    sha256: str


def outlines_of(case: Case) -> tuple[Outline, ...]:
    """Each reader's masks in the order of the picture, then their consensus where there is one."""
    # In the order in which they were stored, which is that of the picture made with them.
    annotations = list(case.annotations.select_related("reader").order_by("pk"))
    readers = list(dict.fromkeys(one.reader.name for one in annotations))
    colours = dict(legend(readers))
    found = [
        Outline(
            number,
            f"{one.reader.name}, read {one.repeat + 1}" if one.repeat else one.reader.name,
            colours[one.reader.name],
            one.file,
            one.sha256,
        )
        for number, one in enumerate(annotations, start=1)
    ]
    newest = case.references.filter(version=reference_version(case.dataset), reader=None)
    for consensus in newest.filter(recipe__in=DERIVED):
        title = f"Reference: {consensus.get_recipe_display()}"
        found.append(Outline(len(found) + 1, title, "", consensus.file, consensus.sha256))
    return tuple(found)


def image_of(case: Case, modality: str) -> Image | None:
    return case.images.filter(modality=modality).first()


def suv_max_of(challenge: Challenge) -> float:
    """SUV shown black: of the definition, or of its draft, which may not say it yet."""
    value = document_of(challenge).get("picture_suv_max", DEFAULT_SUV_MAX)
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number and 0 < value <= 100 else DEFAULT_SUV_MAX


def images_are_public(phase: Phase) -> bool:
    """Whether images of its cases leave: of a public phase, from its opening on."""
    return not phase.is_hidden and phase_state(phase) != "upcoming"


def public_cases(phase: Phase) -> QuerySet[Case]:
    """The cases whose images anyone may look at."""
    cases = cases_of(phase)
    return cases if images_are_public(phase) else cases.none()


def given_away(phase: Phase) -> QuerySet[Case]:
    """The cases that may be downloaded, references and all."""
    cases = public_cases(phase)
    return cases if phase.gives_away else cases.none()
