"""Figures of how sure ranks are: each can be drawn, read and reckoned with."""

import csv
import io
import json
import re
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path
from xml.etree import ElementTree as ET

import matplotlib as mpl
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from PIL import Image

from evaluation import standings
from evaluation.standings import Otherwise, Resampled, Uncertainty
from evaluation.standings.reading import uncertainty_of
from leaderboards.figures.drawing import draw, files_of
from leaderboards.figures.grids import grid_of, share_words
from leaderboards.figures.kinds import DRAWN, Format, Kind, about, kinds_of, missing
from leaderboards.figures.lines import places_of
from leaderboards.figures.names import LONGEST, Name, names_of
from leaderboards.figures.numbers import numbers_of
from leaderboards.figures.squares import p_words
from leaderboards.tables import Row
from tests.leaderboards.uncertain import an_uncertainty, names_for, tied

ROOT = Path(__file__).resolve().parent.parent.parent

TWO = Uncertainty(
    entries=("aaaa", "bbbb"),
    pool=2,
    ranks=(1, 2),
    resampled=Resampled(
        number=4,
        seed=7,
        stratum="",
        patients=12,
        shares=((0.75, 0.25), (0.25, 0.75)),
        ranges=((1, 2), (1, 2)),
        medians=(1.0, 2.0),
        taus=(-1.0, 0.5, 1.0, 1.0, 1.0),
        tau_counts=(1, *(0,) * 38, 3),
    ),
    tested=standings.Tested(
        column="dice",
        alpha=0.05,
        p=((None, 0.01), (0.99, None)),
        adjusted=((None, 0.02), (1.0, None)),
        better=((False, True), (False, False)),
        against_means=(),
        against_ranks=(),
        rank_sets=((1, 1), (2, 2)),
        tiers=(1, 2),
        case_ranks=((9, 3), (4, 8)),
    ),
    schemes=(Otherwise("mean-then-rank", (2, 1), -1.0), Otherwise("borda", (), None, "No.")),
    centres=(Otherwise("Aachen", (1, 1), None),),
    refused={"readers": "One reader only."},
)
NAMES = (Name("aaaa", "=cmd|' /C calc'!A0", "=cmd"), Name("bbbb", "Net", "Net"))


def a_row(**fields):
    usual = {
        "submission": "aaaa", "algorithm": "Net", "version": 1, "owner": "ada",
        "is_baseline": False, "competes": True, "sandboxed": True, "rank": 1, "mean_rank": 1.0,
        "cases": 3, "failed": 0, "seconds_per_case": 1.0, "cells": (),
    }  # fmt: skip
    return Row(**{**usual, **fields})


def table(kind: Kind) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(numbers_of(kind, TWO, NAMES).csv())))


def texts(svg: bytes) -> list[str]:
    return [
        "".join(one.itertext()) for one in ET.fromstring(svg).iter() if one.tag.endswith("}text")
    ]


def test_an_uncertainty_that_was_kept_as_json_comes_back_number_for_number():
    for one in (TWO, an_uncertainty(7), tied(an_uncertainty(3))):
        assert uncertainty_of(json.loads(json.dumps(asdict(one)))) == one
        assert uncertainty_of(asdict(one)) == one


def test_what_is_no_uncertainty_is_refused_with_every_place():
    with pytest.raises(ValueError, match=r"ranks.*\n.*\n.*pool|pool.*\n(.*\n)*.*ranks"):
        uncertainty_of({**asdict(TWO), "ranks": ["first"], "pool": "two"})


def test_shares_of_ranks_stand_in_the_csv():
    rows = table(Kind.DISTRIBUTION)
    assert [(row["submission"], row["at_rank"], row["share_of_resamples"]) for row in rows] == [
        ("aaaa", "1", "0.75"), ("aaaa", "2", "0.25"), ("bbbb", "1", "0.25"), ("bbbb", "2", "0.75"),
    ]  # fmt: skip
    assert {row["low_rank"] + row["high_rank"] for row in rows} == {"12"}


def test_ranks_beyond_those_shown_are_one_column_of_the_figure_and_its_numbers():
    """The second of two shown, of nine that were ranked, is the eighth in a quarter of them."""
    assert TWO.resampled is not None
    beyond = replace(
        TWO,
        pool=9,
        resampled=replace(
            TWO.resampled, among=9, ranks=(1, 3), shares=((0.75, 0.25, 0), (0.25, 0.5, 0.25)),
            ranges=((1, 2), (1, 8)), medians=(1.0, 2.0),
        ),
    )  # fmt: skip
    rows = numbers_of(Kind.DISTRIBUTION, beyond, NAMES).rows
    assert [row[-2:] for row in rows[3:]] == [("1", 0.25), ("2", 0.5), (">2", 0.25)]
    assert {row[2] for row in rows[3:]} == {3}, "the rank that is resampled"
    grid = grid_of(Kind.DISTRIBUTION, beyond, NAMES)
    assert [head.text for head in grid.heads][-3:] == ["1", "2", ">2"]
    assert grid.rows[1][1:] == ("3", "2", "1–8", "25 %", "50 %", "25 %")
    svg = files_of(Kind.DISTRIBUTION, beyond, NAMES, [Format.SVG])[Format.SVG]
    assert ">2" in texts(svg)
    assert "3  Net" in texts(svg)
    assert "all 9 competing entries were ranked" in about(Kind.DISTRIBUTION, beyond).reading
    assert "first 2 of 9 competing entries" in about(Kind.SCHEMES, beyond).reading
    assert "competing" not in about(Kind.SCHEMES, TWO).reading


