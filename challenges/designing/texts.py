"""What people wrote, or the mark that they have not."""

from collections.abc import Mapping

from challenges.definition.design import (
    CATEGORIES,
    INTERACTION,
    LIFE_CYCLES,
    is_required,
)
from challenges.designing.document import Definitions, Entry, Missing, paragraphs
from challenges.designing.material import Material
from challenges.designing.words import NOT_STATED, capital

CHOICES: Mapping[str, Mapping[str, str]] = {
    "purpose.categories": CATEGORIES,
    "policies.life_cycle": LIFE_CYCLES,
    "policies.interaction": INTERACTION,
}


def entry(material: Material, key: str, term: str = "") -> Entry:
    """The text under a dotted key of the design."""
    field, value = material.texts[key]
    term = term or field.title or key
    text = _as_text(key, value)
    if text:
        return Entry(term, paragraphs(text))
    about = field.description or ""
    return Entry(
        term, missing=Missing(f"design.{key}", field.title or key, about, is_required(field))
    )


def entries(material: Material, *keys: str) -> Definitions:
    return Definitions(tuple(entry(material, key) for key in keys))


def told(term: str, text: str) -> Entry:
    """What the platform knows itself."""
    return Entry(term, paragraphs(text) or (NOT_STATED,))


def or_missing(term: str, text: str, missing: Missing) -> Entry:
    return Entry(term, paragraphs(text)) if text.strip() else Entry(term, missing=missing)


def _as_text(key: str, value: object) -> str:
    words = CHOICES.get(key, {})
    if isinstance(value, list):
        return "\n\n".join(words.get(one, one) for one in value) if words else ", ".join(value)
    text = str(value).strip()
    return capital(words.get(text, text)) if words and text else text
