"""What is different between two versions of a protocol, item by item."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Change:
    """what: the dotted key; before and after as text, empty where there is nothing."""

    what: str
    before: str
    after: str


def changes(before: dict[str, Any], after: dict[str, Any]) -> tuple[Change, ...]:
    """In the order of ``after``; lists of named things (phases, readers) are compared by name."""
    old, new = dict(_items(before)), dict(_items(after))
    keys = [*new, *(key for key in old if key not in new)]
    return tuple(
        Change(key, old.get(key, ""), new.get(key, ""))
        for key in keys
        if old.get(key, "") != new.get(key, "")
    )


def _items(value: object, key: str = "") -> list[tuple[str, str]]:
    if isinstance(value, dict):
        inside = [(str(name), one) for name, one in value.items()]
    elif isinstance(value, list) and all(isinstance(one, dict) for one in value):
        inside = [(_name(one, number), one) for number, one in enumerate(value, start=1)]
    else:
        text = ", ".join(map(_entry, value)) if isinstance(value, list) else _text(value)
        return [(key, text)] if text else []
    dot = f"{key}." if key else ""
    return [item for name, one in inside for item in _items(one, f"{dot}{name}")]


def _entry(value: object) -> str:
    """One of a list: “lesion_f1 (min_iou 0.1)” of a metric with its settings."""
    if not isinstance(value, dict):
        return _text(value)
    return ", ".join(
        f"{key} ({', '.join(f'{name} {_entry(one)}' for name, one in inside.items())})"
        if isinstance(inside, dict)
        else f"{key} {_entry(inside)}"
        for key, inside in value.items()
    )


def _name(entry: dict[str, Any], number: int) -> str:
    for key in ("slug", "name", "doi"):
        if entry.get(key):
            return str(entry[key])
    return str(next(iter(entry))) if len(entry) == 1 else str(number)


def _text(value: object) -> str:
    if value is None or value == "":
        return ""
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)
