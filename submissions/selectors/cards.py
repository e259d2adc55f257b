"""An algorithm with its versions and cards, as a viewer may see them."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Prefetch, QuerySet

from challenges.definition import AlgorithmCard, ChallengeDefinition
from challenges.definition.card import OPENNESS, PUBLIC, SECTIONS, title_of
from challenges.policies import Viewer
from challenges.selectors import definition_of
from submissions.models import Algorithm, AlgorithmVersion, CardRevision, Kind, Submission
from submissions.policies import may_edit_card, may_see_card
from submissions.services.cards import card_of, lacking


@dataclass(frozen=True)
class CardField:
    """One field of a card; source: where a number comes from, if it was counted."""

    name: str
    title: str
    value: str
    source: str = ""


@dataclass(frozen=True)
class CardSection:
    title: str
    fields: tuple[CardField, ...]


@dataclass(frozen=True)
class Change:
    """of: titles of the fields that it changed."""

    by: str
    at: datetime
    of: tuple[str, ...]


@dataclass(frozen=True)
class CardView:
    """sections: without empty fields. counted: parameters that the image itself shows, by file."""

    version: AlgorithmVersion
    card: AlgorithmCard
    sections: tuple[CardSection, ...]
    counted: tuple[tuple[str, int], ...]
    changes: tuple[Change, ...]
    may_edit: bool


@dataclass(frozen=True)
class CardBrief:
    """A card without its history, as pages need it that are asked for every few seconds."""

    card: AlgorithmCard
    tells: bool
    may_edit: bool


def card_brief(viewer: Viewer, version: AlgorithmVersion) -> CardBrief:
    """tells: whether anything is told of it, or counted."""
    card = card_of(version)
    counted = bool(version.image and version.image.weights)
    tells = counted or any(value not in (None, "") for value in card.model_dump().values())
    return CardBrief(card, tells, may_edit_card(viewer, version))


def card_view(viewer: Viewer, version: AlgorithmVersion) -> CardView:
    card = card_of(version)
    weights = version.image.weights if version.image else []
    counted = tuple((file["path"], file["parameters"]) for file in weights)
    return CardView(
        version=version,
        card=card,
        sections=_sections(card, counted),
        counted=counted,
        changes=_changes(version),
        may_edit=may_edit_card(viewer, version),
    )


def find_algorithm(viewer: Viewer, public_id: str) -> tuple[Algorithm, tuple[CardView, ...]] | None:
    """With the versions that this viewer may see, the newest first; None where there is none."""
    algorithm = Algorithm.objects.select_related("owner").filter(public_id=public_id).first()
    if algorithm is None:
        return None
    versions = (
        algorithm.versions.select_related("image", "algorithm__owner")
        .prefetch_related(
            Prefetch("submissions", Submission.objects.select_related("phase__challenge", "team")),
            "submissions__team__members",
            Prefetch("card_revisions", CardRevision.objects.select_related("saved_by")),
        )
        .order_by("-number")
    )
    seen = [version for version in versions if may_see_card(viewer, version)]
    if not seen:
        return None
    return algorithm, tuple(card_view(viewer, version) for version in seen)


def algorithms_of(viewer: Viewer) -> QuerySet[Algorithm]:
    """The viewer's own, by title."""
    if not viewer.is_authenticated:
        return Algorithm.objects.none()
    return Algorithm.objects.filter(owner=viewer.pk).prefetch_related("versions")


def missing_fields(version: AlgorithmVersion, definition: ChallengeDefinition) -> tuple[str, ...]:
    """Titles of what the challenge asks for and the card lacks; masks made elsewhere need none."""
    if version.kind == Kind.PREDICTIONS or version.program is not None:
        return ()
    names = lacking(version, card_of(version), definition.card.required)
    return tuple(title_of(name) for name in names)


def _sections(card: AlgorithmCard, counted: tuple[tuple[str, int], ...]) -> tuple[CardSection, ...]:
    found = []
    for title, names in SECTIONS.items():
        fields = [field for name in names if (field := _field(card, name, counted)) is not None]
        if fields:
            found.append(CardSection(title, tuple(fields)))
    return tuple(found)


def _field(
    card: AlgorithmCard, name: str, counted: tuple[tuple[str, int], ...]
) -> CardField | None:
    value = getattr(card, name)
    source = ""
    if name == "parameters":
        said = "" if value is None else f"{value:,} (declared)"
        seen = sum(number for _, number in counted)
        if counted:
            said = f"{seen:,} (counted)" + (f"; {said}" if said and value != seen else "")
            source = "counted in " + ", ".join(path for path, _ in counted)
        value = said
    shown = _words(name, value)
    return CardField(name, title_of(name), shown, source) if shown else None


def _words(name: str, value: object) -> str:
    if value in (None, ""):
        return ""
    if name == "openness":
        return OPENNESS[str(value)]
    if name == "training_public":
        return PUBLIC[str(value)]
    return f"{value:,}" if isinstance(value, int) else str(value)


def _changes(version: AlgorithmVersion) -> tuple[Change, ...]:
    """The newest first."""
    before: dict[str, object] = AlgorithmCard().model_dump(mode="json")
    changes = []
    for one in version.card_revisions.all():
        now = {**before, **one.card}
        changed = [
            title_of(name) for name in AlgorithmCard.model_fields if now[name] != before[name]
        ]
        changes.append(Change(one.saved_by.get_username(), one.saved_at, tuple(changed)))
        before = now
    return tuple(reversed(changes))


def asked_of(*versions: AlgorithmVersion) -> tuple[frozenset[str], ...]:
    """Of each, the fields that the challenges require to which it was submitted."""
    challenges = [
        {one.phase.challenge for one in version.submissions.all()} for version in versions
    ]
    required = {
        challenge: frozenset(definition_of(challenge).card.required)
        for challenge in set().union(*challenges)
    }
    return tuple(frozenset().union(*(required[one] for one in found)) for found in challenges)
