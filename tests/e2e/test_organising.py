"""As an organiser does it: from a title and an archive to a published challenge, in Chromium."""

import shutil

import pytest
from playwright.sync_api import expect

from tests.e2e.test_in_browser import sign_up, until
from tests.scans import write_challenge

pytestmark = [pytest.mark.browser, pytest.mark.broker, pytest.mark.docker]
SECOND = 1000
LEFT_EMPTY = ("citations", "public_columns", "questions", "groups_by", "stratum", "subgroups")
"""Where any words would not do."""


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    home = tmp_path_factory.mktemp("data")
    folder = write_challenge(home / "scans", slug="unused", cases=8)
    (folder / "challenge.yaml").unlink()
    return shutil.make_archive(str(home / "scans"), "zip", home, "scans")


def describe(page):
    """Every step in turn, with a few words in each field that is still empty."""
    chosen = {
        "policies.life_cycle": "open",
        "policies.interaction": "automatic",
    }
    for step in range(7):
        expect(page.locator("h1")).to_contain_text(f"step {step + 1} of 7")
        for field in page.locator("main form textarea, main form input[type=text]").all():
            name = field.get_attribute("name") or ""
            if not name.startswith("phase") and field.is_visible() and not field.input_value():
                field.fill("" if name in LEFT_EMPTY else "Some words.")
        for name, value in chosen.items():
            if page.locator(f"[name='{name}']").count():
                page.locator(f"[name='{name}']").select_option(value)
        if page.locator("[name='purpose.categories']").count():
            page.check("[name='purpose.categories'][value=delineation]")
        page.click("button[value=next]")
        assert not page.locator("[role=alert]").count(), page.inner_text("[role=alert]")


def test_a_title_and_an_archive_become_a_published_challenge(page, platform, archive):
    name = f"organiser-{page.scripted}".lower()
    sign_up(page, platform, name)
    page.get_by_role("link", name="Organise", exact=True).click()
    page.get_by_role("link", name="New challenge").click()
    page.fill("[name=title]", f"Walk of {name}")
    page.click("main form button[type=submit]")
    describe(page)
    home = page.url
    expect(page.locator("main")).to_contain_text("1 thing to do")

    page.get_by_role("link", name="Bring data").first.click()
    page.set_input_files("[name=archive]", archive)
    page.click("main form button[type=submit]")
    page.wait_for_url("**/data/*/", timeout=30 * SECOND)
    until(page, page.locator("#import"), "8 complete")
    page.get_by_role("button", name="Import 8 cases").click()
    until(page, page.locator("#import"), "8 of 8 cases")
    until(page, page.locator("#import"), "done")
    page.get_by_role("link", name="Check the data").click()
    page.get_by_role("link", name="case-3").click()
    expect(page.locator("h1")).to_contain_text("case-3")

    page.goto(f"{home}splits/")
    page.check("[name=columns][value=centre]")
    page.fill("[name=shares]", "training = 50\ntest = 50")
    page.get_by_role("button", name="Try").click()
    page.get_by_role("button", name="Store these splits").click()
    expect(page.locator("main")).to_contain_text("The splits are stored.")

    page.goto(f"{home}rehearsal/")
    page.get_by_role("button", name="Rehearse").click()
    until(page, page.locator("#rehearsed"), "Copy of the reference")

    page.goto(f"{home}publish/")
    page.get_by_role("button", name="Freeze and publish").click()
    expect(page.locator("h1")).to_contain_text(f"Walk of {name}")
    expect(page.locator("main")).to_contain_text("8 hidden cases")
    page.get_by_role("link", name="Protocol version 1").click()
    expect(page.locator("main")).to_contain_text("SHA-256")