def test_every_ordered_pair_stands_in_the_csv():
    better, worse = table(Kind.SIGNIFICANCE)
    assert (better["entry"], better["opponent"], better["metric"]) == (NAMES_PLAIN, "Net", "dice")
    assert (better["p"], better["p_holm"], better["significantly_better"]) == (
        "0.01",
        "0.02",
        "yes",
    )
    assert (worse["p"], worse["p_holm"], worse["significantly_better"]) == ("0.99", "1.0", "no")
    assert (better["tier"], worse["tier"]) == ("1", "2")


def test_ranks_over_cases_stand_in_the_csv():
    for kind in (Kind.PODIUM, Kind.HEAT_MAP):
        assert [row["cases"] for row in table(kind)] == ["9", "3", "4", "8"]


def test_taus_stand_in_the_csv_by_bin_and_quantile():
    rows = table(Kind.STABILITY)
    bins = [row for row in rows if row["what"] == "bin"]
    assert len(bins) == 40
    assert (bins[0]["tau_from"], bins[0]["tau_to"], bins[0]["resamples"]) == ("-1.0", "-0.95", "1")
    assert (bins[-1]["tau_from"], bins[-1]["tau_to"], bins[-1]["resamples"]) == ("0.95", "1.0", "3")
    assert {row["what"]: row["tau_from"] for row in rows}["25 % quantile"] == "0.5"


def test_ranks_made_otherwise_stand_in_the_csv_and_what_was_refused_does_not():
    rows = table(Kind.SCHEMES)
    assert [(row["ranking"], row["submission"], row["declared_rank"], row["rank"]) for row in rows] == [
        ("mean-then-rank", "aaaa", "1", "2"), ("mean-then-rank", "bbbb", "2", "1"),
    ]  # fmt: skip
    assert {row["tau_to_declared"] for row in rows} == {"-1.0"}
    assert {row["tau_to_declared"] for row in table(Kind.CENTRES)} == {""}


NAMES_PLAIN = "'=cmd|' /C calc'!A0"


def test_no_name_is_a_formula_to_a_spreadsheet():
    for kind in kinds_of(TWO):
        cells = [cell for row in table(kind) for cell in row.values()]
        assert not [cell for cell in cells if cell[:1] in "=+@\t\r" and cell]


def test_what_cannot_be_made_says_why_and_is_not_drawn():
    assert missing(Kind.READERS, TWO) == "One reader only."
    assert Kind.READERS not in kinds_of(TWO)
    with pytest.raises(ValueError, match="One reader only"):
        files_of(Kind.READERS, TWO, NAMES, DRAWN)
    bare = Uncertainty(
        ("aaaa", "bbbb"), 2, (1, 1), refused={"tests": "No values.", "resamples": "x"}
    )
    assert kinds_of(bare) == ()
    assert missing(Kind.PODIUM, bare) == "No values."
    refused = replace(bare, schemes=(Otherwise("borda", (), None, "Not so."),))
    assert missing(Kind.SCHEMES, refused) == "borda: Not so."


@pytest.mark.parametrize("number", [2, 3, 50])
@pytest.mark.parametrize("kind", list(Kind))
def test_each_figure_is_drawn_with_every_name(kind, number):
    uncertainty = an_uncertainty(number)
    names = names_for(uncertainty)
    files = files_of(kind, uncertainty, names, DRAWN)
    written = texts(files[Format.SVG])
    if kind is not Kind.STABILITY:
        for rank, name in enumerate(names, 1):
            assert f"{rank}  {name.short}" in written
    assert files[Format.PDF].startswith(b"%PDF-")
    with Image.open(io.BytesIO(files[Format.PNG])) as picture:
        assert picture.format == "PNG"
        assert picture.width > 500
        assert round(picture.info["dpi"][0]) == 200


@pytest.mark.parametrize("number", [2, 5, 50])
def test_ties_are_drawn(number):
    uncertainty = tied(an_uncertainty(number))
    kinds = kinds_of(uncertainty)
    assert set(Kind) - set(kinds) == {Kind.STABILITY}
    for kind in kinds:
        files = files_of(kind, uncertainty, names_for(uncertainty), DRAWN)
        assert texts(files[Format.SVG])


def test_long_names_are_cut_in_figures_and_whole_in_the_numbers():
    uncertainty = an_uncertainty(8)
    names = names_for(uncertainty, long=True)
    for kind in kinds_of(uncertainty):
        if kind is Kind.STABILITY:
            continue
        written = texts(files_of(kind, uncertainty, names, (Format.SVG,))[Format.SVG])
        assert max(map(len, written)) < 90
        assert names[0].whole not in written
        assert f"1  {names[0].short}" in written
        assert names[0].whole in numbers_of(kind, uncertainty, names).csv()


