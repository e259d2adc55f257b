"""A file dropped on the page arrives in parts, and goes on after a closed laptop."""

import pytest
from playwright.sync_api import expect, sync_playwright

from tests.browser import chromium, watched
from tests.e2e.test_in_browser import SECOND, sign_up
from tests.images import EMPTY_MASK, save_program
from tests.platforms import wait_for
from tests.scans import write_challenge

pytestmark = [pytest.mark.docker, pytest.mark.browser, pytest.mark.broker]


@pytest.fixture(scope="module")
def address(platform, tmp_path_factory):
    folder = write_challenge(tmp_path_factory.mktemp("u") / "c", slug="by-parts", cases=2)
    platform.run("import-challenge", str(folder))
    return f"{platform.address}/challenges/by-parts/open/submit/"


@pytest.fixture
def context():
    with sync_playwright() as playwright, chromium(playwright) as browser:
        yield browser.new_context()


def unfinished(platform):
    return platform.rows(
        "SELECT u.received_bytes, u.size_bytes FROM submissions_upload u"
        " LEFT JOIN submissions_algorithmversion v ON v.upload_id = u.id WHERE v.id IS NULL"
    )


def slowly(context, page, bytes_a_second):
    session = context.new_cdp_session(page)
    session.send(
        "Network.emulateNetworkConditions",
        {"offline": False, "latency": 0, "downloadThroughput": -1,
         "uploadThroughput": bytes_a_second},
    )  # fmt: skip


def test_a_file_goes_on_after_a_closed_laptop_and_is_submitted(
    context, platform, address, tmp_path
):
    archive = save_program(EMPTY_MASK, tmp_path / "image.tar")
    page = watched(context.new_page())
    sign_up(page, platform, "grace")
    page.goto(address)
    slowly(context, page, 4_000_000)
    page.set_input_files("[name=image]", archive)
    expect(page.locator(".upload [role=status]")).to_contain_text("left", timeout=30 * SECOND)
    page.close()
    wait_for("a part", lambda: any(0 < got < all_ for got, all_ in unfinished(platform)), 30)
    (got, _), *others = unfinished(platform)
    assert not others

    page = watched(context.new_page())
    page.goto(address)
    expect(page.locator(".arrived")).to_contain_text("Choose the same file again")
    offsets = []
    page.on(
        "request",
        lambda request: (
            request.method == "PATCH" and offsets.append(int(request.headers["upload-offset"]))
        ),
    )
    page.set_input_files("[name=image]", archive)
    page.fill("[name=title]", "After the train")
    page.click("main form button.primary")
    page.wait_for_url("**/submissions/*/", timeout=60 * SECOND)
    assert offsets[0] == got, "nothing was sent twice"
    assert unfinished(platform) == []
    expect(page.locator("h1")).to_contain_text("After the train")
    wait_for("its score", lambda: "scored" in page.locator("#state").inner_text(), 90)
    expect(page).to_have_title("scored: After the train · Uptake")
    assert page.problems == []


def test_what_is_no_image_is_refused_while_it_comes(context, platform, address, tmp_path):
    file = tmp_path / "image.tar"
    file.write_bytes(b"holiday" * 500_000)
    page = context.new_page()
    sign_up(page, platform, "hopper")
    page.goto(address)
    page.set_input_files("[name=image]", file)
    said = page.locator(".upload [role=status]")
    expect(said).to_contain_text("docker save", timeout=30 * SECOND)
    assert unfinished(platform) == []


def test_a_file_that_arrived_is_discarded_or_submitted_later(context, platform, address, tmp_path):
    archive = save_program(EMPTY_MASK, tmp_path / "image.tar")
    page = watched(context.new_page())
    sign_up(page, platform, "lovelace")
    page.goto(address)
    page.set_input_files("[name=image]", archive)
    expect(page.locator(".upload [role=status]")).to_contain_text("arrived", timeout=60 * SECOND)
    page.goto(address)
    page.fill("[name=title]", "Later")
    page.check("[name=upload]")
    page.click("main form button.primary")
    page.wait_for_url("**/submissions/*/", timeout=60 * SECOND)
    page.goto(address)
    page.set_input_files("[name=image]", archive)
    expect(page.locator(".upload [role=status]")).to_contain_text("arrived", timeout=60 * SECOND)
    page.goto(address)
    page.get_by_role("button", name="Discard").click()
    expect(page.locator(".messages")).to_contain_text("discarded")
    assert unfinished(platform) == []
    assert page.problems == []
