"""Every screen in both themes under axe, and by keyboard, on a desk and on a phone.

Tabs are the same elements on both, so a phone has them in one theme.
"""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
STANDARD = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    "resultTypes": ["violations"],  # of what is in order, a count will do
}
# The border to drag lies between two landmarks, and belongs to neither.
WHERE = {"exclude": [["[role=separator]"]]}
RUN = """async ([where, standard]) => {
  const { passes, violations } = await axe.run(where, standard);
  return { passes: passes.length, violations };
}"""


def check(chat, screen: str) -> None:
    """Nothing on the screen breaks a rule, in the theme that it has and then in the other."""
    check_theme(chat, screen)
    wear(chat, "light" if theme_of(chat) == "dark" else "dark")
    check_theme(chat, screen)


def check_theme(chat, screen: str) -> None:
    settle(chat)
    if not chat.page.evaluate("'axe' in window"):
        chat.page.evaluate(Axe().axe_script)
    found = chat.page.evaluate(RUN, [WHERE, STANDARD])
    assert found["passes"] > 20, "axe found nothing to look at"
    faults = [
        f"{violation['id']}: {node['html'][:160]} — {node['failureSummary']}"
        for violation in found["violations"]
        for node in violation["nodes"]
    ]
    assert not faults, f"{screen}, {theme_of(chat)}:\n" + "\n".join(faults)


def theme_of(chat) -> str:
    """The theme by what is seen, the page's background."""
    background = chat.page.evaluate("getComputedStyle(document.body).backgroundColor")
    return "light" if sum(map(int, re.findall(r"\d+", background)[:3])) > 384 else "dark"


def wear(chat, theme: str) -> None:
    """Change to a theme as the system does in the evening, with the screen as it is."""
    chat.page.emulate_media(color_scheme=theme)
    expect(chat.page.locator("html")).to_have_attribute("data-theme", theme)
    settle(chat)
    assert theme_of(chat) == theme


def settle(chat) -> None:
    """Wait for the transitions to end: text that is still fading in has no contrast."""
    chat.page.wait_for_function(
        "() => document.getAnimations().every((one) => one.playState !== 'running')"
    )


def test_every_screen_on_a_desk(open_page):
    chat = open_page(max_tokens=24, seed=1, color_scheme="light")
    page = chat.page
    expect(page.get_by_role("heading", name="See where the model hesitates")).to_be_visible()
    assert theme_of(chat) == "light"
    check(chat, "empty")
    page.keyboard.press("Tab")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="How to read this page")).to_be_visible()
    check(chat, "help")
    page.keyboard.press("Escape")

    chat.ask("Name a city at random and say why you chose it.")
    chat.answer.hover()
    for tab in ("Tokens", "Timeline", "Map", "Sampler", "Forks"):
        expect(chat.tab(tab)).not_to_contain_text("Opening…")
        check(chat, tab)
    chat.tab("Timeline").get_by_text("Compare").click()
    check(chat, "compare")
    for colour in ("logits_entropy", "logprob"):
        page.get_by_role("combobox", name="Colour tokens by").select_option(colour)
        check(chat, f"coloured by {colour}")
    chat.pick(3)
    check(chat, "card")
    page.keyboard.press("Escape")
    chat.view("Reading")
    check(chat, "reading")
    chat.button("Careful").click()
    check(chat, "system prompt")
    page.keyboard.press("Escape")
    chat.questions.first.hover()
    chat.button("Edit message").click()
    check(chat, "editing")
    page.keyboard.press("Escape")
    page.get_by_role("navigation").get_by_role("button", name="Side by side").click()
    expect(page.get_by_role("textbox", name="Prompt for both")).to_be_visible()
    check(chat, "side by side")