@pytest.mark.parametrize("kind", list(Kind))
def test_the_same_numbers_give_the_same_bytes_whatever_the_machine_prefers(kind):
    uncertainty = an_uncertainty(4)
    first = files_of(kind, uncertainty, names_for(uncertainty), DRAWN)
    with mpl.rc_context({"font.size": 30, "lines.linewidth": 9, "figure.facecolor": "red"}):
        again = files_of(kind, uncertainty, names_for(uncertainty), DRAWN)
    assert first == again
    for content in first.values():
        assert not re.search(rb"20\d\d-\d\d-\d\d|CreationDate|matplotlib v", content, re.IGNORECASE)


@pytest.mark.parametrize("number", [3, 50])
@pytest.mark.parametrize("kind", list(Kind))
def test_a_figure_fits_a_page_that_allows_no_styles_and_has_letters_that_can_be_read(kind, number):
    uncertainty = an_uncertainty(number)
    svg = files_of(kind, uncertainty, names_for(uncertainty), (Format.SVG,))[Format.SVG]
    root = ET.fromstring(svg)
    for element in root.iter():
        assert "style" not in element.attrib
        assert not element.tag.endswith(("style", "script", "image"))
        size = element.get("font-size")
        assert size is None or float(size.removesuffix("px")) >= 8
    assert len({e.get("id") for e in root.iter() if e.get("id")}) == len(
        [e for e in root.iter() if e.get("id")]
    )
    assert len(svg) < 200_000
    assert root.findtext("{http://www.w3.org/2000/svg}title") == about(kind, uncertainty).title


def test_ids_of_different_figures_differ():
    uncertainty = an_uncertainty(4)
    seen: set[str] = set()
    for kind in kinds_of(uncertainty):
        svg = files_of(kind, uncertainty, names_for(uncertainty), (Format.SVG,))[Format.SVG]
        own = set(re.findall(r' id="([^"]+)"', svg.decode()))
        assert not seen & own
        seen |= own


def test_entries_of_one_rank_follow_one_another():
    assert places_of((1, 3, 1, 4)) == (0, 2, 1, 3)


@pytest.mark.parametrize(
    ("p", "words"), [(0.0, "<.001"), (0.0009, "<.001"), (0.05, ".050"), (0.99951, "1"), (1.0, "1")]
)
def test_no_p_is_rounded_to_nothing(p, words):
    assert p_words(p) == words


def test_entries_of_one_title_are_told_apart():
    rows = [
        a_row(),
        a_row(submission="bbbb", owner="bob"),
        a_row(submission="cccc", algorithm="Other"),
        a_row(submission="dddd", owner="bob", version=2),
        a_row(submission="eeee", owner="bob", version=2),
    ]
    names = names_of([row.submission for row in rows], rows)
    assert [name.whole for name in names] == [
        "Net · ada",
        "Net · bob · version 1",
        "Other",
        "Net · bob · version 2 · dddd",
        "Net · bob · version 2 · eeee",
    ]
    assert all(len(name.short) <= LONGEST for name in names)


def test_a_title_that_no_figure_can_hold_is_drawn_as_far_as_it_can_be():
    name = names_of(["aaaa"], [a_row(algorithm="a\x00b\nc\u202e")])[0]
    assert name.whole == "a b c"
    assert names_of(["aaaa"], [a_row(algorithm="\x07")])[0].whole == "–"


def test_numbers_need_no_matplotlib_and_figures_no_state_of_it():
    program = (
        "import sys\n"
        "import leaderboards.figures.kinds, leaderboards.figures.names\n"
        "import leaderboards.figures.numbers\n"
        "assert not {'matplotlib', 'django'} & set(sys.modules)\n"
        "import leaderboards.figures.drawing\n"
        "assert 'matplotlib.pyplot' not in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("kind", list(Kind))
@pytest.mark.parametrize("number", [2, 3, 9])
def test_no_word_of_a_figure_is_cut_however_few_and_short_the_names(kind, number):
    uncertainty = an_uncertainty(number)
    names = tuple(Name(key, key[-1], key[-1]) for key in uncertainty.entries)
    figure = draw(kind, uncertainty, names)
    FigureCanvasAgg(figure).draw()
    (axes,) = figure.axes
    for text in (*figure.texts, *axes.texts, *axes.get_yticklabels(), axes.xaxis.label):
        box = text.get_window_extent()
        inside = box.x0 >= 0 and box.x1 <= figure.bbox.x1 and box.y0 >= 0
        assert inside, f"{text.get_text()!r} leaves the figure: {box}"


def test_all_and_none_of_the_resamples_are_said_of_these_alone():
    assert [share_words(one) for one in (0.0, 0.004, 0.01, 0.5, 0.99, 0.9996, 1.0)] == [
        "", "<1 %", "1 %", "50 %", "99 %", ">99 %", "100 %",
    ]  # fmt: skip
