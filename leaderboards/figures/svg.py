"""Matplotlib's SVG made smaller, and fit to stand in a page that allows no inline styles."""

import re
from xml.etree import ElementTree as ET

_SVG = "{http://www.w3.org/2000/svg}"
_LINK = "{http://www.w3.org/1999/xlink}href"
_NUMBER = re.compile(r"-?\d+\.\d{3,}(?:e-?\d+)?")
_DRAWN = ("d", "x", "y", "cx", "cy", "width", "height", "transform")
_SHORTHAND = re.compile(r"(?P<size>[\d.]+)px (?P<family>.+)")
_REFERENCE = re.compile(r"^(?:url\()?#([\w.-]+)\)?$")
_WITH_TEXT = {f"{_SVG}{name}" for name in ("text", "tspan", "title", "desc")}
_SAME = 0.03
ET.register_namespace("", _SVG[1:-1])


def tidied(document: bytes, *, title: str, description: str) -> bytes:
    """Styles as attributes, coordinates to a hundredth of a point, names for those who hear it.

    document: of matplotlib, with text as text.
    """
    root = ET.fromstring(document)  # noqa: S314 - our own, made a moment ago
    for part in root.findall(f"{_SVG}metadata"):
        root.remove(part)
    for defs in root.findall(f"{_SVG}defs"):
        if defs.find(f"{_SVG}style") is not None:
            root.remove(defs)
    kept = _referred(root)
    for element in root.iter():
        _tidy(element, kept)
        _as_circle(element)
    _without_what_is_empty(root)
    root.set("stroke-linejoin", "round")
    root.set("role", "img")
    for at, (name, text) in enumerate((("title", title), ("desc", description))):
        told = ET.Element(f"{_SVG}{name}")
        told.text = text
        root.insert(at, told)
    tidy: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return tidy


def _referred(root: ET.Element) -> frozenset[str]:
    found: set[str] = set()
    for element in root.iter():
        for value in element.attrib.values():
            found |= set(_REFERENCE.findall(value))
    return frozenset(found)


def _without_what_is_empty(element: ET.Element) -> None:
    for part in list(element):
        _without_what_is_empty(part)
        if part.tag == f"{_SVG}g" and not len(part):
            element.remove(part)
        part.tail = None
    if element.tag not in _WITH_TEXT:
        element.text = None


def _as_circle(path: ET.Element) -> None:
    """A path of matplotlib's circle: from its lowest point in eight curves."""
    parts = path.get("d", "").split()
    if len(parts) != 60 or parts.count("C") != 8:
        return
    x, y = float(parts[1]), float(parts[2])
    right, middle = float(parts[15]), float(parts[16])
    radius = y - middle
    if abs(right - x - radius) > _SAME:
        return
    del path.attrib["d"]
    path.tag = f"{_SVG}circle"
    for name, value in (("cx", x), ("cy", middle), ("r", radius)):
        path.set(name, _brief(value))


def _tidy(element: ET.Element, kept: frozenset[str]) -> None:
    if element.get("id") not in kept:
        element.attrib.pop("id", None)
    if link := element.attrib.pop(_LINK, None):
        element.set("href", link)
    for declaration in element.attrib.pop("style", "").split(";"):
        name, _, value = (part.strip() for part in declaration.partition(":"))
        if name == "font":
            _font(element, value)
        elif name:
            element.set(name, value)
    for name in _DRAWN:
        if given := element.get(name):
            element.set(name, " ".join(_NUMBER.sub(_rounded, given).split()))
    if element.get("transform", "").startswith("rotate(-0 "):
        del element.attrib["transform"]


def _font(element: ET.Element, value: str) -> None:
    found = _SHORTHAND.fullmatch(value)
    if found is None:
        raise ValueError(f"A font is given as {value!r}; a size in px and a family are expected.")
    element.set("font-size", found["size"])
    element.set("font-family", f"{found['family']}, sans-serif")


def _rounded(number: re.Match[str]) -> str:
    return _brief(float(number[0]))


def _brief(value: float) -> str:
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text
