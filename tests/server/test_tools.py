"""Tools through the API: offered, called, answered; the application is asked in place."""

import asyncio
import json

import httpx2
import pytest

from mlx_entropix.server import async_engine
from mlx_entropix.server.app import create_app
from mlx_entropix.server.async_engine import AsyncEngine
from mlx_entropix.server.settings import Settings
from mlx_entropix.text import Tokenizer

ADD = {"type": "function", "function": {"name": "add", "parameters": {"type": "object"}}}
ASK = {
    "messages": [{"role": "user", "content": "Add."}],
    "tools": [ADD],
    "sampler": "normal",
    "temperature": 0,
    "max_tokens": 32,
}
CALL = '<tool_call>{"name": "add", "arguments": {"a": 2}}</tool_call>'
BEGUN = CALL[: CALL.index(" 2}}")]
CALLED = [("add", '{"a": 2}')]


@pytest.fixture(scope="module")
def calling(bundled):
    """The bundled model under a chat template whose example it repeats: a word, then a call."""
    model, tokenizer = bundled
    turn = "<|im_start|>user\nAdd.<|im_end|>\n<|im_start|>assistant\n"
    template = (
        "{% if tools %}{{ tools | length }} tools. {% endif %}"
        "{% for m in messages %}{% for tool_call in m.tool_calls or [] %}{{ tool_call.name }}"
        "{% endfor %}{% endfor %}" + f"{turn}Well.\n{CALL}<|im_end|>\n{turn}" + "{{ '' }}"
    )
    return model, Tokenizer(
        tokenizer.backend,
        special_tokens={},
        eos_token_ids=tokenizer.eos_token_ids,
        chat_template=template,
    )


@pytest.fixture
def post(calling, monkeypatch):
    """Send bodies to a server whose model calls a tool; the answers come in their order.

    Most begin within the call, as only what comes after that has to be made.
    """
    monkeypatch.setattr(async_engine, "load_from", lambda *_, **__: calling)
    begun = {"prefix_token_ids": calling[1].encode("Well.\n" + BEGUN, add_special_tokens=False)}

    async def answers(bodies):
        settings = Settings()
        engine = AsyncEngine(settings)
        engine.start()
        await engine.loaded.wait()
        transport = httpx2.ASGITransport(app=create_app(settings, engine))
        async with httpx2.AsyncClient(
            transport=transport, base_url="http://localhost/v1", timeout=120
        ) as client:
            posts = [client.post("/chat/completions", json=ASK | begun | b) for b in bodies]
            return await asyncio.gather(*posts)

    return lambda *bodies: asyncio.run(answers(bodies))


def chunks(response):
    return [json.loads(line[6:]) for line in response.text.splitlines() if line[6:7] == "{"]


def called(message):
    calls = message.get("tool_calls", [])
    return [(call["function"]["name"], call["function"]["arguments"]) for call in calls]


def test_a_call_is_no_part_of_the_text_and_each_of_its_tokens_has_metrics(post):
    whole, stream, two, fork = post(
        {"prefix_token_ids": None},
        {"stream": True, "logprobs": True},
        {"n": 2},
        {"fork": {"policy": "independent", "paths": 2}},
    )
    (choice,) = whole.json()["choices"]
    assert choice["finish_reason"] == "tool_calls"
    assert choice["message"]["content"] == "Well."
    assert called(choice["message"]) == CALLED
    assert len(whole.json()["metrics"]) == whole.json()["usage"]["completion_tokens"]

    parts = chunks(stream)
    deltas = [part["choices"][0]["delta"] for part in parts]
    assert "".join(delta.get("content") or "" for delta in deltas) == "Well."
    (calls,) = [delta["tool_calls"] for delta in deltas if "tool_calls" in delta]
    assert [(call["index"], call["type"]) for call in calls] == [(0, "function")]
    assert called({"tool_calls": calls}) == CALLED
    assert parts[-1]["choices"][0]["finish_reason"] == "tool_calls"
    tokens = [part for part in parts if "metrics" in part]
    assert all(len(part["choices"][0]["logprobs"]["content"]) == 1 for part in tokens)

    for answer in (*two.json()["choices"], *fork.json()["choices"]):
        assert called(answer["message"]) == CALLED


def test_a_call_alone_has_no_content_and_one_that_is_cut_off_is_content(post, calling):
    alone, cut, stopped, none, one = post(
        {"prefix_token_ids": calling[1].encode(BEGUN)},
        {"max_tokens": 3},
        {"stop": "2}"},
        {"tool_choice": "none"},
        {"parallel_tool_calls": False},
    )
    assert alone.json()["choices"][0]["message"]["content"] is None
    for answer in (alone, one):
        assert called(answer.json()["choices"][0]["message"]) == CALLED
    for answer, reason in ((cut, "length"), (stopped, "stop"), (none, "stop")):
        (choice,) = answer.json()["choices"]
        assert choice["finish_reason"] == reason
        assert choice["message"]["content"].startswith(f"Well.\n{BEGUN}")
        assert "tool_calls" not in choice["message"]
    assert none.json()["usage"]["prompt_tokens"] < one.json()["usage"]["prompt_tokens"]
