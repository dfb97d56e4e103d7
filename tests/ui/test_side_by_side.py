"""One prompt under two samplers at once."""

from playwright.sync_api import expect


def test_two_samplers_stream_at_once_and_part(open_page):
    chat = open_page(max_tokens=16)
    page = chat.page
    page.get_by_role("navigation").get_by_role("button", name="Side by side").click()
    for side, sampler in (("Left", "frog"), ("Right", "normal")):
        page.get_by_role("combobox", name=f"{side} sampler").select_option(sampler)
        chat.button(f"Change the {side.lower()} sampler").click()
        dialog = page.get_by_role("dialog", name=f"{side} sampler")
        dialog.get_by_role("textbox", name="Longest answer, in tokens").fill("50")
        dialog.get_by_role("textbox", name="Seed").fill("5")
        chat.button("Close", dialog).click()
    sent: list[dict] = []
    page.on("request", lambda one: sent.append(one.post_data_json) if one.post_data else None)
    prompt = "Tell a long story about a city of your choice."
    page.get_by_role("textbox", name="Prompt for both").fill(prompt)
    chat.button("Run both").click()
    expect(chat.answers).to_have_count(2)
    # Both have begun before either has ended.
    for answer in chat.answers.all():
        expect(chat.tokens(answer).first).to_be_attached()
        expect(answer).to_have_attribute("data-status", "streaming")
    for answer in chat.answers.all():
        chat.wait_done(answer)
    assert sorted(body["sampler"] for body in sent) == ["frog", "normal"]
    assert [body["seed"] for body in sent] == [5, 5]
    assert all(body["messages"][-1]["content"] == prompt for body in sent)

    left, right = (chat.texts(answer) for answer in chat.answers.all())
    alike = next(i for i, (a, b) in enumerate(zip(left, right, strict=False)) if a != b)
    summary = page.get_by_role("region", name="Where they parted")
    expect(summary).to_contain_text(
        "They part at the first token" if alike == 0 else f"They share {alike} token"
    )
    expect(summary.get_by_role("row")).to_have_count(3)
    # Its words lead to the tokens.
    summary.get_by_role("button").first.click()
    expect(chat.tokens(chat.answers.first).nth(alike)).to_have_attribute("data-mark", "")
    page.keyboard.press("Escape")

    # It is kept: as a conversation with two branches, and as itself after a reload.
    page.reload()
    expect(chat.answers).to_have_count(2)
    assert chat.texts(chat.answers.first) == left
    assert chat.texts(chat.answers.last) == right
    chat.button("Show as a conversation with two branches").click()
    expect(chat.answers).to_have_count(1)
    expect(chat.answer.get_by_role("group", name="Versions")).to_contain_text("/2")
