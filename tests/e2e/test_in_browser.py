"""As a person does it: sign up, upload, watch, read, cancel, all in Chromium."""

import pytest
from playwright.sync_api import expect

from tests.images import EMPTY_MASK, save_program
from tests.platforms import PASSWORD
from tests.scans import write_challenge

pytestmark = [pytest.mark.docker, pytest.mark.browser, pytest.mark.broker]

CHALLENGE = "in-a-browser"
SECOND = 1000


@pytest.fixture(scope="module")
def challenge(platform, tmp_path_factory):
    platform.person("professor")
    folder = write_challenge(tmp_path_factory.mktemp("b") / "c", slug=CHALLENGE, cases=4)
    platform.run("import-challenge", str(folder), "--organiser", "professor")
    return f"{platform.address}/challenges/{CHALLENGE}/"


def fresh(page):
    """Without JavaScript a page is fetched again by hand."""
    if not page.scripted:
        page.reload()


def until(page, locator, text, seconds=90):
    for _ in range(seconds * 2):
        if text in (locator.first.inner_text() if locator.count() else ""):
            return
        page.wait_for_timeout(500)
        fresh(page)
    raise AssertionError(f"“{text}” did not come: {page.inner_text('main')[:2000]}")


def sign_up(page, platform, name):
    page.goto(f"{platform.address}/accounts/signup/")
    page.fill("[name=username]", name)
    page.fill("[name=password1]", PASSWORD)
    page.fill("[name=password2]", PASSWORD)
    page.click("main form button[type=submit]")
    page.wait_for_url(f"{platform.address}/**")
    expect(page.locator("header")).to_contain_text(name)


def submit(page, challenge, title, archive):
    page.goto(f"{challenge}open/submit/")
    page.fill("[name=title]", title)
    page.set_input_files("[name=image]", archive)
    page.click("main form button[type=submit]")
    page.wait_for_url("**/submissions/*/", timeout=60 * SECOND)


def test_a_developer_uploads_watches_and_reads_scores_while_the_leaderboard_fills(
    page, platform, challenge, tmp_path
):
    name = f"ada-{page.scripted}".lower()
    sign_up(page, platform, name)
    archive = save_program("import time; time.sleep(1)\n" + EMPTY_MASK, tmp_path / "image.tar")
    watcher = page.context.new_page()
    watcher.scripted = page.scripted
    watcher.goto(f"{challenge}open/leaderboard/")
    submit(page, challenge, f"Entry of {name}", archive)
    until(page, page.locator("#state"), "running")
    until(page, page.locator("#state"), "scored")
    rows = page.locator("#cases tbody tr")
    expect(rows).to_have_count(4)
    expect(rows.first).to_contain_text("case-1")
    expect(rows.first).to_contain_text("0.000")
    until(watcher, watcher.locator("#board"), f"Entry of {name}", 30)
    watcher.goto(f"{challenge}open/leaderboard/?sort=algorithm&order=desc")
    expect(watcher.locator("th[aria-sort=descending]")).to_contain_text("Algorithm")


def test_a_developer_cancels(page, platform, challenge, tmp_path):
    sign_up(page, platform, f"bob-{page.scripted}".lower())
    submit(page, challenge, "Slow", save_program("import time; time.sleep(25)", tmp_path / "i.tar"))
    until(page, page.locator("#state"), "running")
    page.get_by_role("button", name="Cancel").click()
    until(page, page.locator("#state"), "cancelled", 10)


def test_an_organiser_sees_every_submission(page, platform, challenge):
    page.goto(f"{platform.address}/accounts/login/?next=/challenges/{CHALLENGE}/submissions/")
    page.fill("[name=login]", "professor")
    page.fill("[name=password]", PASSWORD)
    page.click("main form button[type=submit]")
    page.wait_for_url("**/submissions/")
    expect(page.locator("main")).to_contain_text("Entry of ada-true")
    page.get_by_role("link", name="Entry of ada-true").first.click()
    expect(page.locator("#cases tbody tr")).to_have_count(4)


def test_a_mistake_in_the_form_is_said_and_nothing_is_lost(page, platform, challenge):
    sign_up(page, platform, f"cleo-{page.scripted}".lower())
    page.goto(f"{challenge}open/submit/")
    page.fill("[name=title]", "Kept title")
    page.set_input_files(
        "[name=image]", {"name": "image.tar", "mimeType": "application/x-tar", "buffer": b""}
    )
    if not page.scripted:  # else it is sent as soon as it is chosen
        page.click("main form button[type=submit]")
    expect(page.locator("main")).to_contain_text("empty", timeout=10 * SECOND)
    expect(page.locator("[name=title]")).to_have_value("Kept title")
    page.problems.clear()  # the browser reports the status 422 itself
