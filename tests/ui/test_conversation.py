"""Asking, stopping, asking again, editing, and moving among the versions."""

from playwright.sync_api import expect

from tests.ui.chat_page import PROMPT, SYSTEM_PROMPT


def test_an_answer_streams_as_tokens_and_every_part_of_the_page_knows_it(chat):
    sent = chat.request_after(chat.send)
    assert sent["messages"] == [
        {"role": "system", "content": SYSTEM_PROMPT},
        {"role": "user", "content": PROMPT},
    ]
    assert (sent["sampler"], sent["seed"], sent["max_tokens"]) == ("entropix", 0, 16)
    assert sent["metrics"] is True
    chat.wait_done()

    texts = chat.texts()
    assert 2 < len(texts) <= 16
    names = chat.tokens().evaluate_all("all => all.map(one => one.dataset.name)")
    assert set(names) <= {"FLOWING", "ADAPTIVE", "TREADING", "EXPLORING", "RESAMPLING"}
    expect(chat.answer).to_contain_text(f"{len(texts)} tokens")
    rows = chat.tab("Tokens").get_by_role("option")
    expect(rows).to_have_count(len(texts))

    # The shares under the answer add up, and a press on one lights its tokens.
    shares = chat.answer.get_by_role("group", name="Shares of the quadrants").get_by_role("button")
    counts = [int(one.get_attribute("title").split()[1]) for one in shares.all()]
    assert sum(counts) == len(texts)
    shares.last.click()
    expect(chat.answer.locator(".tokens")).to_have_attribute("data-lit", names_of(shares.last))

    # The other view has the same words, and no tints.
    chat.page.keyboard.press("v")
    expect(chat.tokens()).to_have_count(0)
    expect(chat.answer.locator(".answer")).to_contain_text("".join(texts[:2]).strip())


def names_of(share) -> str:
    return share.get_attribute("title").split(":")[0]


def test_stopped_continued_regenerated_edited_and_all_versions_kept(open_page):
    chat = open_page(max_tokens=400, seed=3)
    chat.send("Tell a long story about a lighthouse keeper.")
    chat.wait_tokens(4)
    expect(chat.answer).to_have_attribute("data-status", "streaming")
    expect(chat.page.get_by_text("tok/s")).to_be_visible()
    chat.button("Stop").click()
    expect(chat.answer).to_have_attribute("data-status", "stopped")
    expect(chat.answer).to_contain_text("Stopped.")
    stopped = chat.texts()
    assert 4 <= len(stopped) < 400

    # The server has let go of it: it has no row left.
    expect(chat.button("Send")).to_be_visible()

    # Continue goes on after the same words, stop again by key.
    sent = chat.request_after(lambda: chat.button("Continue").click())
    assert len(sent["prefix_token_ids"]) == len(stopped)
    assert sent["messages"][-1]["role"] == "user"
    chat.wait_tokens(len(stopped) + 3)
    chat.page.keyboard.press("Escape")
    expect(chat.answer).to_have_attribute("data-status", "stopped")
    continued = chat.texts()
    assert continued[: len(stopped)] == stopped

    set_longest_answer(chat, 8)
    chat.answer.hover()
    sent = chat.request_after(lambda: chat.button("Regenerate").click())
    assert sent["max_tokens"] == 8
    assert sent["seed"] != 3  # the same seed would only repeat it
    chat.wait_done()
    expect(chat.answers).to_have_count(1)
    expect(chat.answer.get_by_role("group", name="Versions")).to_contain_text("2/2")
    again = chat.texts()
    assert len(again) <= 8

    chat.button("Previous version", chat.answer).click()
    expect(chat.tokens()).to_have_count(len(continued))
    assert chat.texts() == continued
    chat.button("Next version", chat.answer).click()
    expect(chat.tokens()).to_have_count(len(again))

    chat.questions.first.hover()
    chat.button("Edit message").click()
    editor = chat.page.get_by_role("textbox", name="Edit your message")
    editor.fill("Name one colour.")
    sent = chat.request_after(lambda: editor.press("Enter"))
    assert [m["content"] for m in sent["messages"][1:]] == ["Name one colour."]
    chat.wait_done()
    question = chat.questions.first
    expect(question).to_contain_text("Name one colour.")
    expect(question.get_by_role("group", name="Versions")).to_contain_text("2/2")
    chat.button("Previous version", question).click()
    expect(chat.questions.first).to_contain_text("lighthouse")
    assert chat.texts() == again

    # The tree of the inspector shows all of it, and leads to any of it.
    tree = chat.tab("Forks")
    expect(tree).to_contain_text("2 branching points")
    tree.get_by_role("button", name="Name one colour.").click()
    expect(chat.questions.first).to_contain_text("Name one colour.")


def set_longest_answer(chat, tokens: int) -> None:
    panel = chat.tab("Sampler")
    panel.get_by_role("textbox", name="Longest answer, in tokens").fill(str(tokens))


def test_conversations_are_listed_searched_renamed_deleted_and_brought_back(open_page):
    chat = open_page(max_tokens=4)
    sidebar = chat.page.get_by_role("navigation", name="Conversations")
    rows = sidebar.get_by_role("listitem")
    for prompt in ("Say apple.", "Say walnut."):
        chat.button("New", sidebar).click()
        expect(chat.answers).to_have_count(0)
        chat.ask(prompt)
    expect(rows).to_have_text(["Say walnut.", "Say apple."])
    sidebar.get_by_role("searchbox").fill("appl")
    expect(rows).to_have_text(["Say apple."])
    sidebar.get_by_role("searchbox").fill("")
    expect(rows).to_have_count(2)

    menu(chat, "Say apple.", "Rename")
    sidebar.get_by_role("textbox", name="New name").fill("Fruit")
    chat.page.keyboard.press("Enter")
    expect(rows.filter(has_text="Fruit")).to_be_visible()
    menu(chat, "Fruit", "Delete")
    expect(rows).to_have_text(["Say walnut."])
    chat.button("Undo").click()
    expect(rows).to_have_count(2)
    expect(chat.questions.first).to_contain_text("Say apple.")

    # The own system prompt goes along from the next message on.
    chat.button("Careful").click()
    dialog = chat.page.get_by_role("dialog", name="System prompt")
    dialog.get_by_role("textbox", name="System prompt").fill("Answer in one word.")
    chat.button("Use from the next message on", dialog).click()
    sent = chat.request_after(lambda: chat.send("And now?"))
    assert sent["messages"][0] == {"role": "system", "content": "Answer in one word."}
    chat.wait_done()


def menu(chat, title: str, item: str) -> None:
    chat.page.get_by_role("link", name=title).hover()
    chat.button(f"Actions for {title}").click()
    chat.page.get_by_role("menuitem", name=item).click()
