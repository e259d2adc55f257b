"""Results and how sure they are: tables, and figures where they are drawn."""

from collections.abc import Iterator, Sequence

from challenges.designing.document import (
    Block,
    Bullets,
    Column,
    Figure,
    Paragraph,
    Section,
    Table,
)
from challenges.templatetags.figures import HOLD, figure
from challenges.templatetags.wording import better, spaced
from evaluation.aggregate import Summary
from evaluation.standings import LEAST_PATIENTS, Otherwise, Uncertainty
from leaderboards.figures.inline import inline
from leaderboards.figures.kinds import TITLES, Format, about, kinds_of
from leaderboards.report.material import Material
from leaderboards.tables import Column as Metric
from leaderboards.tables import Row
from leaderboards.uncertain import file_of

_METRICS_A_TABLE = 4


def results(material: Material) -> Section:
    table = material.shown.table
    blocks: list[Block] = [Paragraph(note) for note in material.shown.notes]
    if not table.rows:
        why = "Nothing is shown yet." if blocks else "Nothing is on this leaderboard yet."
        return Section("results", "Results", (*blocks, Paragraph(why)))
    if table.refused:
        blocks.append(Paragraph(f"Nothing could be ranked: {table.refused}"))
    blocks.append(_places(table.rows))
    at = sorted(range(len(table.columns)), key=lambda one: not table.columns[one].ranked)
    for start in range(0, len(at), _METRICS_A_TABLE):
        blocks.append(_values(table.rows, table.columns, at[start : start + _METRICS_A_TABLE]))
    return Section("results", "Results", tuple(blocks))


def _places(rows: Sequence[Row]) -> Table:
    columns = (
        Column("Entry", "head"),
        Column("By", "short"),
        Column("Rank", "number"),
        Column("95 % range", "number"),
        Column("Rank set", "number"),
        Column("Tier", "number"),
        Column("Failed", "number"),
    )
    told = tuple(
        (
            _name(row),
            row.team or row.owner or "–",
            _told(row.rank_shown),
            _span(row.low, row.high),
            _span(row.set_low, row.set_high),
            _told(row.tier),
            f"{row.failed} of {row.cases}" if row.cases else "not told",
        )
        for row in rows
    )
    caption = (
        "Rank; first and last rank of the middle 95 % of resamples (range); ranks that the tests "
        "between all pairs leave open (set); tier; and cases without a usable result. Baselines "
        "and human readers are placed for comparison, and do not compete."
    )
    return Table(caption, columns, told)


def _values(rows: Sequence[Row], columns: Sequence[Metric], at: Sequence[int]) -> Table:
    heads = [columns[one] for one in at]
    named = (Column(_head(one), "number") for one in heads)
    counts = ", ".join(spaced(one.short) for one in heads if one.ranked)
    aggregate = spaced(heads[0].aggregate).capitalize()
    return Table(
        f"{aggregate} over cases, the interval in which it lies in 95 % of resamples of the "
        "patients, and the number of cases to which the metric applies (n). "
        f"{f'Counts towards the rank: {counts}.' if counts else 'Not ranked.'}",
        (Column("Entry", "head"), *named),
        tuple(
            (_name(row), *(_value(row.cells[one], columns[one].decimals) for one in at))
            for row in rows
        ),
    )


def _head(metric: Metric) -> str:
    unit = f", {metric.unit}" if metric.unit else ""
    words = better(metric.direction)
    return f"{spaced(metric.short)}{unit}" + (f" ({words})" if words else "")


def _value(cell: Summary | None, decimals: int) -> str:
    if cell is None:
        return f"withheld:\nfewer than\n{LEAST_PATIENTS} patients"
    interval = ""
    if cell.low is not None and cell.high is not None:
        low, high = figure(cell.low, decimals), figure(cell.high, decimals)
        interval = f"\n({low}{HOLD}to{HOLD}{high})"
    return f"{figure(cell.shown, decimals)}{interval}\nn{HOLD}={HOLD}{cell.count}"


