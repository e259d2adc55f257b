"""Numbers as they stand on pages: with the digits that mean something, and a dash for none."""

from django import template

register = template.Library()
NONE = "–"


@register.filter
def figure(value: float | None, decimals: int = 2) -> str:
    """A true minus sign, so that columns of tabular numerals line up."""
    if value is None:
        return NONE
    text = f"{value:,.{decimals}f}".replace(",", "\u202f")
    return text.replace("-", "\u2212") if text.strip("-0.") else text.lstrip("-")


@register.filter
def duration(seconds: float | None) -> str:
    if seconds is None:
        return NONE
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 120:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes_left = divmod(minutes, 60)
    return f"{hours} h {minutes_left} min" if hours else f"{minutes} min {rest} s"


@register.filter
def at(values: tuple[object, ...], index: int) -> object:
    return values[index]
