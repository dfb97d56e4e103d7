"""Timeline, comparison, map and legend over real answers, and the selection that they share."""

import re

from playwright.sync_api import expect


def test_a_newcomer_is_told_of_one_word_why_it_is_coloured(open_page):
    chat = open_page(max_tokens=24)
    chat.ask("What is the capital of France, and what is it famous for?")
    hint = chat.page.get_by_role("note", name="How to read the colours")
    expect(hint).to_contain_text("because the model saw")
    word = hint.locator(".token-word").text_content()
    chat.button("See all that it weighed", hint).click()
    expect(chat.card).to_contain_text(word)
    # Who has opened a card once knows how.
    expect(hint).to_have_count(0)
    chat.page.reload()
    expect(chat.tokens().nth(3)).to_be_attached()
    expect(hint).to_have_count(0)


def test_one_selection_in_text_list_timeline_and_map(open_page):
    chat = open_page(max_tokens=24, seed=1)
    chat.ask("Name a city at random and say why you chose it.")
    count = len(chat.texts())
    marked = chat.answer.locator(".tokens [data-mark]")

    timeline = chat.tab("Timeline")
    strips = timeline.get_by_role("group", name=re.compile("^Strips"))
    plots = timeline.get_by_role("img")
    expect(plots.first).to_be_visible()
    shown = plots.count()
    for toggle in timeline.get_by_role("group", name="Metrics shown").get_by_role("button").all():
        if toggle.get_attribute("aria-pressed") == "false":
            toggle.click()
    expect(plots).to_have_count(6)
    assert shown < 6

    # Hovering over the strip marks the token in the text, and the other way round.
    box = plots.first.locator(".u-over").bounding_box()
    chat.page.mouse.move(box["x"] + box["width"] - 3, box["y"] + box["height"] / 2)
    expect(marked).to_have_attribute("data-i", str(count - 1))
    chat.page.mouse.move(box["x"] + 3, box["y"] + box["height"] / 2)
    expect(marked).to_have_attribute("data-i", "0")
    chat.tokens().nth(5).hover()
    expect(marked).to_have_attribute("data-i", "5")
    expect(chat.page.get_by_role("tooltip", name="Token 6")).to_be_visible()
    entropy = strips.get_by_role("paragraph").first
    expect(entropy).to_have_text(re.compile(r"^Entropy.* 6$"))

    # Smoothed by default, with the slope read where the pointer is; or raw.
    expect(entropy).to_contain_text(re.compile(r"mean [\d.]+slope −?[\d.]+/token"))
    smoothing = timeline.get_by_role("group", name="Smoothing, in tokens")
    smoothing.get_by_text("off").click()
    expect(entropy).not_to_contain_text("slope")
    smoothing.get_by_text("4").click()
    expect(entropy).to_contain_text("slope")
    expect(plots).to_have_count(6)

    # Keys: plus zooms, arrows walk.
    strips.focus()
    expect(timeline.get_by_role("button", name="Zoom out")).to_be_disabled()
    chat.page.keyboard.press("+")
    expect(timeline.get_by_role("button", name="Zoom out")).to_be_enabled()
    chat.page.keyboard.press("0")
    chat.page.keyboard.press("ArrowRight")
    expect(marked).to_have_count(1)

    quadrants = chat.tab("Map")
    counts = quadrants.get_by_role("button", name=re.compile("FLOWING|ADAPTIVE|EXPLORING"))
    expect(counts.first).to_be_visible()
    drawing = quadrants.get_by_role("group", name=re.compile("^Map of"))
    expect(drawing).to_have_accessible_name(re.compile(f"^Map of {count} tokens"))
    drawing.focus()
    chat.page.keyboard.press("Home")
    expect(marked).to_have_attribute("data-i", "0")

    # Another measure has another legend, and tints by a scale.
    bar = chat.page.get_by_role("combobox", name="Colour tokens by")
    bar.select_option("logits_entropy")
    expect(chat.answer.locator(".token-word.tint").first).to_be_visible()
    expect(chat.page.get_by_role("region", name="Chat")).to_contain_text("bits")


def test_answers_laid_over_each_other(open_page):
    chat = open_page(max_tokens=16, seed=2)
    chat.ask()
    texts = ["".join(chat.texts())]
    phrase = "".join(chat.texts()[:3]).strip()
    chat.answer.hover()
    chat.button("Regenerate").click()
    expect(chat.answer.get_by_role("group", name="Versions")).to_contain_text("2/2")
    chat.wait_done()
    texts.append("".join(chat.texts()))
    # An answer of another conversation, under another sampler.
    chat.button("New").click()
    expect(chat.answers).to_have_count(0)
    chat.tab("Sampler").get_by_role("combobox", name="Sampler").select_option("normal")
    chat.ask("Say hello.")
    texts.append("".join(chat.texts()))

    panel = chat.tab("Timeline")
    panel.get_by_text("Compare").click()
    expect(panel).to_contain_text("Two answers or more")
    panel.get_by_text("Choose others").click()
    choices = panel.get_by_role("group").get_by_role("checkbox")
    expect(choices).to_have_count(3)
    for choice in choices.all():
        choice.check()
    compare = panel.get_by_role("region", name="Compare")
    lines = compare.get_by_role("listitem")
    expect(lines).to_have_count(3)
    plot = compare.get_by_role("img")
    expect(plot).to_have_accessible_name("Entropy of 3 answers, lined up at their start")
    lines.first.get_by_role("checkbox").uncheck()
    expect(plot).to_have_accessible_name("Entropy of 2 answers, lined up at their start")
    lines.first.get_by_role("checkbox").check()
    compare.get_by_label("Line up at").select_option("end")
    expect(plot).to_have_accessible_name("Entropy of 3 answers, lined up at their end")
    compare.get_by_label("Line up at").select_option("phrase")
    compare.get_by_role("textbox", name="Phrase to line up at").fill(phrase)
    having = sum(phrase.lower() in text.lower() for text in texts)
    without = lines.filter(has_text="the phrase does not occur")
    expect(without).to_have_count(3 - having)
    expect(plot).to_have_accessible_name(f"Entropy of {having} answers, lined up at their phrase")
    compare.get_by_label("Measure").select_option("logprob")
    expect(plot).to_have_accessible_name(re.compile("^Log-probability of"))
