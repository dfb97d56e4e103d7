"""Answers on several paths: the tree beside the text, and what a click in it does."""

import re

from playwright.sync_api import expect

from tests.ui.test_accessibility import PHONE, check, check_width

QUESTION = "Which is larger, 9.9 or 9.11?"


def paths_of(chat):
    """The panel with the paths of the inspected answer, in the inspector's last tab."""
    panel = chat.page.get_by_role("tabpanel", name="Forks")
    return panel.get_by_role("region", name="Paths of this answer")


def ended(chat):
    """Wait until no path is being written any more; the panel."""
    paths = paths_of(chat)
    expect(paths).to_be_visible()
    expect(paths.get_by_role("button", name="Stop")).to_have_count(0)
    return paths


def text(chat) -> str:
    return "".join(chat.texts())


def test_an_answer_that_forks_and_another_path_made_the_answer_by_a_click(open_page):
    chat = open_page(sampler="auto", max_tokens=20)
    panel = chat.tab("Sampler")
    panel.get_by_role("combobox", name="Forks").select_option("entropy")
    expect(panel.get_by_role("region", name="Forks")).to_contain_text("Where a path divides")
    panel.locator('[data-field="paths"]').get_by_role("textbox").fill("3")
    panel.locator('[data-field="budget"]').get_by_role("textbox").fill("200")
    chat.tab("Forks")
    sent = chat.request_after(lambda: chat.send(QUESTION))
    assert sent["fork"] == {"policy": "entropy", "paths": 3, "budget": 200}

    # What is not settled is beside the text, and below it; never in it.
    writing = chat.answer.get_by_role("list", name="Paths being written")
    expect(writing.get_by_role("listitem").nth(1)).to_be_visible()
    expect(paths_of(chat).locator("[data-path]").nth(1)).to_be_visible()
    expect(paths_of(chat).locator("button[data-path]")).to_have_count(0)
    chat.wait_done()
    expect(writing).to_have_count(0)

    paths = ended(chat)
    expect(paths).to_contain_text(re.compile(r"\d+ paths by entropy, \d+ tokens"))
    votes = paths.get_by_role("list", name="Votes").get_by_role("listitem")
    best = votes.first.inner_text().split()[0]
    expect(chat.answer).to_contain_text(re.compile(rf"of \d+ paths says? {re.escape(best)}"))
    shown = paths.locator('[data-path][aria-current="true"]')
    expect(shown).to_have_count(1)
    expect(shown).to_contain_text(f"says {best}")
    word = shown.locator(".parting").inner_text()
    answer = text(chat)
    assert word in answer

    # Another one: its word, its text, tokens that can be opened; kept through a reload, and told
    # to another tab.
    second = chat.another_tab()
    expect(second.tokens()).to_have_count(chat.tokens().count())
    other = paths.locator("button[data-path]").first
    branch, word = other.get_attribute("data-path"), other.locator(".parting").inner_text()
    other.click()
    shown = paths.locator('[data-path][aria-current="true"]')
    expect(shown).to_have_attribute("data-path", branch)
    swapped = text(chat)
    expect(chat.answer).to_contain_text("you chose ")
    assert word in swapped != answer
    expect(chat.pick(1)).to_contain_text("Entropy")
    expect(second.tokens()).to_have_text(chat.texts())
    second.page.close()
    chat.page.reload()
    expect(shown).to_have_attribute("data-path", branch)
    assert text(chat) == swapped

    # The next message goes on from it; what was answered on it keeps it.
    sent = chat.request_after(lambda: chat.send("Are you sure?"))
    assert sent["messages"][-2] == {"role": "assistant", "content": swapped}
    chat.wait_done()
    chat.answers.first.hover()
    chat.button("Inspect this answer", chat.answers.first).click()
    paths.locator("button[data-path]").first.click()
    expect(chat.answers).to_have_count(1)
    expect(chat.answer.get_by_role("group", name="Versions")).to_contain_text("2/2")
    assert text(chat) != swapped


def test_three_continuations_at_once_from_a_token_on_a_phone(open_page):
    chat = open_page(sampler="normal", max_tokens=12, **PHONE)
    chat.ask(QUESTION)
    answer = chat.texts()
    chat.tokens().nth(2).tap()
    several = chat.card.get_by_role("group", name="Continuations at once")
    several.get_by_text("3", exact=True).tap()
    name = chat.card.get_by_role("button", name=re.compile("^Fork here with")).first
    sent = chat.request_after(name.tap)
    assert (sent["n"], len(sent["prefix_token_ids"])) == (3, 3)
    paths = ended(chat)
    expect(paths).to_contain_text("3 other ways tried")
    # Those that say the same stand together.
    assert 1 <= paths.locator("button[data-path]").count() <= 3
    check_width(chat)
    # The answer is what it was, until one is chosen.
    expect(paths.locator('[data-path][aria-current="true"]')).to_have_attribute("data-path", "0")
    paths.locator("button[data-path]").first.tap()
    chat.page.get_by_role("dialog", name="Inspector").get_by_role("button", name="Close").tap()
    expect(chat.tokens().nth(2)).to_have_attribute("data-forced", "true")
    forked = chat.texts()
    assert forked[:2] == answer[:2]
    assert forked[2] != answer[2]


def test_forks_everywhere_it_hesitated_and_which_change_the_answer(open_page):
    chat = open_page(sampler="auto", max_tokens=16, color_scheme="light")
    chat.ask(QUESTION)
    answer = text(chat)
    chat.tab("Forks")
    paths = paths_of(chat)
    said = paths.get_by_text(re.compile(r"\d+ places? where another token")).inner_text()
    places = int(said.split()[0])
    assert 2 <= places <= 16
    chat.answer.hover()
    chat.button("Fork everywhere it hesitated", chat.answer).click()
    expect(paths.get_by_role("button", name="Stop")).to_be_visible()
    ended(chat)
    tried = paths.locator("button[data-path]")
    expect(tried).to_have_count(places)
    changed = tried.filter(has_text="changed the answer").count()
    same = tried.filter(has_text="same answer").count()
    assert changed + same == places
    assert changed > 0
    summary = f"{places} other ways tried, {changed} changed the answer"
    expect(chat.answer).to_contain_text(summary)
    own = paths.locator('[data-path][aria-current="true"] b').inner_text()
    for one in tried.all():
        claims = "changed the answer" in one.inner_text()
        assert claims == (one.locator("b").inner_text() != own)
    assert text(chat) == answer
    # Pointing at a way marks the place in the text where it left.
    tried.first.hover()
    expect(chat.answer.locator(".tokens [data-mark]")).to_have_count(1)
    # None of these places is tried twice.
    expect(paths.get_by_text(re.compile("At no other token"))).to_be_visible()
    check(chat, "paths")
