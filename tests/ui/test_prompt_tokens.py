"""What the model thought of the prompt, on the page."""

import json
import math

from playwright.sync_api import expect

from .test_tints import STEPS, TINTS, strength


def test_a_switch_shows_the_prompt_s_tokens_tinted_as_an_answer_s_with_their_cards(open_page):
    chat = open_page(max_tokens=3, system_prompt="")
    chat.ask("Name a river, naïvely 🦊.")
    switch = chat.button("Show the prompt's tokens", chat.answer)
    with chat.page.expect_response("**/v1/chat/completions") as response:
        switch.click()
    said = json.loads(response.value.text())["prompt_metrics"]
    prompt = chat.answer.get_by_role("region", name="Prompt")
    tokens = prompt.locator("[data-i]")
    expect(tokens).to_have_count(len(said))
    shown = "".join(tokens.all_text_contents())
    assert "<|im_start|>" in shown
    assert "Name a river, naïvely 🦊." in shown
    tints = tokens.evaluate_all(TINTS)
    assert tints[0] is None
    for token, tint in zip(said[1:], tints[1:], strict=True):
        plain = strength(token) == 0 or token["quadrant"] == "FLOWING"
        assert (tint is None) == plain
        assert plain or tint["t"] == math.ceil(strength(token) * STEPS) / STEPS
    assert any(tints)

    tokens.nth(4).click()
    expect(chat.card).to_contain_text("It was given")
    expect(chat.card.get_by_role("listitem")).to_have_count(6)
    expect(chat.button("Fork", chat.card)).to_have_count(0)
    chat.page.keyboard.press("Escape")
    switch.click()
    expect(prompt).to_have_count(0)
