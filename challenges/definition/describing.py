"""The tables of docs/challenge.md that are made of the model: ``python -m`` this module writes the
one of design texts, with ``--participation`` the one of who takes part, with ``--card`` the fields
of an algorithm's card, with ``--ranking`` and ``--schemes`` what a ranking is declared by."""

import sys

from pydantic.fields import FieldInfo

from challenges.definition.card import SECTIONS, AlgorithmCard
from challenges.definition.challenge import ChallengeDefinition
from challenges.definition.design import Design, is_required, items
from challenges.definition.participation import RegistrationSpec, TeamsSpec
from evaluation.ranking.choosing import SCHEMES
from evaluation.ranking.declared import RankingSpec


def design_markdown() -> str:
    rows = [
        f"| `{key}` | {field.title}: {field.description} | {'yes' if is_required(field) else ''} |"
        for key, field, _ in items(Design())
    ]
    return "\n".join(["| `design.` | what | needed to publish |", "| --- | --- | --- |", *rows])


def participation_markdown() -> str:
    fields = {
        **{f"registration.{name}": one for name, one in RegistrationSpec.model_fields.items()},
        **{f"teams.{name}": one for name, one in TeamsSpec.model_fields.items()},
        "organising_institutes": ChallengeDefinition.model_fields["organising_institutes"],
    }
    rows = [f"| `{key}` | {one.description} | {_default(one)} |" for key, one in fields.items()]
    return "\n".join(["| key | what | default |", "| --- | --- | --- |", *rows])


def ranking_markdown() -> str:
    rows = [
        f"| `evaluation.ranking.{name}` | {one.description} | {_default(one)} |"
        for name, one in RankingSpec.model_fields.items()
    ]
    return "\n".join(["| key | what | default |", "| --- | --- | --- |", *rows])


def schemes_markdown() -> str:
    rows = [
        f"| `{scheme}` | {about.does} | {about.good_for} | {about.hides} |"
        for scheme, about in SCHEMES.items()
    ]
    head = ["| `scheme` | what it does | good for | what it hides |", "| --- | --- | --- | --- |"]
    return "\n".join([*head, *rows])


def card_markdown() -> str:
    rows = [
        f"| `{name}` | {section} | {one.title}: {one.description} |"
        for section, names in SECTIONS.items()
        for name in names
        for one in [AlgorithmCard.model_fields[name]]
    ]
    return "\n".join(["| field | section | what |", "| --- | --- | --- |", *rows])


def empty_card() -> str:
    """card.yaml with every field empty, and what each is for."""
    lines = ["# What others need to know to judge a score. Leave empty what does not apply."]
    for section, names in SECTIONS.items():
        lines += ["", f"# {section}"]
        for name in names:
            field = AlgorithmCard.model_fields[name]
            empty = "null" if field.default is None else '""'
            lines += [f"# {field.title}: {field.description}", f"{name}: {empty}"]
    return "\n".join(lines) + "\n"


def _default(field: FieldInfo) -> str:
    if field.default in (None, [], {}, ""):
        return "none"
    return str(field.default).lower()


if __name__ == "__main__":
    known = {
        "--participation": participation_markdown,
        "--card": card_markdown,
        "--ranking": ranking_markdown,
        "--schemes": schemes_markdown,
    }
    print(next((known[one]() for one in sys.argv[1:] if one in known), design_markdown()))
