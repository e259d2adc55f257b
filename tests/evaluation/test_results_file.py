"""``results.csv`` gives back what was written, and tells everything that is wrong with it."""

import io
import json
from dataclasses import asdict
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluation.counts import Counts
from evaluation.spec import EvaluationSpec
from evaluation.standings import CaseFacts, EntryScores, Scored, analyse
from evaluation.standings.files import Results, ResultsRefused, read_results

NAN = float("nan")
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)


def spec_of(*metrics: str) -> EvaluationSpec:
    return EvaluationSpec.model_validate({"metrics": list(metrics)})


def written(results: Results) -> str:
    return "".join(results.lines())


def read(text: str, spec: EvaluationSpec) -> Results:
    return read_results(io.StringIO(text, newline=""), spec)


def same(one: Scored, other: Scored) -> None:
    assert one.cases == other.cases
    assert len(one.entries) == len(other.entries)
    for a, b in zip(one.entries, other.entries, strict=True):
        assert (a.key, a.competes, a.counts) == (b.key, b.competes, b.counts)
        for name in ("measured", "worst", "failed"):
            np.testing.assert_array_equal(getattr(a, name), getattr(b, name))


def cohort_results() -> Results:
    spec = spec_of("dice", "mtv_abs_error_ml", "dice_agg")
    facts = tuple(
        CaseFacts(f"c{at}", f"p{at // 2}", {"tracer": "=FDG"}, {"event": "1", "time": f"{at}"})
        for at in range(3)
    )
    counts = tuple({"lesion": Counts(0.1, 10, 10 - at, 5)} for at in range(3))
    full = np.array([[[0.1 + 0.2, 3.0], [NAN, 1e-17], [0.5, 2.0]]])
    partial = np.array([[[0.9, 1.0], [NAN, NAN], [0.5, 2.0]]])
    worst = np.full_like(full, 1000.0)
    entries = (
        EntryScores("b", True, full, worst, np.array([False, True, False]), (counts,)),
        EntryScores(
            "reader:'A", False, partial, np.full_like(partial, NAN), np.zeros(3, bool),
            ((counts[0], None, counts[2]),),
        ),
    )  # fmt: skip
    scored = Scored(spec, facts, entries)
    strict = Scored(spec, facts[:2], (entries[0],)).of_cases(np.array([True, True]))
    strict = Scored(
        spec,
        facts[1:],
        (EntryScores("b", True, full[:, 1:], worst[:, 1:], np.zeros(2, bool), (counts[1:],)),),
    )
    return Results(scored, "open", 2, {"b": "-1+1", "reader:'A": "A"}, {"Reader A": strict})


def test_what_is_written_is_read_again_to_the_last_digit():
    results = cohort_results()
    again = read(written(results), results.scored.spec)
    same(again.scored, results.scored)
    same(again.readers["Reader A"], results.readers["Reader A"])
    assert (again.phase, again.edition, again.names) == ("open", 2, results.names)


def test_no_cell_is_a_formula():
    for line in written(cohort_results()).splitlines():
        for cell in line.replace('"', "").split(","):
            assert not cell.startswith(("=", "+", "@")), cell
            assert not cell.startswith("-") or cell[1:2].isdigit(), cell


def test_ranks_of_the_file_are_those_of_what_was_written():
    random = np.random.default_rng(3)
    spec = spec_of("dice", "mtv_abs_error_ml")
    facts = tuple(CaseFacts(f"c{at}", f"p{at // 2}", {"centre": "xy"[at % 2]}) for at in range(14))
    made = []
    for key in "cab":
        dice = random.random((1, 14))
        values = np.stack([dice, 50 * (1 - dice)], axis=2)
        worst = np.broadcast_to([0.0, 1000.0], values.shape)
        made.append(EntryScores(key, True, values, worst, np.zeros(14, bool)))
    scored = Scored(spec, facts, tuple(made))
    again = read(written(Results(scored, "open", 1, {})), spec)
    assert analyse(again.scored, seed=9, hidden=False) == analyse(scored, seed=9, hidden=False)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.one_of(st.none(), st.floats(allow_nan=False, allow_infinity=False)), min_size=2,
             max_size=2),
    TEXT.filter(str.strip),
    TEXT,
)  # fmt: skip
def test_any_number_and_any_name_survive(values, name, group):
    spec = spec_of("dice")
    measured = np.array([[[NAN if one is None else one] for one in values]])
    facts = tuple(CaseFacts(f"{name}{at}", name, {"centre": group}) for at in range(2))
    worst = np.zeros_like(measured)
    scored = Scored(spec, facts, (EntryScores(name, True, measured, worst, np.zeros(2, bool)),))
    again = read(written(Results(scored, "open", 1, {name: group})), spec)
    same(again.scored, scored)
    assert again.names == {name: group}


ODD = ('Ö, "A"', "=SUM(A1)", "'quoted'", "-1", "two\nlines", "a;b", " blank ", "Müller\r")
RANKINGS: tuple[dict[str, Any], ...] = (
    {},
    {"weights": {"dice[node]": 2, "mtv_abs_error_ml": 1, "dice_agg": 1}},
    {"weights": {"dice": 1}, "tie_breakers": ["dice_agg[node]"], "aggregate": "median"},
    {"metrics": ["dice", "mtv_abs_error_ml"], "scheme": "rank_then_aggregate"},
    {"metrics": ["dice"], "scheme": "test_then_rank", "adjustment": "none"},
    {"metrics": ["dice", "dice_agg"], "scheme": "weighted_value", "stratum": "centre"},
    {"scheme": "borda", "subgroups": ["centre"], "most_resampled": 2},
    {"per_subgroup": "centre", "aggregate": "trimmed_mean"},
    {"mean_of_subgroups": "centre", "metrics": ["dice"], "most_resampled": 2},
)


