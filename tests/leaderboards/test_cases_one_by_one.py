"""The page of a case beside the leaderboard: entries, scores, the order of cases, bad requests."""

import re

import numpy as np
import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from challenges.ingest.pictures import COLOURS
from challenges.models import Case, Phase
from evaluation.volumes import Volume, write_mha
from leaderboards.case_pages import ENTRY_COLOURS, FALSE_COLOUR, MISSED_COLOUR
from leaderboards.cases import in_order, measures_of, standing
from submissions.models import ReaderResult
from tests.factories import a_challenge, a_phase, a_user
from tests.leaderboards.entered import entered
from tests.platforms import words_of
from tests.scans import GRID, pet_with_lesion, write_challenge

HELD = (pet_with_lesion(0) >= 2.5).astype(np.uint8)
HALF = HELD.copy()
HALF[2:3] = 0
EMPTY = np.zeros(GRID.shape, np.uint8)


@pytest.fixture(autouse=True)
def no_broker(monkeypatch):
    monkeypatch.setattr("challenges.hints.current_app.send_task", lambda *_, **__: None)


@pytest.fixture
def phase(db, tmp_path) -> Phase:
    phase = a_phase(a_challenge(tmp_path, slug="one"))
    Phase.objects.update(gives_away=True)
    return a_phase(phase.challenge)


@pytest.fixture
def entries(phase):
    """Ada is worst in case-2, Bert failed in case-1, Cleo drew nothing in case-3."""
    return [
        entered(phase, a_user("ada"), [HALF, EMPTY, HELD], title="Alpha"),
        entered(phase, a_user("bert"), [None, HELD, HELD], title="Beta"),
        entered(phase, a_user("cleo"), [HELD, HELD, EMPTY], title="Gamma"),
    ]


def address(phase: Phase, name: str, **query: str) -> str:
    case = phase.dataset.cases.get(name=name)
    asked = "&".join(f"{key}={value}" for key, value in query.items())
    board = f"/challenges/{phase.challenge.slug}/{phase.slug}/leaderboard/"
    return f"{board}cases/{case.public_id}/?{asked}"


def ids(*entries) -> str:
    return ",".join(one.public_id for one in entries)


def seen(phase: Phase, name: str, *, status=200, **query: str) -> str:
    """By an organiser."""
    client = Client()
    client.force_login(a_user("organiser"))
    response = client.get(address(phase, name, **query))
    assert response.status_code == status
    return response.content.decode()


def neighbours(page: str) -> dict[str, str]:
    """The names of the cases before and after."""
    links = re.findall(r'rel="(prev|next)">([^<]*)<', page)
    return {way: text.strip("← →") for way, text in links}


def masks_on(page: str) -> list[tuple[str, str]]:
    """(colour, words) of each checkbox."""
    boxes = re.findall(r'data-mask="[^"]*" data-colour="([^"]*)".*?</svg> ([^<]*)</label>', page)
    return [(colour, words.strip()) for colour, words in boxes]


def cells(page: str, row: str) -> list[str]:
    """What stands in a row of the table of scores."""
    found = re.search(rf'<tr><th scope="row"[^>]*>{re.escape(row)}<.*?</tr>', page, re.DOTALL)
    assert found is not None, row
    return re.findall(r"<td[^>]*>([^<]*)</td>", found[0])


def test_the_scores_of_each_entry_stand_beside_each_other(phase, entries):
    page = seen(phase, "case-1", entries=ids(*entries))
    assert cells(page, "Dice") == ["0.800", "0.000", "1.000"]
    assert "mm, lower is better" in words_of(page)
    assert cells(page, "Drawn") == ["2.6", "no mask", "3.8"]


def test_readers_stand_beside_the_entries_where_they_are_scored_against_each_other(phase, entries):
    annotation = phase.dataset.cases.get(name="case-1").annotations.get()
    result = entries[0].runs.get(case__name="case-1").results.get()
    ReaderResult.objects.create(
        edition=phase.editions.get(),
        annotation=annotation,
        target_sha256="0" * 64,
        metrics=result.metrics,
        reference_ml=result.reference_ml,
        prediction_ml=result.prediction_ml,
        seconds=0.1,
    )
    page = seen(phase, "case-1", entries=ids(entries[2]))
    assert "a reader, against the others" in words_of(page)
    assert cells(page, "Dice") == ["1.000", "0.800"]
    assert "a reader, against" not in words_of(seen(phase, "case-2", entries=ids(entries[2])))


def test_entries_are_called_in_the_order_in_which_they_were_chosen(phase, entries):
    ada, bert, _ = entries
    page = words_of(seen(phase, "case-2", entries=ids(bert, ada)))
    assert "A: Beta, version 1" in page
    assert "B: Alpha, version 1" in page