def test_every_screen_on_a_phone(open_page):
    chat = open_page(max_tokens=24, seed=1, color_scheme="dark", **PHONE)
    page = chat.page
    assert theme_of(chat) == "dark"
    check_width(chat)
    chat.ask("Name a city at random and say why you chose it.")
    check_width(chat)
    check(chat, "chat")

    # A tap opens a token's card, a sheet from below that leaves the token's line to be read.
    for token in (chat.tokens().last, chat.tokens().nth(3)):
        token.tap()
        expect(chat.card).to_be_visible()
        settle(chat)
        box, line = chat.card.bounding_box(), token.bounding_box()
        assert (box["x"], box["width"]) == (0, 390)
        assert box["y"] + box["height"] == pytest.approx(844, abs=1)
        assert line["y"] + line["height"] <= box["y"]
    check(chat, "card")
    page.keyboard.press("Escape")
    expect(chat.card).to_have_count(0)
    token.tap()
    chat.button("Close", chat.card).tap()

    # The inspector is a sheet from below; the conversations, a drawer.
    chat.button("Inspector").tap()
    sheet = page.get_by_role("dialog", name="Inspector")
    settle(chat)
    assert sheet.bounding_box()["y"] + sheet.bounding_box()["height"] == pytest.approx(844, abs=2)
    for tab in ("Tokens", "Timeline", "Map", "Sampler", "Forks"):
        expect(chat.tab(tab)).not_to_contain_text("Opening…")
        check_width(chat)
        check_theme(chat, f"sheet {tab}")
    chat.button("Close", sheet).tap()
    chat.button("Conversations").tap()
    drawer = page.get_by_role("dialog", name="Conversations")
    expect(drawer.get_by_role("link", name="Name a city")).to_be_visible()
    check(chat, "drawer")
    drawer.get_by_role("button", name="Side by side").tap()
    expect(drawer).to_have_count(0)
    expect(page.get_by_role("textbox", name="Prompt for both")).to_be_visible()
    check_width(chat)
    check_theme(chat, "side by side")


def check_width(chat) -> None:
    """Nothing may stick out to the side, of the page or of a box that scrolls down only."""
    wide = chat.page.evaluate(
        """() => [document.documentElement, ...document.querySelectorAll('body *')]
          .filter((one) => one.scrollWidth > one.clientWidth + 1 && one.clientWidth > 0)
          .filter((one) => ['auto', 'scroll'].includes(getComputedStyle(one).overflowY)
            || one === document.documentElement)
          .filter((one) => !['TEXTAREA', 'PRE'].includes(one.tagName))
          .map((one) => `${one.outerHTML.slice(0, 120)} ${one.scrollWidth} > ${one.clientWidth}`)"""
    )
    assert wide == []


def test_nothing_moves_for_a_person_who_asked_for_that(open_page):
    chat = open_page(max_tokens=40, reduced_motion="reduce")
    chat.send()
    chat.wait_tokens(1)
    moving = """() => document.getAnimations({ subtree: true })
      .filter((one) => one.effect.getComputedTiming().duration > 1).length"""
    assert chat.page.evaluate(moving) == 0
    chat.page.keyboard.press("Escape")
    chat.page.keyboard.press("Tab")
    chat.page.keyboard.press("?")
    expect(chat.page.get_by_role("dialog", name="How to read this page")).to_be_visible()
    assert chat.page.evaluate(moving) == 0


def test_the_text_stays_where_it_is_while_an_answer_streams(open_page):
    chat = open_page(max_tokens=60, seed=1)
    chat.page.evaluate(
        """() => {
          window.shifts = [];
          const shifted = (list) => window.shifts.push(...list.getEntries().map((e) => e.value));
          new PerformanceObserver(shifted).observe({ type: 'layout-shift' });
        }"""
    )
    chat.send("Name a city at random and say why you chose it.")
    chat.wait_tokens(1)
    chat.page.evaluate("() => { window.shifts.length = 0 }")
    first = chat.tokens().first.bounding_box()
    chat.wait_tokens(12)
    assert chat.tokens().first.bounding_box() == first
    assert sum(chat.page.evaluate("window.shifts")) < 0.01


def test_with_the_keyboard_alone(open_page):
    chat = open_page(max_tokens=6)
    page = chat.page
    page.keyboard.press("Control+Shift+O")
    expect(chat.composer).to_be_focused()
    page.keyboard.type("Say hello.")
    page.keyboard.press("Shift+Enter")
    page.keyboard.type("And goodbye.")
    page.keyboard.press("Enter")
    chat.wait_done()
    expect(chat.questions.first).to_contain_text("Say hello.\nAnd goodbye.", use_inner_text=True)
    for number, tab in enumerate(("Tokens", "Timeline", "Map", "Sampler", "Forks"), 1):
        page.keyboard.press(f"Alt+{number}")
        expect(page.get_by_role("tabpanel", name=tab)).to_be_visible()
    page.keyboard.press("Control+b")
    expect(page.get_by_role("navigation", name="Conversations")).to_have_count(0)
    page.keyboard.press("Control+k")
    expect(page.get_by_role("searchbox", name="Search conversations")).to_be_focused()
    page.keyboard.press("Control+.")
    expect(page.get_by_role("tabpanel")).to_have_count(0)
    page.get_by_role("log", name="Conversation").focus()
    page.keyboard.press("/")
    expect(chat.composer).to_be_focused()
