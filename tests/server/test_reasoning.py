"""What a model thinks before it answers, through the API; the application is asked in place."""

import asyncio
import json

import pytest

from mlx_entropix.server import async_engine
from tests.server.running import in_place

ASK = {
    "messages": [{"role": "user", "content": "Say it."}],
    "sampler": "normal",
    "temperature": 0,
    "max_tokens": 12,
}


@pytest.fixture
def ask(thinking, monkeypatch):
    """Send bodies to paths of a server whose model thinks; the answers come in their order."""
    monkeypatch.setattr(async_engine, "load_from", lambda *_, **__: thinking)

    async def answers(requests):
        async with in_place() as client:
            return [await client.post(path, json=body) for path, body in requests]

    return lambda *requests: asyncio.run(answers(requests))


@pytest.fixture
def post(ask):
    """The same with chats."""
    return lambda *bodies: ask(*(("/chat/completions", {**ASK, **body}) for body in bodies))


def deltas(response):
    """What the chunks of a stream add."""
    lines = [line[6:] for line in response.text.splitlines() if line.startswith("data: {")]
    return [choice["delta"] for line in lines for choice in json.loads(line)["choices"]]


def test_thoughts_are_told_apart_from_the_answer(post):
    whole, stream, off, no_effort, hidden, hidden_stream, wrong = post(
        {},
        {"stream": True},
        {"chat_template_kwargs": {"enable_thinking": False}},
        {"reasoning_effort": "none"},
        {"include_reasoning": False},
        {"include_reasoning": False, "stream": True},
        {"chat_template_kwargs": {"enable_thoughts": True}},
    )
    message = whole.json()["choices"][0]["message"]
    assert (message["content"], message["reasoning_content"]) == ("two", "one")
    assert whole.json()["usage"]["completion_tokens_details"]["reasoning_tokens"] == 4
    assert [m.get("reasoning") for m in whole.json()["metrics"]] == [True] * 4 + [None] * 2

    added = deltas(stream)
    assert added[1] == {"reasoning_content": "one"}
    assert "".join(delta.get("content", "") for delta in added) == "two"

    for silent in (off, no_effort, hidden):
        assert "reasoning_content" not in silent.json()["choices"][0]["message"]
    assert no_effort.json()["usage"]["prompt_tokens"] == off.json()["usage"]["prompt_tokens"]
    assert hidden.json()["usage"]["completion_tokens"] == 6
    assert [text for delta in deltas(hidden_stream) for text in delta.values() if text] == [
        "assistant",
        "two",
    ]
    assert wrong.status_code == 400
    assert wrong.json()["error"]["param"] == "chat_template_kwargs"
    assert "no variable 'enable_thoughts'" in wrong.json()["error"]["message"]


def test_a_prefix_of_thoughts_is_told_as_such(post, thinking):
    ids = thinking[1].encode("one</think>tw", add_special_tokens=False)
    (stream,) = post({"stream": True, "prefix_token_ids": ids})
    assert deltas(stream)[0] == {"role": "assistant", "content": "tw", "reasoning_content": "one"}


def test_other_apis_have_thoughts_as_an_item_and_as_a_block(ask):
    how = {"sampler": "normal", "temperature": 0}
    responses = how | {"input": "Say it.", "max_output_tokens": 12}
    messages = how | {"messages": ASK["messages"], "max_tokens": 12}
    item, summary, item_streamed, block, block_streamed, off = ask(
        ("/responses", responses | {"top_logprobs": 1}),
        ("/responses", responses | {"reasoning": {"summary": "auto"}}),
        ("/responses", responses | {"stream": True}),
        ("/messages", messages),
        ("/messages", messages | {"stream": True}),
        ("/messages", messages | {"thinking": {"type": "disabled"}}),
    )
    thoughts, message = item.json()["output"]
    assert thoughts["content"] == [{"type": "reasoning_text", "text": "one"}]
    (part,) = message["content"]
    assert part["text"] == "two"
    assert [token["token"] for token in part["logprobs"]] == ["two", "<|im_end|>"]
    (sentence,) = summary.json()["output"][0]["summary"]
    assert sentence == {"type": "summary_text", "text": "one"}
    assert "event: response.reasoning_text.delta" in item_streamed.text
    last = json.loads(item_streamed.text.rpartition("data: ")[2])["response"]
    assert last["output"][0]["content"] == thoughts["content"]
    assert last["output"][1]["content"][0]["text"] == "two"

    thoughts, text = block.json()["content"]
    assert (thoughts["thinking"], text["text"]) == ("one", "two")
    assert block.json()["usage"]["output_tokens_details"]["thinking_tokens"] == 4
    assert '"delta":{"type":"thinking_delta","thinking":"one"}' in block_streamed.text
    assert [block["type"] for block in off.json()["content"]] == ["text"]
