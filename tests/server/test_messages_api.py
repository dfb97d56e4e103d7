"""The Messages API of Anthropic's clients."""

import json

import httpx2
import pytest

from mlx_entropix.server.api_errors import stopping
from mlx_entropix.server.messages_api.message_events import MessagesDialect
from mlx_entropix.server.messages_api.message_request import CountRequest
from mlx_entropix.server.messages_api.message_schemas import (
    AssistantMessage,
    MessageEvent,
    MessagesErrorResponse,
)

ASK = {"role": "user", "content": "What is the capital of France?"}
PLAIN = {"sampler": "normal", "temperature": 0}
SHORT = {"messages": [ASK], "max_tokens": 3, "metrics": False}


def ask(server, **more):
    response = server.post("/messages", SHORT | PLAIN | more)
    assert response.status_code == 200, response.text
    return response.json()


def events(server, **more):
    """The events of a stream, each of the type that its line says."""
    response = server.post("/messages", SHORT | PLAIN | {"stream": True} | more)
    found = []
    for block in response.text.removesuffix("\n\n").split("\n\n"):
        name, data = block.split("\n")
        found.append(json.loads(data.removeprefix("data: ")))
        assert name == f"event: {found[-1]['type']}"
        MessageEvent.model_validate(found[-1])
    return found


def test_a_message_is_a_chats_answer(server):
    message = ask(server, max_tokens=16, metrics=True)
    AssistantMessage.model_validate(message)
    body = {"messages": [ASK], "max_tokens": 16} | PLAIN
    same = server.post("/chat/completions", body).json()
    text = same["choices"][0]["message"]["content"]
    assert message["content"] == [{"type": "text", "text": text}]
    assert message["stop_reason"] == "end_turn"
    usage = message["usage"]
    read = usage["input_tokens"] + usage["cache_read_input_tokens"]
    assert read == same["usage"]["prompt_tokens"]
    assert usage["output_tokens"] == len(message["metrics"])


def test_a_stream_tells_of_each_block_and_then_what_ended_the_message(server):
    first, begin, *deltas, end, last, stop = events(server, metrics=True)
    assert first["type"] == "message_start"
    assert first["message"]["content"] == []
    assert first["message"]["usage"]["input_tokens"] > 30
    assert begin["content_block"] == {"type": "text", "text": ""}
    assert [delta["delta"]["type"] for delta in deltas] == ["text_delta"] * 3
    assert [len(delta["metrics"]) for delta in deltas] == [1, 1, 1]
    assert (end["type"], end["index"], stop["type"]) == ("content_block_stop", 0, "message_stop")
    assert last["delta"] == {"stop_reason": "max_tokens", "stop_sequence": None}
    whole = ask(server)
    assert "".join(delta["delta"]["text"] for delta in deltas) == whole["content"][0]["text"]
    assert last["usage"]["output_tokens"] == whole["usage"]["output_tokens"] == 3


def test_the_stop_sequence_that_ended_a_message_is_named(server):
    message = ask(server, stop_sequences=["Rome", " capital"], max_tokens=8)
    assert (message["stop_reason"], message["stop_sequence"]) == ("stop_sequence", " capital")
    assert message["content"] == [{"type": "text", "text": "The"}]
    assert events(server, stop_sequences=[" capital"])[-2]["delta"]["stop_sequence"] == " capital"


def test_a_message_goes_on_from_the_assistants_last_one(server):
    begun = {"role": "assistant", "content": [{"type": "text", "text": "The capital of"}]}
    assert ask(server, messages=[ASK, begun])["content"][0]["text"] == " France is Paris"


def test_a_prompt_is_counted_with_its_system_message(server):
    system = [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}]
    for more in ({}, {"system": system}):
        counted = server.post("/messages/count_tokens", {"messages": [ASK]} | more).json()
        usage = ask(server, **more)["usage"]
        read = usage["input_tokens"] + usage["cache_read_input_tokens"]
        assert counted == {"input_tokens": read}


