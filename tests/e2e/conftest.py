import pytest
from playwright.sync_api import sync_playwright

from tests.browser import chromium, watched
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
        page = watched(browser.new_context(java_script_enabled=request.param).new_page())
        page.scripted = request.param
        yield page
        assert page.problems == []
