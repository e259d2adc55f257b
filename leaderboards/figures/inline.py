"""A drawn SVG as a part of a page, in the page's own ink and on its own paper."""

INK, PAPER = "#182126", "#ffffff"
"""Ink: of all letters and lines, and of nothing else; pages replace both by their own."""


def inline(document: str) -> str:
    """document: of ``svg.tidied``. What has the colour of paper gets the class ``blank``."""
    _, _, svg = document.partition("?>")
    return svg.replace(f'fill="{PAPER}"', 'class="blank"').replace(INK, "currentColor").strip()
