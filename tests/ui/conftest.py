import pytest
from playwright.sync_api import expect, sync_playwright

from tests.server.running import running
from tests.ui.building import CHROMIUM_ARGUMENTS, build_page, chromium_path
from tests.ui.chat_page import WAIT_MS, ChatPage

# Playwright waits five seconds; an answer on a busy machine takes longer.
expect.set_options(timeout=WAIT_MS)


@pytest.fixture(scope="session")
def browser():
    with sync_playwright() as playwright:
        path = chromium_path(playwright.chromium.executable_path)
        browser = playwright.chromium.launch(executable_path=path, args=CHROMIUM_ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def dist():
    return build_page()


@pytest.fixture(scope="session")
def ui_server(browser, dist, tmp_path_factory):
    """One server with the built page at its root, for all tests that leave it running."""
    folder = tmp_path_factory.mktemp("ui_server")
    with running(folder / "log", "--ui_dir", str(dist)) as server:
        yield server


@pytest.fixture
def open_page(browser, ui_server):
    """Opens the page with a profile of its own; afterwards nothing may have gone wrong in it.

    Whatever a test does, the page asks no other host for anything, breaks no rule of its content
    policy, throws nothing, and opens no dialog.
    """
    pages: list[ChatPage] = []

    def open_one(url: str | None = None, **options) -> ChatPage:
        page = ChatPage(browser, url or ui_server.url, **options)
        pages.append(page)
        return page

    yield open_one
    troubles = [page.troubles.copy() for page in pages]
    for page in pages:
        page.context.close()
    assert not any(troubles), troubles


@pytest.fixture
def chat(open_page):
    return open_page()
