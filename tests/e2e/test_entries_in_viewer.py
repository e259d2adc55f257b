"""What entries drew, missed and drew for nothing, in Chromium: outlines, hatching, keys."""

import io

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect, sync_playwright

from challenges.models import Phase
from leaderboards.case_pages import FALSE_COLOUR, MISSED_COLOUR
from tests.browser import chromium, watched
from tests.factories import a_challenge, a_phase, a_user
from tests.leaderboards.entered import entered
from tests.scans import GRID, pet_with_lesion

pytestmark = pytest.mark.browser

HELD = (pet_with_lesion(0) >= 2.5).astype(np.uint8)
ELSEWHERE = np.zeros(GRID.shape, np.uint8)
ELSEWHERE[2:5, 8, 1:4] = 1
"""In slices of the lesion, beside it."""
FIRST, SECOND = "#E69F00", "#56B4E9"
REFERENCE = "#0072B2"
SECOND_MS = 1000


@pytest.fixture
def address(transactional_db, live_server, tmp_path, monkeypatch):
    """Of the first case, with an entry that missed the lesion and one that found it."""
    monkeypatch.setattr("challenges.hints.current_app.send_task", lambda *_, **__: None)
    phase = a_phase(a_challenge(tmp_path, slug="drawn", cases=2))
    Phase.objects.update(gives_away=True)
    wrong = entered(phase, a_user("organiser"), [ELSEWHERE] * 2, title="Wrong", baseline=True)
    right = entered(phase, a_user("organiser"), [HELD] * 2, title="Right", baseline=True)
    case = phase.dataset.cases.get(name="case-1")
    board = f"{live_server.url}/challenges/drawn/{phase.slug}/leaderboard/"
    return f"{board}cases/{case.public_id}/?entries={wrong.public_id},{right.public_id}"


@pytest.fixture
def page(address):
    with sync_playwright() as playwright, chromium(playwright) as browser:
        page = watched(browser.new_page(device_scale_factor=2))
        page.goto(address)
        ready(page)
        yield page
        assert page.problems == []


def ready(page):
    expect(page.locator("[data-viewer][data-state=ready]")).to_be_visible(timeout=60 * SECOND_MS)


def count_of(colour, page):
    """Pixels of nearly that colour among the slices, as a person sees them."""
    taken = page.locator("[data-stage]").screenshot()
    picture = np.asarray(Image.open(io.BytesIO(taken)).convert("RGB")).astype(int)
    wanted = [int(colour[at : at + 2], 16) for at in (1, 3, 5)]
    return int((np.abs(picture - wanted).max(axis=-1) < 24).sum())


def box(page, name):
    return page.get_by_role("checkbox", name=name)


def test_each_outline_is_drawn_in_its_colour_and_switched_off_by_its_box(page):
    expect(page.locator("[data-told]")).to_contain_text("largest component of Reference: Expert")
    boxes = {
        "A: Wrong": FIRST, "B: Right": SECOND, "Reference: Expert": REFERENCE,
        "missed by A": MISSED_COLOUR, "false of A": FALSE_COLOUR,
    }  # fmt: skip
    for name, colour in boxes.items():
        assert count_of(colour, page) > 40, name
        box(page, name).uncheck()
        assert count_of(colour, page) == 0, name
    box(page, "A: Wrong").check()
    assert count_of(FIRST, page) > 40


def test_where_the_first_entry_found_everything_nothing_is_hatched(page):
    first, second, _ = page.locator("select[name=entries]").all()
    first.select_option(label="Right, version 1 · organiser")
    second.select_option(label="Wrong, version 1 · organiser")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_role("checkbox", name="A: Right")).to_be_attached(timeout=20 * SECOND_MS)
    ready(page)
    assert count_of(FIRST, page) > 40
    assert count_of(MISSED_COLOUR, page) == 0
    assert count_of(FALSE_COLOUR, page) == 0


def test_keys_go_to_the_next_case_and_back(page):
    heading = page.locator("h1")
    page.focus("[data-slices]")
    page.keyboard.press("j")
    expect(heading).to_contain_text("case-2")
    ready(page)
    page.keyboard.press("j")
    expect(page.locator("[data-told]")).to_have_text("This is the last case.")
    page.keyboard.press("k")
    expect(heading).to_contain_text("case-1")
    ready(page)
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("ArrowRight")
    expect(heading).to_contain_text("case-2")
    assert "entries=" in page.url
