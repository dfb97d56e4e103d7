"""A conversation of hundreds of messages, every answer with its tokens."""

import json

from playwright.sync_api import expect

from tests.ui.test_keeping import choose

MESSAGES = 300
TOKENS = 40
NUMBERS = {
    "logits_entropy": 2.5,
    "logits_varentropy": 1.5,
    "attention_entropy": 3.0,
    "attention_varentropy": 2.0,
    "agreement": 0.01,
    "interaction_strength": 2.5,
    "logprob": -0.7,
}
DRAW = {"temperature": 0.7, "top_p": 0.9, "top_k": 27, "min_p": 0.03}
SAMPLER = {"preset": "entropix", "overrides": {}, "seed": 1, "maxTokens": 64}


def long_conversation() -> dict:
    messages = []
    for i in range(MESSAGES):
        message = {"id": f"m{i}", "parentId": f"m{i - 1}" if i else None, "created": i + 1}
        if i % 2 == 0:
            message |= {"role": "user", "content": f"Question number {i // 2 + 1}, please."}
        else:
            words = [f" word{i}x{k}" for k in range(TOKENS)]
            message |= {
                "role": "assistant",
                "content": "".join(words),
                "tokens": [token(k, word) for k, word in enumerate(words)],
                "answer": {"status": "done", "finishReason": "stop", "sampler": SAMPLER},
            }
        messages.append(message)
    conversation = {"id": "c", "title": "A long talk", "choices": {}}
    entry = {"conversation": conversation, "messages": messages}
    return {"format": "entropix-conversations", "version": 1, "conversations": [entry]}


def token(index: int, text: str) -> dict:
    quadrant = "EXPLORING" if index % 3 == 0 else "ADAPTIVE"
    alternatives = [{"token": text, "token_id": index, "logprob": -0.7}]
    place = {"position": index, "token_id": index, "token": text, "text": text}
    return NUMBERS | DRAW | place | {"quadrant": quadrant, "alternatives": alternatives}


def test_it_opens_at_its_end_scrolls_to_its_start_and_takes_what_is_typed(chat, tmp_path):
    file = tmp_path / "long.json"
    file.write_text(json.dumps(long_conversation()))
    choose(chat, file)
    expect(chat.page.get_by_text("Imported one conversation.")).to_be_visible()
    expect(chat.tokens()).to_have_count(TOKENS)
    chat.page.reload()

    # At its end; what is far is there as text alone, so that the browser's own search finds it.
    log = chat.page.get_by_role("log", name="Conversation")
    expect(chat.answer).to_be_in_viewport()
    expect(chat.tokens()).to_have_count(TOKENS)
    assert abs(log.evaluate(GAP)) < 2
    expect(chat.answers).to_have_count(MESSAGES // 2)
    expect(chat.tokens(chat.answers.first)).to_have_count(0)
    expect(chat.answers.first).to_contain_text("word1x39")

    # Upwards, the screen stays where it was scrolled to while messages become complete.
    log.hover()
    for _ in range(4):
        chat.page.mouse.wheel(0, -700)
        chat.page.wait_for_timeout(100)
    message, at = chat.page.evaluate(MIDDLE)
    chat.page.wait_for_timeout(400)
    # Whatever the heights above turn out to be; they are rounded to half a pixel.
    now, where = chat.page.evaluate(MIDDLE)
    assert now == message
    assert abs(where - at) < 2

    # Heights above are estimates until they are laid out, so that a first Home may stop short.
    for _ in range(5):
        log.press("Home")
        chat.page.wait_for_timeout(300)
        if log.evaluate("(one) => one.scrollTop") == 0:
            break
    expect(chat.questions.first).to_be_in_viewport()
    expect(chat.tokens(chat.answers.first)).to_have_count(TOKENS)
    chat.button("Latest").click()
    expect(chat.answer).to_be_in_viewport()
    assert abs(log.evaluate(GAP)) < 2

    chat.composer.fill("")
    chat.composer.press_sequentially("Typing goes on.")
    expect(chat.composer).to_have_value("Typing goes on.")
    expect(chat.answer).to_be_in_viewport()


GAP = "(one) => one.scrollHeight - one.scrollTop - one.clientHeight"
MIDDLE = """() => {
  const message = document.elementFromPoint(700, 450).closest('[data-id]');
  return [message?.dataset.id, message?.getBoundingClientRect().top];
}"""
