"""The case viewer in Chromium: slices, outlines, the SUV under the crosshair, by key and by hand."""

import io
import os
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect, sync_playwright

from evaluation.geometry import Geometry
from evaluation.volumes import Volume, write_mha
from tests.browser import chromium, watched
from tests.platforms import PASSWORD
from tests.scans import GRID, pet_with_lesion, write_challenge

pytestmark = [pytest.mark.docker, pytest.mark.browser, pytest.mark.broker]

CHALLENGE = "in-the-viewer"
SUV = pet_with_lesion(0)
HU = np.full(GRID.shape, 40, np.int16)
BLUE = (0, 0x72, 0xB2)
SECOND = 1000


FLIPPED = Geometry(
    size=GRID.size,
    spacing=GRID.spacing,
    origin=(GRID.origin[0] + 11 * 4.0, GRID.origin[1], GRID.origin[2] + 7 * 5.0),
    direction=(-1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, -1.0),
)
"""The same places, stored from the patient's left and from the head."""


@pytest.fixture(scope="module")
def pages(platform, tmp_path_factory):
    """Addresses of the organisers' pages of two cases: the second is the first, stored flipped."""
    platform.person("radiologist")
    folder = tmp_path_factory.mktemp("viewer") / "c"
    write_challenge(folder, slug=CHALLENGE, cases=2, modalities=["PET", "CT"])
    mask = (SUV >= 2.5).astype(np.uint8)
    for stem, voxels in (("pet", SUV), ("ct", HU), ("reference", mask)):
        straight, flipped = Volume(voxels, GRID), Volume(voxels[::-1, :, ::-1], FLIPPED)
        (folder / "case-1" / f"{stem}.mha").write_bytes(write_mha(straight))
        (folder / "case-2" / f"{stem}.mha").write_bytes(write_mha(flipped))
    platform.run("import-challenge", str(folder), "--organiser", "radiologist")
    found = platform.rows(
        "SELECT c.public_id FROM challenges_case c JOIN challenges_challenge o"
        " ON o.dataset_id = c.dataset_id WHERE o.slug = ? ORDER BY c.name",
        CHALLENGE,
    )
    return [f"{platform.address}/organise/{CHALLENGE}/cases/{one}/" for (one,) in found]


@pytest.fixture
def case(pages):
    return pages[0]


@pytest.fixture(scope="module")
def browser():
    with sync_playwright() as playwright, chromium(playwright) as running:
        yield running


@pytest.fixture
def page(browser):
    page = watched(browser.new_page())
    yield page
    assert page.problems == []
    page.close()


def opened(page, address):
    base, path = re.match(r"(https?://[^/]+)(/.*)", address).groups()
    page.goto(f"{base}/accounts/login/?next={path}")
    page.fill("[name=login]", "radiologist")
    page.fill("[name=password]", PASSWORD)
    page.click("main form button[type=submit]")
    page.wait_for_url(address)
    return page


def ready(page):
    expect(page.locator("[data-viewer][data-state=ready]")).to_be_visible(timeout=60 * SECOND)
    expect(page.locator("[data-told]")).to_have_text("Ready, at the largest component of Expert.")


def pixels(page):
    """[row, column, RGB] of the slices as a person sees them."""
    taken = page.locator("[data-stage]").screenshot()
    return np.asarray(Image.open(io.BytesIO(taken)).convert("RGB")).astype(int)


def greys_of(picture):
    return picture[np.ptp(picture, axis=-1) < 4][:, 0]


def until(page, found):
    """Waits for the next frames."""
    for _ in range(50):
        if found():
            return
        page.wait_for_timeout(100)
    raise AssertionError("the slices did not change as expected")


def count_of(colour, picture):
    return int((np.abs(picture - colour).max(axis=-1) < 24).sum())


def suv_here(page):
    """(as told, as the PET has it at the slices that are told); slices count to the right, front
    and head, the array to the left, back and head."""
    told = page.inner_text("[data-suv-here]")
    assert told.startswith("SUV "), told
    assert told.endswith(" g/ml"), told
    places = re.search(
        r"axial (\d+) of 8, coronal (\d+) of 10, sagittal (\d+) of 12", page.inner_text(".readout")
    )
    axial, coronal, sagittal = map(int, places.groups())
    return float(told.split()[1]), float(SUV[axial - 1, 10 - coronal, 12 - sagittal])