def test_blocks_of_a_turn_are_messages_of_a_chat():
    turns = [
        ASK,
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "Hm", "signature": "x"},
                {"type": "text", "text": "Wait."},
                {"type": "tool_use", "id": "t1", "name": "look_up", "input": {"country": "France"}},
            ],
        },
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "t1", "content": "no net", "is_error": True},
                {"type": "text", "text": "Guess."},
            ],
        },
    ]
    function = {"name": "look_up", "arguments": '{"country":"France"}'}
    assert CountRequest(messages=turns).chat()["messages"] == [
        ASK,
        {
            "role": "assistant",
            "content": "Wait.",
            "reasoning_content": "Hm",
            "tool_calls": [{"id": "t1", "type": "function", "function": function}],
        },
        {"role": "tool", "tool_call_id": "t1", "content": "Error: no net"},
        {"role": "user", "content": "Guess."},
    ]


def test_what_clients_send_by_default_passes(server):
    ask(
        server,
        metadata={"user_id": "me"},
        service_tier="auto",
        thinking={"type": "disabled"},
        tool_choice={"type": "auto"},
        tools=[],
        top_k=None,
    )


@pytest.mark.parametrize(
    ("extra", "says"),
    [
        ({"max_tokens": None}, "max_tokens: "),
        ({"messages": []}, "messages: "),
        ({"messages": [{"role": "king", "content": "a"}]}, "messages[0].role: "),
        (
            {"messages": [{"role": "user", "content": [{"type": "image", "source": {}}]}]},
            "messages[0].content[0]: A block is text",
        ),
        ({"stop_sequences": ["x"] * 65}, "stop_sequences: "),
        ({"stop": "x"}, "stop is not supported"),
        ({"thinking": {"type": "enabled"}}, "budget_tokens belongs to"),
        ({"tools": [{"type": "web_search_20250305", "name": "web_search"}]}, "tools[0].type: "),
        ({"tool_choice": {"type": "tool"}}, "tool_choice: A name belongs"),
        ({"output_config": {"effort": "low"}}, "output_config.effort is not supported"),
        ({"mcp_servers": [{"url": "x"}]}, "mcp_servers is not supported"),
        ({"messages": [ASK | {"content": "sheep " * 20_000}]}, "Shorten"),
    ],
)
def test_what_cannot_be_done_is_named_in_an_error_of_this_api(server, extra, says):
    response = server.post("/messages", SHORT | extra)
    assert response.status_code == 400
    error = MessagesErrorResponse.model_validate(response.json())
    assert error.error.type == "invalid_request_error"
    assert says in error.error.message
    assert error.request_id == response.headers["request-id"]


def test_a_stream_that_cannot_go_on_ends_with_what_was_wrong():
    name, data = MessagesDialect().failed(stopping()).decode().rstrip().split("\n")
    error = {"type": "overloaded_error", "message": "The server is stopping."}
    assert name == "event: error"
    assert json.loads(data.removeprefix("data: ")) == {"type": "error", "error": error}


def test_errors_from_before_the_endpoint_are_this_apis_too(server, guarded):
    headers = {"content-type": "application/json"}
    large = b" " * 9_000_000
    found = [
        server.post("/messages", SHORT | {"model": "claude"}),
        httpx2.post(server.api + "/messages", content=b"{", headers=headers),
        httpx2.post(server.api + "/messages", content=large, headers=headers),
        httpx2.get(server.api + "/messages/count_tokens"),
        guarded.post("/messages", SHORT),
    ]
    assert [(r.status_code, r.json()["type"], r.json()["error"]["type"]) for r in found] == [
        (404, "error", "not_found_error"),
        (400, "error", "invalid_request_error"),
        (413, "error", "request_too_large"),
        (405, "error", "invalid_request_error"),
        (401, "error", "authentication_error"),
    ]
    assert guarded.post("/messages", SHORT, headers={"x-api-key": "sesame"}).status_code == 200
    asked = {"origin": "https://other.example", "access-control-request-method": "POST"}
    preflight = httpx2.options(guarded.api + "/messages", headers=asked)
    assert (preflight.status_code, preflight.text) == (400, "Disallowed CORS origin")