@st.composite
def odd_results(draw: st.DrawFn) -> Results:
    """Two labels, two targets, a metric over the cohort; ties, what does not apply, what was not
    read, one who failed in every case; names that are hard on a table; now and then one patient."""
    number = draw(st.integers(1, 6))
    spec = EvaluationSpec.model_validate(
        {
            "metrics": ["dice", "mtv_abs_error_ml", "dice_agg"],
            "labels": {"primary": 1, "node": 2},
            "ranking": {"resamples": 100, **draw(st.sampled_from(RANKINGS))},
        }
    )
    facts = tuple(
        CaseFacts(f"c{at}", draw(st.sampled_from("pq")), {"centre": draw(st.sampled_from("xy"))})
        for at in range(number)
    )
    applies = np.array(draw(st.lists(st.booleans(), min_size=8 * number, max_size=8 * number)))
    applies = applies.reshape(2, number, 4)
    names = draw(st.lists(st.sampled_from(ODD), min_size=5, max_size=5, unique=True))
    scored = Scored(
        spec,
        facts,
        tuple(
            draw(odd_entries(name, applies, competes=at < 3, fails=at == 2, reads=at == 4))
            for at, name in enumerate(names)
        ),
    )
    against = Scored(
        spec,
        facts,
        tuple(
            draw(odd_entries(name, applies[:1], competes=True, fails=False, reads=False))
            for name in names[:3]
        ),
    )
    return Results(scored, "open", 1, dict(zip(names, ODD, strict=False)), {names[4]: against})


@st.composite
def odd_entries(
    draw: st.DrawFn, name: str, applies: np.ndarray, *, competes: bool, fails: bool, reads: bool
) -> EntryScores:
    targets, number, _ = applies.shape
    # A reader of no case at all is none.
    read = np.array([not reads or at == 0 or draw(st.booleans()) for at in range(number)])
    there = applies & read[:, None]
    shares = draw(st.lists(st.sampled_from([0.0, 0.1 + 0.2, 0.5, 1.0]), min_size=8 * number,
                           max_size=8 * number))  # fmt: skip
    values = np.array(shares).reshape(2, number, 4)[:targets] * [1, 1, 100, 100]
    worst = np.broadcast_to([0.0, 0.0, 1000.0, 1000.0], values.shape)
    failed = np.full(number, fails)
    counts = tuple(
        tuple(
            {
                label: Counts(0.1, 10, None if fails else 10, None if fails else draw(_COMMON))
                for label in ("primary", "node")
            }
            if one
            else None
            for one in read
        )
        for _ in range(targets)
    )
    return EntryScores(
        name, competes, np.where(there, worst if fails else values, NAN),
        np.where(there, NAN if reads else worst, NAN), failed, counts, read,
    )  # fmt: skip


_COMMON = st.integers(0, 10)


@settings(max_examples=60, deadline=None)
@given(odd_results())
def test_whatever_is_in_it_offline_says_what_the_server_says(results):
    again = read(written(results), results.scored.spec)
    found, kept = (
        analyse(one.scored, seed=3, hidden=False, readers=one.readers) for one in (again, results)
    )
    assert found == kept
    text = json.dumps(asdict(found), allow_nan=False)
    assert text == json.dumps(asdict(kept), allow_nan=False)
    assert again.names == results.names


class TestWhatIsWrong:
    def refused(self, text: str, spec: EvaluationSpec | None = None) -> str:
        with pytest.raises(ResultsRefused) as caught:
            read(text, spec or cohort_results().scored.spec)
        return caught.value.message

    def changed(self, *changes: tuple[str, str]) -> str:
        text = written(cohort_results())
        for old, new in changes:
            assert old in text, old
            text = text.replace(old, new, 1)
        return text

    def test_a_file_of_another_challenge(self):
        told = self.refused(written(cohort_results()), spec_of("hd95"))
        assert "columns are missing: hd95" in told
        assert "another challenge" in told

    def test_nothing_at_all(self):
        assert "columns are missing" in self.refused("")
        header = written(cohort_results()).splitlines()[0]
        assert "there are no rows" in self.refused(header + "\r\n")

    def test_everything_at_once_with_its_line(self):
        told = self.refused(
            self.changed((",yes,,1,c0,0,p0,no,", ",maybe,,0,c0,x,p0,no,"), (",3.0,", ",three,"))
        )
        for words in (
            "line 2: competes is “maybe”", "target is “0”", "position is “x”", "is “three”",
        ):  # fmt: skip
            assert words in told

    def test_a_row_twice(self):
        lines = written(cohort_results()).splitlines(keepends=True)
        assert "is there twice" in self.refused("".join([*lines, lines[1]]))

    def test_two_editions(self):
        text = self.changed(("open,2,b", "open,3,b"))
        assert "several phases or editions" in self.refused(text)

    def test_infinity_and_broken_counts(self):
        told = self.refused(self.changed((",3.0,", ",inf,"), ('"{""voxel_ml""', '"[""voxel_ml""')))
        assert "is “inf”" in told
        assert "as JSON, are expected" in told

    def test_a_row_too_short(self):
        text = written(cohort_results())
        assert "cells" in self.refused(text + "open,2\r\n")

    def test_thousands_of_problems_are_counted(self):
        lines = written(cohort_results()).splitlines(keepends=True)
        told = self.refused(lines[0] + "open\r\n" * 500)
        assert "… and 480 more problems" in told
