"""Text for tables that people open in a spreadsheet."""


def plain_cell(text: str) -> str:
    """``text``, marked where a spreadsheet would take it for a formula."""
    return f"'{text}" if text[:1] in "=+-@\t\r" else text
