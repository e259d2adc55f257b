"""The tables of docs/challenge.md that are made of the model: ``python -m`` this module writes the
one of design texts, with ``--participation`` the one of who takes part."""

import sys

from pydantic.fields import FieldInfo

from challenges.definition.challenge import ChallengeDefinition
from challenges.definition.design import Design, is_required, items
from challenges.definition.participation import RegistrationSpec, TeamsSpec


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


def _default(field: FieldInfo) -> str:
    if field.default in (None, []):
        return "none"
    return str(field.default).lower()


if __name__ == "__main__":
    print(participation_markdown() if "--participation" in sys.argv[1:] else design_markdown())
