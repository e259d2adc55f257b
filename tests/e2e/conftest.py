import pytest
from playwright.sync_api import sync_playwright

from tests.browser import chromium
from tests.platforms import Platform


@pytest.fixture(scope="session")
def platform(tmp_path_factory):
    """One platform for all end-to-end tests; it leaves nothing behind in the engine."""
    running = Platform(tmp_path_factory.mktemp("platform") / "state")
    running.start()
    yield running
    running.stop()
    assert running.left_overs() == []


@pytest.fixture(params=[True, False], ids=["with JavaScript", "without JavaScript"])
def page(request):
    with sync_playwright() as playwright, chromium(playwright) as browser:
        page = browser.new_context(java_script_enabled=request.param).new_page()
        page.problems = []
        page.scripted = request.param
        page.on("pageerror", lambda error: page.problems.append(str(error)))
        page.on(
            "console",
            lambda message: page.problems.append(message.text) if message.type == "error" else None,
        )
        yield page
        assert page.problems == []