def test_it_opens_at_the_lesion_with_pet_outline_and_suv(page, case):
    ready(opened(page, case))
    told, true = suv_here(page)
    assert told == true == 6.0
    assert "axial 4 of 8" in page.inner_text(".readout")
    picture = pixels(page)
    greys = greys_of(picture)
    assert len(np.unique(greys)) > 20, "the slices are blank"
    assert np.median(greys) == pytest.approx(255 * (1 - 1 / 7), abs=6), "SUV 1 in the window 0–7"
    assert abs(greys - 255 * (1 - 6 / 7)).min() < 6, "SUV 6 in the window 0–7"
    assert count_of(BLUE, picture) > 100


def test_a_case_looks_the_same_however_its_voxels_are_stored(page, pages):
    ready(opened(page, pages[0]))
    place, straight = page.inner_text(".readout"), pixels(page)
    page.goto(pages[1])
    ready(page)
    assert page.inner_text(".readout") == place
    assert np.abs(pixels(page) - straight).max() < 8


def test_keys_go_through_slices_and_the_suv_follows(page, case):
    ready(opened(page, case))
    page.focus("[data-slices]")
    moves = {
        "ArrowUp": "axial 5", "ArrowDown": "axial 4", "ArrowLeft": "sagittal 7",
        "ArrowRight": "sagittal 6", "PageUp": "coronal 6", "PageDown": "coronal 5",
        "Shift+ArrowUp": "axial 8", "Home": "axial 4",
    }  # fmt: skip
    start = page.inner_text("[data-place]")
    for key, place in moves.items():
        page.keyboard.press(key)
        assert place in page.inner_text("[data-place]").replace(",", " "), (key, place)
        told, true = suv_here(page)
        assert told == pytest.approx(true, abs=0.0051), key
    assert page.inner_text("[data-place]") == start


def test_outlines_are_switched_by_checkbox_and_by_key(page, case):
    ready(opened(page, case))
    box = page.get_by_role("checkbox", name="Expert")
    with_outline = count_of(BLUE, pixels(page))
    box.uncheck()
    assert count_of(BLUE, pixels(page)) == 0
    page.focus("[data-slices]")
    page.keyboard.press("o")
    expect(box).to_be_checked()
    assert count_of(BLUE, pixels(page)) == with_outline


def test_a_narrower_window_makes_the_slices_darker_and_a_wider_one_lighter(page, case):
    ready(opened(page, case))
    before = pixels(page).mean()
    narrow = page.get_by_role("button", name="0–5")
    narrow.click()
    expect(narrow).to_have_attribute("aria-pressed", "true")
    until(page, lambda: pixels(page).mean() < before - 1)
    typed = page.get_by_role("spinbutton")
    expect(typed).to_have_value("5")
    typed.fill("40")
    typed.press("Enter")
    until(page, lambda: pixels(page).mean() > before + 1)


def test_ct_is_fetched_when_it_is_asked_for_and_told_in_hu(page, case):
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    ready(opened(page, case))
    assert not [one for one in asked if one.endswith("ct.mha")]
    page.get_by_role("slider").fill("100")
    expect(page.locator("[data-place]")).to_contain_text("CT 40 HU", timeout=20 * SECOND)
    assert len([one for one in asked if one.endswith("ct.mha")]) == 1
    # 40 HU between −160 and 240 is the middle grey.
    until(page, lambda: abs(np.median(greys_of(pixels(page))) - 128) < 12)


# axe-core is under the Mozilla Public License and no dependency of ours; whoever has it names it.
if axe := os.environ.get("UPTAKE_AXE"):

    @pytest.mark.parametrize("scheme", ["light", "dark"])
    @pytest.mark.parametrize("width", [400, 1280])
    def test_no_rule_of_accessibility_is_broken(page, case, scheme, width):
        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size({"width": width, "height": 900})
        opened(page, case).reload()  # without the message of having signed in
        ready(page)
        page.evaluate(Path(axe).read_text())
        found = page.evaluate("axe.run()")["violations"]
        assert [(one["id"], [node["html"] for node in one["nodes"]]) for one in found] == []


def test_without_javascript_the_projections_stand_there(browser, case):
    page = opened(browser.new_context(java_script_enabled=False).new_page(), case)
    expect(page.get_by_alt_text("Coronal and sagittal")).to_be_visible()
    expect(page.locator("[data-viewer]")).to_be_hidden()


def test_without_webgl_the_page_says_so(browser, case):
    page = browser.new_page()
    page.add_init_script(
        "const get = HTMLCanvasElement.prototype.getContext;"
        "HTMLCanvasElement.prototype.getContext = function (kind, ...more) {"
        "  return kind === 'webgl2' ? null : get.call(this, kind, ...more); };"
    )
    opened(page, case)
    expect(page.locator("[data-viewer-refused]")).to_contain_text("need WebGL 2")
    expect(page.locator("[data-viewer]")).to_be_hidden()