def certainty(material: Material) -> Section:
    found, title = material.sure, "How sure the ranks are"
    more = [note for note in found.notes if note not in material.shown.notes]
    blocks: list[Block] = [Paragraph(one) for one in (*found.withheld, *more)]
    if found.uncertainty is None:
        blocks.append(
            Paragraph("Nothing to tell: fewer than two entries compete, or it is not shown.")
        )
        return Section("certainty", title, tuple(blocks))
    of = found.uncertainty
    if of.resampled is not None:
        blocks.append(_resampled(material, of))
    blocks += _otherwise(material, of)
    blocks += _figures(material, of)
    refused = tuple(f"{what}: {why}" for what, why in of.refused.items())
    if refused:
        blocks += [Paragraph("Not made:"), Bullets(refused)]
    return Section("certainty", title, tuple(blocks))


def _resampled(material: Material, of: Uncertainty) -> Table:
    drawn = of.resampled
    assert drawn is not None  # noqa: S101 - asked by the caller
    tau = ""
    if drawn.taus is not None:
        low, middle, high = drawn.taus[0], drawn.taus[2], drawn.taus[-1]
        tau = f" Kendall’s τ-b: median {middle:.2f}, 95 % {low:.2f} to {high:.2f}."
    rows = tuple(
        (name.whole, str(rank), f"{median:g}", _span(*ends), f"{shares[0] * 100:.0f} %")
        for name, rank, median, ends, shares in zip(
            material.sure.names,
            of.ranks_resampled,
            drawn.medians,
            drawn.ranges,
            drawn.shares,
            strict=True,
        )
    )
    return Table(
        f"Ranks in {figure(drawn.number, 0)} resamples of {drawn.patients} patients, among "
        f"{of.among} of {of.pool} competing entries.{tau}",
        (
            Column("Entry", "head"),
            Column("Rank", "number"),
            Column("Median", "number"),
            Column("95 % range", "number"),
            Column("Share at rank 1", "number"),
        ),
        rows,
    )


def _otherwise(material: Material, of: Uncertainty) -> Iterator[Block]:
    for one, head, caption in (
        (of.schemes, "Scheme", "Ranks of the same results under five schemes"),
        (of.readers, "Reader", "Ranks with each reader alone as the reference"),
        (of.centres, "Without", "Ranks without the cases of one centre"),
    ):
        made = [other for other in one if other.ranks]
        if made:
            yield _alternatives(material, made, head, caption)


def _alternatives(material: Material, made: Sequence[Otherwise], head: str, caption: str) -> Table:
    """A row for each, as there may be many centres, and few entries at the top."""
    names = [name.whole for name in material.sure.names]
    return Table(
        f"{caption}: entries in their order, and Kendall’s τ-b to the ranking.",
        (Column(head, "head"), Column("Order (rank)"), Column("τ-b", "number")),
        tuple(
            (
                one.name,
                "; ".join(
                    f"{name} ({rank})" for rank, name in sorted(zip(one.ranks, names, strict=True))
                ),
                "–" if one.tau is None else f"{one.tau:.2f}",
            )
            for one in made
        ),
    )


def _figures(material: Material, of: Uncertainty) -> Iterator[Figure]:
    for kind in kinds_of(of):
        content = file_of(material.sure, kind, Format.SVG)
        if content is None:
            continue
        svg = content.decode()
        told = about(kind, of, metric=material.sure.metric)
        yield Figure(
            caption=f"{told.title}. {spaced(told.reading)}",
            alt=TITLES[kind],
            svg=inline(svg) if material.inlined else svg,
        )


def _name(row: Row) -> str:
    kind = "baseline" if row.is_baseline else "reader" if row.kind == "reader" else ""
    if not kind and not row.competes:
        kind = "does not compete"
    version = f" v{row.version}" if row.version else ""
    return f"{row.algorithm}{version}{f' ({kind})' if kind else ''}"


def _span(low: int | None, high: int | None) -> str:
    if low is None or high is None:
        return "–"
    return str(low) if low == high else f"{low}–{high}"


def _told(value: int | None) -> str:
    return "–" if value is None else str(value)
