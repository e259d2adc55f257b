"""The table behind a figure as HTML, without what its page puts around it."""

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from leaderboards.figures.grids import Grid, Head


def html_of(grid: Grid) -> SafeString:
    heads = format_html_join("", "{}", ((_head(head, at),) for at, head in enumerate(grid.heads)))
    rows = format_html_join(
        "",
        '<tr><th scope="row">{}</th>{}</tr>',
        (
            (row[0], format_html_join("", '<td class="number">{}</td>', ((c,) for c in row[1:])))
            for row in grid.rows
        ),
    )
    return format_html("<thead><tr>{}</tr></thead><tbody>{}</tbody>", heads, rows)


def _head(head: Head, at: int) -> SafeString:
    return format_html(
        '<th scope="col"{}{}>{}{}</th>',
        SafeString(' class="number"') if at else "",
        format_html(' title="{}"', head.whole) if head.whole else "",
        head.text,
        format_html('<span class="hidden">, {}</span>', head.whole) if head.whole else "",
    )
