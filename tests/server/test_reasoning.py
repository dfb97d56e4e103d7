"""What a model thinks before it answers, through the API; the application is asked in place."""

import asyncio
import json

import httpx2
import pytest

from mlx_entropix.server import async_engine
from mlx_entropix.server.app import create_app
from mlx_entropix.server.async_engine import AsyncEngine
from mlx_entropix.server.settings import Settings

ASK = {
    "messages": [{"role": "user", "content": "Say it."}],
    "sampler": "normal",
    "temperature": 0,
    "max_tokens": 12,
}


@pytest.fixture
def post(thinking, monkeypatch):
    """Send bodies to a server whose model thinks; the answers come in their order."""
    monkeypatch.setattr(async_engine, "load_from", lambda *_, **__: thinking)

    async def answers(bodies):
        settings = Settings()
        engine = AsyncEngine(settings)
        engine.start()
        await engine.loaded.wait()
        transport = httpx2.ASGITransport(app=create_app(settings, engine))
        async with httpx2.AsyncClient(
            transport=transport, base_url="http://localhost/v1", timeout=120
        ) as client:
            return [await client.post("/chat/completions", json={**ASK, **b}) for b in bodies]

    return lambda *bodies: asyncio.run(answers(bodies))


def deltas(response):
    """What the chunks of a stream add."""
    lines = [line[6:] for line in response.text.splitlines() if line.startswith("data: {")]
    return [choice["delta"] for line in lines for choice in json.loads(line)["choices"]]


def test_thoughts_are_told_apart_from_the_answer(post):
    whole, stream, off, wrong = post(
        {},
        {"stream": True},
        {"chat_template_kwargs": {"enable_thinking": False}},
        {"chat_template_kwargs": {"enable_thoughts": True}},
    )
    message = whole.json()["choices"][0]["message"]
    assert (message["content"], message["reasoning_content"]) == ("two", "one")
    assert whole.json()["usage"]["completion_tokens_details"]["reasoning_tokens"] == 4
    assert [m.get("reasoning") for m in whole.json()["metrics"]] == [True] * 4 + [None] * 2

    added = deltas(stream)
    assert added[1] == {"reasoning_content": "one"}
    assert "".join(delta.get("content", "") for delta in added) == "two"

    assert "reasoning_content" not in off.json()["choices"][0]["message"]
    assert wrong.status_code == 400
    assert wrong.json()["error"]["param"] == "chat_template_kwargs"
    assert "no variable 'enable_thoughts'" in wrong.json()["error"]["message"]


def test_a_prefix_of_thoughts_is_told_as_such(post, thinking):
    ids = thinking[1].encode("one</think>tw", add_special_tokens=False)
    (stream,) = post({"stream": True, "prefix_token_ids": ids})
    assert deltas(stream)[0] == {"role": "assistant", "content": "tw", "reasoning_content": "one"}
