"""The page as the tests drive it: by what a person sees, in a browser profile of its own."""

import copy
import json
from collections.abc import Callable

from playwright.sync_api import Browser, ConsoleMessage, Locator, Request, expect

SETTINGS = "entropix.settings"
PROMPT = "What is the capital of France?"
SYSTEM_PROMPT = "Think carefully, then answer briefly and correctly. Say so if you are not sure."
WAIT_MS = 60_000
"""An answer of some dozens of tokens on a machine with other work to do."""

DESK = {"viewport": {"width": 1440, "height": 900}}

_SEED_SETTINGS = """([key, value]) => {
  if (localStorage.getItem(key) === null) localStorage.setItem(key, value);
}"""


class ChatPage:
    """One tab. `max_tokens` and `seed` stand as if they had been chosen on an earlier visit."""

    def __init__(
        self,
        browser: Browser,
        url: str,
        *,
        max_tokens: int = 16,
        seed: int | None = 0,
        sampler: str = "entropix",
        system_prompt: str = SYSTEM_PROMPT,
        **context,
    ):
        self.url = url
        self.context = browser.new_context(**(DESK | context))
        self.context.set_default_timeout(WAIT_MS)
        settings = {"preset": sampler, "overrides": {}, "seed": seed, "maxTokens": max_tokens}
        draft = {"systemPrompt": system_prompt, "sampler": settings}
        stored = json.dumps({"state": {"draft": draft}, "version": 1})
        self.context.add_init_script(f"({_SEED_SETTINGS})({json.dumps([SETTINGS, stored])})")
        self.page = self.context.new_page()
        self.troubles: list[str] = []
        self.offline_expected = False
        self._watch()
        self.page.goto(url)
        expect(self.page.get_by_role("status").filter(has_text="ready")).to_be_visible()

    def _watch(self) -> None:
        def console(message: ConsoleMessage) -> None:
            lost = self.offline_expected and "net::ERR_" in message.text
            if message.type in ("error", "warning") and not lost:
                self.troubles.append(f"console: {message.text}")

        def request(request: Request) -> None:
            if not request.url.startswith((self.url, "data:", "blob:")):
                self.troubles.append(f"asked for {request.url}")

        def dialog(dialog) -> None:
            self.troubles.append(f"dialog: {dialog.message}")
            dialog.dismiss()

        if len(self.context.pages) == 1:
            self.context.on("request", request)
        self.page.on("console", console)
        self.page.on("pageerror", lambda error: self.troubles.append(f"thrown: {error}"))
        self.page.on("dialog", dialog)

    def another_tab(self) -> "ChatPage":
        """The same address in a new tab of the same browser."""
        other = copy.copy(self)
        other.page = self.context.new_page()
        other._watch()
        other.page.goto(self.page.url)
        return other

    # What is on the page

    @property
    def composer(self) -> Locator:
        return self.page.get_by_role("textbox", name="Message", exact=True)

    @property
    def answers(self) -> Locator:
        return self.page.locator('[data-role="assistant"]')

    @property
    def answer(self) -> Locator:
        return self.answers.last

    @property
    def questions(self) -> Locator:
        return self.page.locator('[data-role="user"]')

    def tokens(self, answer: Locator | None = None) -> Locator:
        return (answer or self.answer).locator(".tokens [data-i]")

    def texts(self, answer: Locator | None = None) -> list[str]:
        """The text of each token of an answer, in order."""
        return self.tokens(answer).all_text_contents()

    @property
    def card(self) -> Locator:
        """The card of the token that was picked."""
        return self.page.get_by_role("dialog", name="Token")

    def button(self, name: str, within: Locator | None = None) -> Locator:
        return (within or self.page).get_by_role("button", name=name, exact=True)

    # What a person does

    def send(self, prompt: str = PROMPT) -> None:
        self.composer.fill(prompt)
        # A page that was just opened looks for its server first.
        expect(self.button("Send")).to_be_enabled()
        self.composer.press("Enter")

    def ask(self, prompt: str = PROMPT) -> Locator:
        """Ask and wait for the whole answer."""
        before = self.answers.count()
        self.send(prompt)
        expect(self.answers).to_have_count(before + 1)
        return self.wait_done()

    def wait_done(self, answer: Locator | None = None) -> Locator:
        answer = answer or self.answer
        expect(answer).to_have_attribute("data-status", "done")
        return answer

    def wait_tokens(self, count: int) -> None:
        """Wait until the last answer has `count` tokens at least."""
        expect(self.tokens().nth(count - 1)).to_be_attached()

    def tab(self, name: str) -> Locator:
        """Open a tab of the inspector and return its panel."""
        self.page.get_by_role("tab", name=name).click()
        return self.page.get_by_role("tabpanel", name=name)

    def view(self, name: str) -> None:
        """Show answers as Tokens or as Reading."""
        self.page.get_by_role("group", name="Show answers as").get_by_text(name).click()

    def pick(self, index: int) -> Locator:
        """Click a token of the last answer and return its card."""
        self.tokens().nth(index).click()
        expect(self.card).to_be_visible()
        return self.card

    def request_after(self, action: Callable[[], object]) -> dict:
        """The body of the completion request that `action` sends."""
        with self.page.expect_request("**/v1/chat/completions") as request:
            action()
        return request.value.post_data_json
