"""Colour where the model was unsure, as strongly as it was; and what a pointer is shown."""

import json
import math
import re

from playwright.sync_api import expect

STORY = "Write the opening of a story set on a night train."
STEPS = 16
"""Of tint, see ui/src/lib/tint.ts."""


def strength(token: dict) -> float:
    bits = max(token["logits_entropy"], -token["logprob"] / math.log(2))
    return min(1, max(0, (bits - 3.5) / (8 - 3.5)))


def ask(chat) -> list[dict]:
    """Ask for a story and return the metrics of its tokens, as the server sent them."""
    metrics = []

    def pass_on(route) -> None:
        response = route.fetch()
        for event in re.findall(r"^data: (\{.*\})$", response.text(), re.M):
            metrics.extend(json.loads(event).get("metrics") or [])
        route.fulfill(response=response)

    chat.page.route("**/v1/chat/completions", pass_on)
    chat.ask(STORY)
    chat.page.unroute("**/v1/chat/completions")
    return metrics


TINTS = """all => all.map((one) => {
  const word = one.querySelector('.token-word');
  if (!word) return null;
  const style = getComputedStyle(word);
  const t = Number(style.getPropertyValue('--t'));
  const lightness = Number(/^oklab\\(([\\d.]+)/.exec(style.backgroundColor)?.[1]);
  return { q: word.dataset.q, t, lightness };
})"""


def test_a_sure_word_is_plain_and_a_tint_grows_with_uncertainty(open_page):
    chat = open_page(max_tokens=40, seed=1, color_scheme="light")
    metrics = ask(chat)
    tints = chat.tokens().evaluate_all(TINTS)
    assert len(tints) == len(metrics)
    for token, tint in zip(metrics, tints, strict=True):
        if strength(token) == 0 or token["quadrant"] == "FLOWING":
            assert tint is None, token
        else:
            assert tint["q"] == token["quadrant"]
            assert tint["t"] == math.ceil(strength(token) * STEPS) / STEPS
    plain = [t for t, tint in zip(metrics, tints, strict=True) if tint is None]
    assert any(token["quadrant"] != "FLOWING" for token in plain), "sure whatever the quadrant"

    shown = sorted((t["t"], t["lightness"]) for t in tints if t and t["q"] == "EXPLORING")
    assert shown[0][0] < shown[-1][0], "the story needs words less and more unsure"
    assert shown == sorted(shown, key=lambda one: -one[1]), "less sure, darker on white"


def test_without_quadrants_the_text_is_tinted_by_itself(open_page):
    chat = open_page(max_tokens=20, seed=1, sampler="normal")
    metrics = ask(chat)
    colour = chat.page.get_by_role("combobox", name="Colour tokens by")
    expect(colour).to_have_value("uncertainty")
    expect(colour.get_by_role("option", name="Quadrant")).to_be_disabled()
    tints = chat.tokens().evaluate_all(TINTS)
    assert [tint is not None for tint in tints] == [strength(token) > 0 for token in metrics]
    assert {tint["q"] for tint in tints if tint} == {"NONE"}
    # Another answer with quadrants has them again.
    chat.tab("Sampler").get_by_role("combobox", name="Sampler").select_option("entropix")
    chat.ask("What is the opposite of hot?")
    expect(colour).to_have_value("quadrant")


def test_a_preview_leaves_its_line_alone_and_opens_for_a_moving_pointer_only(open_page):
    chat = open_page(max_tokens=60, seed=1, viewport={"width": 1000, "height": 660})
    page = chat.page
    preview = page.get_by_role("tooltip", name="Token")
    chat.send(STORY)
    chat.wait_tokens(1)

    # A pointer that rests where text will come.
    first = chat.tokens().first.bounding_box()
    line = chat.answer.locator(".tokens").evaluate(
        "one => parseFloat(getComputedStyle(one).lineHeight)"
    )
    x, y = first["x"] + 60, first["y"] + first["height"] / 2 + 2 * line
    page.mouse.move(x, y)
    under = "([x, y]) => !!document.elementFromPoint(x, y)?.closest('.tokens [data-i]')"
    assert not page.evaluate(under, [x, y])
    page.wait_for_function(under, arg=[x, y], timeout=60_000)
    page.wait_for_timeout(400)
    expect(preview).to_have_count(0)
    page.mouse.move(x + 2, y)
    expect(preview).to_be_visible()
    chat.wait_done()

    # Below its line or above it, and over nothing else of it.
    for token in (chat.tokens().first, chat.tokens().nth(30), chat.tokens().last):
        token.hover()
        index = int(token.get_attribute("data-i"))
        shown = page.get_by_role("tooltip", name=f"Token {index + 1}:")
        expect(shown).to_be_visible()
        line, box = token.bounding_box(), shown.bounding_box()
        above = box["y"] + box["height"] <= line["y"]
        assert above or box["y"] >= line["y"] + line["height"]
        # The likeliest first, then one line for the rest.
        assert re.match(r"(?s).*?\d\s?%.*Entropy [\d.]+\sbits · \w+", shown.inner_text())

    # What is scrolled away from under the pointer is not pointed at.
    page.mouse.wheel(0, -40)
    expect(preview).to_have_count(0)

    # A click pins all of it; it stays when the pointer leaves, and Escape closes it.
    card = chat.pick(3)
    page.mouse.move(5, 5)
    expect(card).to_contain_text("Attention entropy")
    page.keyboard.press("Escape")
    expect(card).to_have_count(0)