def test_they_may_be_given_one_by_one_as_a_form_does_with_open_choices(phase, entries):
    client = Client()
    query = [("entries", entries[1].public_id), ("entries", ""), ("entries", entries[0].public_id)]
    page = client.get(address(phase, "case-2"), query_params=query).content.decode()
    assert "A: Beta, version 1" in words_of(page)
    assert "B: Alpha, version 1" in words_of(page)


def test_a_failure_says_why(phase, entries):
    page = words_of(seen(phase, "case-1", entries=ids(*entries)))
    assert "B: Ended with an error" in page
    assert "exit status 42" in page


def test_where_a_metric_does_not_apply_the_cell_says_so(db, tmp_path):
    folder = write_challenge(tmp_path / "free", slug="free", cases=1)
    (folder / "case-1" / "reference.mha").write_bytes(write_mha(Volume(EMPTY, GRID)))
    (folder / "cases.csv").write_text("case_id,patient_id,lesion_free\ncase-1,patient-1,yes\n")
    from challenges.services.importing import import_challenge

    phase = a_phase(import_challenge(folder=folder, organiser=a_user("organiser"))[0])
    entry = entered(phase, a_user("ada"), [HELD])
    page = seen(phase, "case-1", entries=ids(entry))
    assert cells(page, "Dice") == ["n/a"]
    assert cells(page, "Abs. MTV error") == ["3.8"]


def test_each_outline_has_a_colour_of_its_own_and_a_name(phase, entries):
    offered = masks_on(seen(phase, "case-3", entries=ids(*entries)))
    assert [words for _, words in offered] == [
        "Reference: Expert", "A: Alpha, version 1", "B: Beta, version 1",
        "C: Gamma, version 1", "missed by A", "false of A",
    ]  # fmt: skip
    assert len({colour for colour, _ in offered}) == len(offered)


def test_colours_of_entries_are_those_that_colour_blind_readers_tell_apart():
    assert set(ENTRY_COLOURS) == set(COLOURS)
    assert not {MISSED_COLOUR, FALSE_COLOUR} & set(COLOURS)


def test_a_case_without_a_mask_offers_no_outline_of_it(phase, entries):
    offered = [words for _, words in masks_on(seen(phase, "case-1", entries=ids(entries[1])))]
    assert offered == ["Reference: Expert", "missed by A", "false of A"]


def test_cases_follow_by_position_unless_a_score_is_chosen(phase, entries):
    page = seen(phase, "case-2", entries=ids(*entries))
    assert neighbours(page) == {"prev": "case-1", "next": "case-3"}
    assert "Case 2 of 3, by position" in words_of(page)


def test_the_worst_comes_first_by_a_chosen_score_of_a_chosen_entry(phase, entries):
    """Ada's Dice: 0 in case-2, 0.8 in case-1, 1 in case-3."""
    ada, bert, _ = entries
    by_dice = {"entries": ids(bert, ada), "by": "dice", "of": ada.public_id}
    page = seen(phase, "case-2", **by_dice)
    assert neighbours(page) == {"next": "case-1"}
    assert "Case 1 of 3, worst Dice of Alpha, version 1 first" in words_of(page)
    assert neighbours(seen(phase, "case-3", **by_dice)) == {"prev": "case-1"}
    link = re.search(r'href="([^"]*)" rel="next"', page)
    assert link is not None
    assert all(f"{key}={value}" in link[1] for key, value in by_dice.items()), "the choice is kept"


def test_without_an_entry_named_the_first_one_gives_the_order(phase, entries):
    """Bert failed in case-1, and a failure is the worst."""
    page = seen(phase, "case-1", entries=ids(entries[1], entries[0]), by="dice")
    assert neighbours(page) == {"next": "case-2"}


@pytest.mark.parametrize(
    ("metric", "expected"),
    [
        ("dice", ["case-2", "case-1", "case-3"]),
        ("mtv_abs_error_ml", ["case-2", "case-1", "case-3"]),
        ("mtv_error_ml", ["case-2", "case-1", "case-3"]),
    ],
    ids=["higher is better", "lower is better", "towards 0"],
)
def test_worst_is_as_the_metric_says(phase, entries, metric, expected):
    edition = phase.editions.get()
    (measure,) = [one for one in measures_of(edition) if one.key == metric]
    (ada,) = [one for one in standing(phase, edition) if one.whose == "ada"]
    assert [one.name for one in in_order(phase, edition, measure, ada)] == expected


def test_cases_to_which_a_metric_does_not_apply_come_last(phase, entries):
    edition = phase.editions.get()
    run = entries[0].runs.get(case__name="case-2")
    result = run.results.get()
    result.metrics["dice"]["lesion"]["value"] = None
    result.save()
    (ada,) = [one for one in standing(phase, edition) if one.whose == "ada"]
    found = in_order(phase, edition, measures_of(edition)[0], ada)
    assert [one.name for one in found] == ["case-1", "case-3", "case-2"]


