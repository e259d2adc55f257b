"""Text for tables that people open in a spreadsheet."""

_MARK = "'"
_BEGINNINGS = ("=", "+", "-", "@", "\t", "\r", _MARK)


def plain_cell(text: str) -> str:
    """``text``, marked where a spreadsheet would take it for a formula."""
    return f"{_MARK}{text}" if text.startswith(_BEGINNINGS) else text


def text_of_cell(cell: str) -> str:
    """What ``plain_cell`` was given."""
    return cell.removeprefix(_MARK)
