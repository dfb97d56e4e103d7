"""The API's documentation in a browser: whole, offline, and within the policy of all pages."""

from playwright.sync_api import expect

from tests.ui.chat_page import WAIT_MS


def test_the_documentation_asks_nobody_else_and_its_example_runs(browser, ui_server):
    troubles, asked = [], []
    context = browser.new_context()
    context.set_default_timeout(WAIT_MS)
    page = context.new_page()
    context.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: troubles.append(message.text))
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.goto(ui_server.url + "/docs")
    for path in ("/v1/chat/completions", "/v1/completions", "/v1/models", "/health", "/metrics"):
        expect(page.get_by_text(path, exact=True)).to_be_visible()

    chat = page.locator(".opblock", has_text="Answer a chat")
    chat.locator(".opblock-summary-control").click()
    for status in ("200", "400", "401", "404", "413", "429", "500", "503"):
        expect(chat.locator(".responses-table tr.response", has_text=status).first).to_be_visible()
    chat.get_by_role("button", name="Try it out").click()
    chat.get_by_role("button", name="Execute").click()
    answer = chat.locator(".live-responses-table tr.response", has_text="200")
    expect(answer).to_contain_text("chat.completion")
    expect(answer).to_contain_text("logits_varentropy")

    context.close()
    assert not troubles
    assert not [url for url in asked if not url.startswith((ui_server.url + "/", "data:"))]