@pytest.mark.parametrize(
    ("entries_asked", "more", "told"),
    [
        ("zzz", {}, "No entry “zzz” stands on this leaderboard"),
        ("{0},{0}", {}, "“Alpha, version 1” is named twice"),
        ("{0},{1},{2},{3}", {}, "4 entries were asked for; choose 3 at most"),
        ("{0}", {"by": "volume"}, "There is no column “volume”; those of each case are dice"),
        ("{0}", {"by": "dice", "of": "zzz"}, "No entry “zzz” stands"),
        ("", {"by": "dice"}, "by Dice of an entry; choose one"),
        ("{0}", {"against": "7"}, "There is no reference “7”"),
    ],
)
def test_what_cannot_be_shown_is_answered_with_what_is_expected(
    phase, entries, entries_asked, more, told
):
    fourth = entered(phase, a_user("dora"), [HELD] * 3, title="Delta")
    public_ids = [one.public_id for one in (*entries, fourth)]
    asked = entries_asked.format(*public_ids)
    page = words_of(seen(phase, "case-1", status=422, entries=asked, **more))
    assert told in page
    assert "case-1" in page


def test_an_entry_of_another_phase_or_one_that_was_replaced_does_not_stand_here(
    phase, entries, tmp_path
):
    other = a_phase(a_challenge(tmp_path, slug="two", cases=1))
    theirs = entered(other, a_user("ada"), [HELD])
    newer = entered(phase, a_user("ada"), [HELD] * 3, title="Alpha")
    for gone in (theirs, entries[0]):
        page = seen(phase, "case-1", status=422, entries=ids(gone))
        assert f"No entry “{gone.public_id}” stands" in words_of(page)
    assert "A: Alpha, version 2" in words_of(seen(phase, "case-1", entries=ids(newer)))


def test_an_excluded_case_and_one_of_another_challenge_are_not_found(phase, entries, tmp_path):
    other = a_phase(a_challenge(tmp_path, slug="two", cases=1))
    theirs = other.dataset.cases.get().public_id
    own = phase.dataset.cases.get(name="case-1").public_id
    client = Client()
    here = address(phase, "case-1", entries=ids(*entries))
    assert client.get(here.replace(own, theirs)).status_code == 404
    Case.objects.filter(public_id=own).update(excluded_at=timezone.now())
    assert client.get(here).status_code == 404
    page = seen(phase, "case-2")
    assert "Case 1 of 2" in words_of(page)


def test_before_there_is_an_entry_the_page_says_what_will_be_there(phase):
    assert "No entry stands on the leaderboard yet" in words_of(seen(phase, "case-1"))


def test_of_two_readers_lesions_are_told_against_a_chosen_one(db, tmp_path):
    readers = [{"name": f"Reader {one}", "file": f"reader-{one.lower()}"} for one in "AB"]
    folder = write_challenge(
        tmp_path / "two", slug="two", cases=1, readers=readers, phases=[{
            "slug": "open", "title": "Open", "cases": "public",
        }],
    )  # fmt: skip
    (folder / "case-1" / "reference.mha").unlink()
    for reader, drawn in zip(readers, (HELD, EMPTY), strict=True):
        path = folder / "case-1" / f"{reader['file']}.mha"
        path.write_bytes(write_mha(Volume(drawn, GRID)))
    from challenges.services.importing import import_challenge

    phase = a_phase(import_challenge(folder=folder, organiser=a_user("organiser"))[0])
    entry = entered(phase, a_user("ada"), [HELD])
    first = seen(phase, "case-1", entries=ids(entry))
    second = seen(phase, "case-1", entries=ids(entry), against="2")
    assert "missed by A (against Reader A)" in words_of(first)
    assert "lesions-1.mha" in first
    assert "missed by A (against Reader B)" in words_of(second)
    assert "lesions-2.mha" in second


@pytest.mark.parametrize("cases", [2, 40])
@pytest.mark.parametrize(("who", "expected"), [("", 18), ("organiser", 34)])
def test_a_page_needs_as_many_queries_whatever_the_cases_and_entries(
    db, tmp_path, cases, who, expected
):
    phase = a_phase(a_challenge(tmp_path, slug="many", cases=cases))
    Phase.objects.update(gives_away=True)
    made = [
        entered(phase, a_user(f"dev-{n}"), [HELD] * cases, title=f"Entry {n}") for n in range(4)
    ]
    client = Client()
    if who:
        client.force_login(a_user(who))
    asked = address(phase, "case-2", entries=ids(*made[:3]), by="dice")
    with CaptureQueriesContext(connection) as found:
        assert client.get(asked).status_code == 200
    assert len(found) == expected, [one["sql"][:120] for one in found]
