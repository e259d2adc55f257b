"""A definition written as challenge.yaml; importing what was exported gives the same one."""

from typing import Any

import yaml

from challenges.definition.challenge import ChallengeDefinition


class _Dumper(yaml.SafeDumper):
    """Paragraphs stand as they are read."""


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.Node:
    style = "|" if "\n" in value else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Dumper.add_representer(str, _text)


def as_yaml(document: dict[str, Any]) -> str:
    """``document``: whole or not; defaults and empty values of a whole one are left out."""
    return yaml.dump(
        _without_defaults(document),
        Dumper=_Dumper,
        sort_keys=False,
        allow_unicode=True,
        width=100,
    )


def _without_defaults(document: dict[str, Any]) -> dict[str, Any]:
    try:
        definition = ChallengeDefinition.model_validate(document)
    except ValueError:  # a draft; it is written as it is
        return document
    short = definition.model_dump(mode="json", exclude_defaults=True)
    return {"format": document["format"], **short}
