"""Text that wants to be more than text, from people, from the model, and from files.

`open_page` fails each of these if anything was asked of another host, a dialog came up, or the
content policy had to step in.
"""

import json

import httpx2
import pytest
from playwright.sync_api import expect

from tests.ui.test_keeping import choose

ATTACKS = """<script>alert(1)</script><script src="https://evil.example/x.js"></script>
<img src="x" onerror="alert(2)"><svg onload="alert(3)"></svg><iframe src="https://evil.example/">
</iframe><a href="javascript:alert(4)">raw</a><style>body{display:none}</style>
<form action="https://evil.example/"><button>go</button></form>

![tracked](https://evil.example/pixel.png) [script](javascript:alert(5))
[data](data:text/html;base64,PHNjcmlwdD5hbGVydCg2KTwvc2NyaXB0Pg==) [fine](https://fine.example/a)
<https://evil.example/auto>

$\\href{javascript:alert(7)}{x}$ $\\includegraphics{https://evil.example/y.png}$

```html
<script>alert(8)</script>
```"""

FORBIDDEN = "script, iframe, object, embed, form, style, [onerror], [onload], [srcdoc]"
"""What may not be found inside of a message."""


def check_inert(chat) -> None:
    for message in (chat.questions, chat.answers):
        expect(message.locator(FORBIDDEN)).to_have_count(0)
        expect(message.locator('img[src^="http"], image, link')).to_have_count(0)
    hrefs = chat.page.locator("a[href]").evaluate_all("all => all.map(one => one.href)")
    assert not [href for href in hrefs if href.startswith(("javascript:", "data:"))]
    assert chat.page.evaluate("getComputedStyle(document.body).display") != "none"


def test_in_a_question_and_in_an_answer_forked_to_say_it(open_page):
    chat = open_page(max_tokens=6)
    chat.ask(ATTACKS)
    expect(chat.questions.last).to_contain_text("<script>alert(1)</script>")
    check_inert(chat)
    # A person may make the answer say anything: it goes on from there.
    card = chat.pick(1)
    typed = card.get_by_role("textbox")
    typed.fill(' <img src="https://evil.example/z.png" onerror="alert(9)">')
    typed.press("Enter")
    expect(chat.answer).to_contain_text("Forked at token 2")
    chat.wait_done()
    expect(chat.answer).to_contain_text("<img src=")
    check_inert(chat)
    chat.view("Reading")
    expect(chat.answer).to_contain_text("z.png")
    check_inert(chat)
    # The title of the conversation is that text, too.
    expect(chat.page.get_by_role("link", name="<script>alert(1)")).to_be_visible()


@pytest.mark.parametrize("view", ["Tokens", "Reading"])
def test_in_an_imported_answer(chat, tmp_path, view):
    file = tmp_path / "file.json"
    file.write_text(json.dumps(conversation_of(ATTACKS)))
    choose(chat, file)
    expect(chat.answers).to_have_count(1)
    chat.view(view)
    expect(chat.answer).to_contain_text("alert(8)")
    check_inert(chat)
    if view == "Reading":
        # A link first says where it leads, and leads there in a tab that knows nothing of this one.
        expect(chat.page.locator('main a[href^="http"]')).to_have_count(0)
        chat.answer.get_by_role("button", name="fine").click()
        expect(chat.page.get_by_text("fine.example", exact=True)).to_be_visible()
        fine = chat.page.get_by_role("link", name="Open in a new tab")
        expect(fine).to_have_attribute("href", "https://fine.example/a")
        assert "noopener" in fine.get_attribute("rel")
        assert "noreferrer" in fine.get_attribute("rel")
        expect(chat.answer).to_contain_text("tracked")
        expect(chat.answer.locator(".hljs, pre code")).to_contain_text("alert(8)")
    chat.page.wait_for_timeout(300)  # whatever would load, would have by now


def test_in_the_paths_of_an_answer(chat, tmp_path):
    file = tmp_path / "file.json"
    exported = conversation_of(ATTACKS)
    path = {"at": 0, "index": 0, "count": 1, "scores": {"logprob": -1}, "vote": 1, "tried": True}
    path |= {"finishReason": "stop", "text": ATTACKS, "answer": ATTACKS}
    paths = [path | {"branch": 0, "parent": None, "text": f"No. {ATTACKS}"}]
    paths += [path | {"branch": 1, "parent": 0}]
    vote = {"answer": ATTACKS, "weight": 2, "branches": [0, 1]}
    tree = {"policy": ATTACKS, "score": ATTACKS, "chosen": 0, "shown": 0, "narrowed": 0}
    settings = {"preset": ATTACKS, "overrides": {}, "seed": 0, "maxTokens": 1}
    answer = {"status": "done", "finishReason": "stop", "sampler": settings, "model": ATTACKS}
    answer |= {"error": None, "config": None, "seconds": 1, "fork": None}
    token = {"token": ATTACKS, "text": ATTACKS, "token_id": 1, "position": 1, "quadrant": None}
    message = exported["conversations"][0]["messages"][1]
    message |= {"answer": answer | {"tree": tree | {"paths": paths, "votes": [vote]}}}
    message |= {"paths": [[0, [token]], [1, [token]]]}
    file.write_text(json.dumps(exported))
    choose(chat, file)
    forks = chat.tab("Forks")
    expect(forks.locator("[data-path]")).to_have_count(2)
    forks.locator("button[data-path]").click()
    expect(forks.locator('[data-path="1"]')).to_have_attribute("aria-current", "true")
    expect(chat.answer).to_contain_text("<script>alert(1)</script>")
    check_inert(chat)
    expect(forks.locator(FORBIDDEN)).to_have_count(0)

    message["answer"]["tree"]["paths"][0]["text"] = None
    file.write_text(json.dumps(exported))
    choose(chat, file)
    expect(chat.page.get_by_text("This file is damaged")).to_be_visible()


def conversation_of(text: str) -> dict:
    messages = [
        {"id": "q", "parentId": None, "role": "user", "content": text, "created": 1},
        {"id": "a", "parentId": "q", "role": "assistant", "content": text, "created": 2},
    ]
    conversation = {"id": "c", "title": text, "choices": {}, "systemPrompt": text}
    entry = {"conversation": conversation, "messages": messages}
    return {"format": "entropix-conversations", "version": 1, "conversations": [entry]}


def test_the_served_page_has_a_strict_policy(ui_server):
    response = httpx2.get(ui_server.url + "/")
    policy = dict(
        directive.strip().split(" ", 1)
        for directive in response.headers["content-security-policy"].split(";")
    )
    assert policy["default-src"] == "'self'"
    for directive in ("script-src", "style-src", "connect-src"):
        assert policy.get(directive, policy["default-src"]) == "'self'"
    assert policy["object-src"] == "'none'"
    assert policy["base-uri"] == "'none'"
    assert policy["frame-ancestors"] == "'none'"
    assert policy["img-src"] == "'self' data:"
    assert response.headers["referrer-policy"] == "no-referrer"
    assert response.headers["x-content-type-options"] == "nosniff"
