"""Another token in the place of one: a new branch that starts alike and goes its own way."""

import re

from playwright.sync_api import expect


def test_fork_from_an_alternative_and_from_typed_text(chat):
    chat.ask()
    original = chat.texts()
    at = 3
    card = chat.pick(at)
    expect(card).to_contain_text(f"token {at + 1}")
    for fact in ("Entropy", "Varentropy", "Attention entropy", "Log-probability", "temperature"):
        expect(card).to_contain_text(fact)
    forks = card.get_by_role("button", name=re.compile("^Fork here with"))
    assert forks.count() >= 3
    chances = [float(n) for n in re.findall(r"([\d.]+) ?%", card.locator("ol").inner_text())]
    assert chances == sorted(chances, reverse=True)

    # An alternative that is a word, so that its text can be found again.
    names = [one.get_attribute("aria-label") for one in forks.all()]
    name = next(name for name in names if re.fullmatch(r"Fork here with \W?[A-Za-z]{2,}", name))
    word = re.search("[A-Za-z]+$", name)[0]
    sent = chat.request_after(lambda: chat.button(name, card).click())
    assert len(sent["prefix_token_ids"]) == at + 1
    assert sent["messages"][-1]["role"] == "user"
    chat.wait_done()
    forked = chat.texts()
    assert forked[:at] == original[:at]
    assert forked[at].strip() == word != original[at].strip()
    expect(chat.answer).to_contain_text("Forked at token 4")
    expect(chat.answer.get_by_role("group", name="Versions")).to_contain_text("2/2")

    # Typed, on the fork itself.
    card = chat.pick(1)
    typed = card.get_by_role("textbox", name="Text to continue with instead of this token")
    typed.fill(" zebra crossing")
    sent = chat.request_after(lambda: typed.press("Enter"))
    assert sent["messages"][-1]["content"] == original[0] + " zebra crossing"
    chat.wait_done()
    assert "".join(chat.texts()).startswith(original[0] + " zebra crossing")
    expect(chat.answer.get_by_role("group", name="Versions")).to_contain_text("3/3")

    # The way back to what it was forked from, with the token in question picked.
    chat.button("Forked at token 2. Show the original", chat.answer).click()
    assert chat.texts() == forked
    expect(chat.tokens().nth(1)).to_have_attribute("data-mark", "")


def test_fork_within_a_character(open_page):
    """An emoji is three tokens here; each may be another one, and the character with it."""
    chat = open_page(max_tokens=8, system_prompt="")
    chat.ask("Write only emoji. 🦊🐑🦊🐑🐑")
    # Cut at its limit within the third; it goes on right there.
    chat.button("Continue").click()
    chat.wait_tokens(9)
    chat.wait_done()
    cut = chat.texts()[:9]
    assert [len(text) for text in cut] == [0, 0, 1] * 3
    assert "\ufffd" not in "".join(cut)
    first = cut[2]

    def fork(at: int) -> tuple[int, list[str]]:
        """Fork the last answer at a token of its first emoji; the byte chosen, and the texts."""
        chat.tab("Tokens").get_by_role("option").nth(at).click()
        names = chat.card.get_by_role("button", name=re.compile(r"^Fork here with \\x..$"))
        name = names.first.get_attribute("aria-label")
        sent = chat.request_after(lambda: chat.button(name, chat.card).click())
        assert len(sent["prefix_token_ids"]) == at + 1
        assert sent["messages"][-1]["role"] == "user"
        chat.wait_done()
        expect(chat.answer).to_contain_text(f"Forked at token {at + 1}")
        return int(name[-2:], 16), chat.texts()

    byte, texts = fork(1)
    assert texts[:2] == ["", ""]
    assert texts[2].encode()[2] == byte != first.encode()[2]
    byte, again = fork(2)
    assert again[:2] == ["", ""]
    assert again[2].encode() == texts[2].encode()[:3] + bytes([byte]) != texts[2].encode()


def test_keys_walk_by_token_and_to_the_next_uncertain_one(open_page):
    chat = open_page(max_tokens=32, seed=2)
    chat.ask("Name a city at random and say why you chose it.")
    tinted = chat.tokens().evaluate_all("all => all.map(one => !!one.querySelector('.token-word'))")
    uncertain = [i for i, one in enumerate(tinted) if one]
    assert 0 < len(uncertain) < len(tinted), "the walk needs sure and unsure tokens"
    marked = chat.answer.locator(".tokens [data-mark]")

    # By Tab to the answer, then by arrows; no pointer anywhere.
    chat.composer.focus()
    tokens = chat.answer.get_by_role("group", name=re.compile("token by token"))
    for _ in range(40):
        chat.page.keyboard.press("Shift+Tab")
        if tokens.evaluate("one => one === document.activeElement"):
            break
    expect(tokens).to_be_focused()
    chat.page.keyboard.press("ArrowRight")
    expect(marked).to_have_attribute("data-i", "0")
    chat.page.keyboard.press("ArrowRight")
    expect(marked).to_have_attribute("data-i", "1")
    later = [i for i in uncertain if i > 1][:3]
    assert later
    for index in later:
        chat.page.keyboard.press("Shift+ArrowRight")
        expect(marked).to_have_attribute("data-i", str(index))
        expect(chat.card).to_be_visible()
        # The list marks the same token.
        rows = chat.page.get_by_role("tabpanel").get_by_role("option", selected=True)
        expect(rows).to_have_attribute("data-i", str(index))
    before = [i for i in uncertain if i < later[-1]]
    chat.page.keyboard.press("Shift+ArrowLeft")
    expect(marked).to_have_attribute("data-i", str((before or later)[-1]))
    chat.page.keyboard.press("Enter")
    expect(chat.card.locator(":focus")).to_be_visible()
    chat.page.keyboard.press("Escape")
    expect(chat.card).to_have_count(0)
    expect(tokens).to_be_focused()
