"""Numbers and moments as they stand in the document."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from statistics import quantiles

from challenges.templatetags.figures import figure

NOT_STATED = "not stated"
LISTED = 8


def number(value: float) -> str:
    """Three digits that mean something, as in papers; whole numbers as they are."""
    if float(value).is_integer():
        return figure(value, 0)
    size = abs(value)
    return figure(value, 0 if size >= 100 else 1 if size >= 10 else 2)


def spread(values: Sequence[float]) -> str:
    """Median and quartiles (linear between values): “12.3 (8.0–20.1)”; the value alone of one."""
    if not values:
        return NOT_STATED
    if len(values) == 1:
        return number(values[0])
    low, middle, high = quantiles(values, n=4, method="inclusive")
    return f"{number(middle)} ({number(low)}–{number(high)})"


def shares(values: Iterable[str]) -> str:
    """“FDG (20); PSMA-11 (4)”, most frequent first; what is not stated last."""
    counts = Counter(values)
    unknown = counts.pop("", 0)
    if not counts:
        return NOT_STATED
    ordered = sorted(counts.items(), key=lambda one: (-one[1], one[0]))
    told = [f"{name} ({many})" for name, many in ordered[:LISTED]]
    if rest := ordered[LISTED:]:
        told.append(f"{len(rest)} others ({sum(many for _, many in rest)})")
    if unknown:
        told.append(f"{NOT_STATED} ({unknown})")
    return "; ".join(told)


def count(many: int, what: str, plural: str = "") -> str:
    return f"{many} {what if many == 1 else plural or f'{what}s'}"


def moment(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"


def unit(value: str, name: str) -> str:
    return f"{value}\u00a0{name}" if name else value


def capital(text: str) -> str:
    """Its first letter alone: “EARL class” stays."""
    return text[:1].upper() + text[1:]
