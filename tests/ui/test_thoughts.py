"""What a model thought before its answer, on the page."""

import json
import re

from playwright.sync_api import expect

THOUGHT = 4
"""So many of the first tokens are made thoughts on their way: the bundled model has none."""


def as_thoughts(route) -> None:
    left = THOUGHT

    def turn(event: re.Match) -> str:
        nonlocal left
        chunk = json.loads(event[1])
        if left and chunk.get("metrics"):
            left -= 1
            chunk["metrics"][0]["reasoning"] = True
            delta = chunk["choices"][0]["delta"]
            delta["reasoning_content"] = delta.pop("content")
        return "data: " + json.dumps(chunk)

    response = route.fetch()
    body = re.sub(r"^data: (\{.*\})$", turn, response.text(), flags=re.M)
    route.fulfill(response=response, body=body)


def test_thoughts_are_folded_above_the_answer_and_their_tokens_have_cards(chat):
    chat.page.route("**/v1/chat/completions", as_thoughts)
    chat.ask()
    fold = chat.button("Thoughts · 4 tokens")
    expect(fold).to_have_attribute("aria-expanded", "false")
    answer = "".join(chat.texts())
    fold.click()
    thoughts = chat.answer.get_by_role("region", name="Thoughts").locator("[data-i]")
    expect(thoughts).to_have_count(THOUGHT)
    assert "".join(thoughts.all_text_contents())
    thoughts.nth(1).click()
    expect(chat.card).to_be_visible()
    expect(chat.card).to_have_count(1)
    chat.page.keyboard.press("Escape")
    # They stay what they are over a reload, and are no part of what is copied and sent again.
    chat.page.reload()
    chat.view("Reading")
    expect(chat.button("Thoughts · 4 tokens")).to_be_visible()
    chat.page.unroute("**/v1/chat/completions")
    sent = chat.request_after(lambda: chat.send("Thank you."))
    assert sent["messages"][-2]["content"] == answer
