"""Tools through the API: offered, called, answered; the application is asked in place."""

import asyncio
import json

import pytest

from mlx_entropix.server import async_engine
from mlx_entropix.text import Tokenizer
from tests.server.running import in_place

NUMBERS = {
    "type": "object",
    "properties": {"a": {"$ref": "#/$defs/digit"}},
    "required": ["a"],
    "$defs": {"digit": {"enum": [7, 8]}},
}
WRONG = {"function": {"name": "other", "parameters": {"type": "object", "properties": {"a": 3}}}}
CLOSED = NUMBERS | {"additionalProperties": False}
FORM = {"type": "json_schema", "json_schema": {"name": "form", "schema": CLOSED}}
ADD = {"type": "function", "function": {"name": "add", "parameters": {"type": "object"}}}
ADD_NUMBERS = {"type": "function", "function": {"name": "add", "parameters": NUMBERS}}
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


@pytest.fixture(scope="module")
def answers(calling):
    """What a server whose model calls a tool says to requests, by their names.

    Most answers begin within the call, as only what comes after that has to be made.
    """
    begun, within = (
        {"prefix_token_ids": calling[1].encode(text, add_special_tokens=False)}
        for text in (BEGUN, f"Well.\n{BEGUN}")
    )
    begun_in_text = {"prefix_token_ids": calling[1].encode("{", add_special_tokens=False)}
    named = {"type": "function", "function": {"name": "add"}}
    other = {"type": "function", "function": {"name": "other", "parameters": NUMBERS}}
    bodies = {
        "whole": {},
        "stream": within | {"stream": True, "logprobs": True},
        "fork": within | {"fork": {"policy": "independent", "paths": 2}},
        "alone": begun,
        "cut": within | {"max_tokens": 3},
        "stopped": within | {"stop": "2}"},
        "none": within | {"tool_choice": "none"},
        "one": within | {"parallel_tool_calls": False},
        "required": {"tools": [other], "tool_choice": "required", "parallel_tool_calls": False},
        "named": {"tools": [other, ADD_NUMBERS], "tool_choice": named, "n": 2},
        "form": {"tools": [ADD_NUMBERS], "response_format": FORM, **begun_in_text},
        "call or form": {"tools": [ADD_NUMBERS], "response_format": FORM},
        "no schema": {"tools": [other | WRONG], "tool_choice": "required"},
    }

    async def ask():
        async with in_place() as client:
            posts = [client.post("/chat/completions", json=ASK | b) for b in bodies.values()]
            return dict(zip(bodies, await asyncio.gather(*posts), strict=True))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(async_engine, "load_from", lambda *_, **__: calling)
        return asyncio.run(ask())


def chunks(response):
    return [json.loads(line[6:]) for line in response.text.splitlines() if line[6:7] == "{"]


def called(message):
    calls = message.get("tool_calls", [])
    return [(call["function"]["name"], call["function"]["arguments"]) for call in calls]


def answer(response):
    (choice,) = response.json()["choices"]
    return choice["message"], choice["finish_reason"]


def test_a_call_is_no_part_of_the_text_and_each_of_its_tokens_has_metrics(answers):
    message, reason = answer(answers["whole"])
    assert reason == "tool_calls"
    assert message["content"] == "Well."
    assert called(message) == CALLED
    body = answers["whole"].json()
    assert len(body["metrics"]) == body["usage"]["completion_tokens"]


def test_a_stream_has_a_call_at_once_and_a_chunk_for_each_token(answers):
    parts = chunks(answers["stream"])
    deltas = [part["choices"][0]["delta"] for part in parts]
    assert "".join(delta.get("content") or "" for delta in deltas) == "Well."
    (calls,) = [delta["tool_calls"] for delta in deltas if "tool_calls" in delta]
    assert [(call["index"], call["type"]) for call in calls] == [(0, "function")]
    assert called({"tool_calls": calls}) == CALLED
    assert parts[-1]["choices"][0]["finish_reason"] == "tool_calls"
    tokens = [part for part in parts if "metrics" in part]
    assert all(len(part["choices"][0]["logprobs"]["content"]) == 1 for part in tokens)
    assert [len(part["metrics"]) for part in tokens] == [1] * len(tokens)


def test_an_answer_that_forks_has_its_call(answers):
    assert called(answer(answers["fork"])[0]) == CALLED


def test_a_call_alone_has_no_content(answers):
    message, _ = answer(answers["alone"])
    assert message["content"] is None
    assert called(message) == CALLED
    assert called(answer(answers["one"])[0]) == CALLED


def test_a_call_that_is_cut_off_or_was_not_to_be_made_is_content(answers):
    for name, expected in (("cut", "length"), ("stopped", "stop"), ("none", "stop")):
        message, reason = answer(answers[name])
        assert reason == expected
        assert message["content"].startswith(f"Well.\n{BEGUN}")
        assert "tool_calls" not in message
    prompts = [answers[name].json()["usage"]["prompt_tokens"] for name in ("none", "cut")]
    assert prompts[0] < prompts[1]


def test_a_call_that_has_to_be_made_is_made_and_valid(answers):
    for name, function, count in (("required", "other", 1), ("named", "add", 2)):
        choices = answers[name].json()["choices"]
        assert [choice["finish_reason"] for choice in choices] == ["tool_calls"] * count
        for choice in choices:
            ((made, arguments),) = called(choice["message"])
            assert made == function
            assert json.loads(arguments)["a"] in (7, 8)


def test_beside_a_form_of_answers_an_answer_is_a_call_or_of_that_form(answers):
    message, _ = answer(answers["form"])
    assert "tool_calls" not in message
    assert json.loads(message["content"])["a"] in (7, 8)
    message, _ = answer(answers["call or form"])
    assert message["content"] is None
    ((_, arguments),) = called(message)
    assert json.loads(arguments)["a"] in (7, 8)


def test_a_function_whose_schema_cannot_be_held_is_named(answers):
    assert answers["no schema"].status_code == 400
    error = answers["no schema"].json()["error"]
    assert error["param"] == "tools"
    assert "other" in error["message"]
