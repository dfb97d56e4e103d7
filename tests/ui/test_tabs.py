"""The page in two tabs of one browser."""

from playwright.sync_api import expect

STORY = "Tell a long story about a lighthouse keeper."
ELSEWHERE = "Being written in another tab of this page."


def test_an_answer_is_followed_and_stopped_from_another_tab(open_page):
    writer = open_page(max_tokens=300, seed=3)
    writer.send(STORY)
    writer.wait_tokens(4)
    reader = writer.another_tab()
    expect(reader.answer).to_have_attribute("data-status", "streaming")
    expect(reader.answer).to_contain_text(ELSEWHERE)
    reader.wait_tokens(4)
    seen = reader.texts()
    reader.wait_tokens(len(seen) + 4)
    assert reader.texts()[: len(seen)] == seen
    expect(writer.answer).to_have_attribute("data-status", "streaming")
    expect(writer.answer).not_to_contain_text(ELSEWHERE)

    reader.button("Stop").click()
    for tab in (writer, reader):
        expect(tab.answer).to_have_attribute("data-status", "stopped")
        expect(tab.answer).to_contain_text("Stopped.")
    kept = writer.texts()
    expect(reader.tokens()).to_have_count(len(kept))
    assert reader.texts() == kept
    # With its metrics.
    expect(reader.pick(3)).to_contain_text("Entropy")
    reader.page.keyboard.press("Escape")

    # Either may go on with it; once the one that writes is closed, the other says so.
    writer.button("Continue").click()
    reader.wait_tokens(len(kept) + 3)
    expect(reader.answer).to_contain_text(ELSEWHERE)
    writer.page.close()
    expect(reader.answer).to_have_attribute("data-status", "interrupted")
    expect(reader.answer).to_contain_text("The page was closed while this was being written.")
    begun = reader.texts()
    assert begun[: len(kept)] == kept
    reader.button("Continue").click()
    reader.wait_tokens(len(begun) + 2)
    expect(reader.answer).not_to_contain_text(ELSEWHERE)
    reader.button("Stop").click()


def test_what_one_tab_changes_the_other_shows(open_page):
    first = open_page(max_tokens=6)
    first.ask("Say apple.")
    second = first.another_tab()
    expect(second.questions).to_have_text(["Say apple."])
    first.ask("Say walnut.")
    expect(second.questions).to_have_text(["Say apple.", "Say walnut."])
    second.wait_done()
    assert second.texts() == first.texts()

    # Another version there can be picked here.
    first.answer.hover()
    first.button("Regenerate", first.answer).click()
    first.wait_done()
    expect(second.answer.get_by_role("group", name="Versions")).to_contain_text("/2")

    second.page.get_by_role("link", name="Say apple.").hover()
    second.button("Actions for Say apple.").click()
    second.page.get_by_role("menuitem", name="Rename").click()
    second.page.get_by_role("textbox", name="New name").fill("Fruit")
    second.page.keyboard.press("Enter")
    expect(first.page.get_by_role("link", name="Fruit")).to_be_visible()
    first.page.get_by_role("link", name="Fruit").hover()
    first.button("Actions for Fruit").click()
    first.page.get_by_role("menuitem", name="Delete").click()
    expect(second.page.get_by_text("This conversation was deleted in another tab.")).to_be_visible()
    expect(second.page.get_by_role("heading", name="See where the model hesitates")).to_be_visible()
