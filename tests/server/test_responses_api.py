"""The Responses API, asked by OpenAI's client and by hand."""

import json

import httpx2
import pytest

from mlx_entropix.server.api_errors import stopping
from mlx_entropix.server.responses_api.input_items import chat_messages
from mlx_entropix.server.responses_api.response_events import ResponsesDialect
from mlx_entropix.server.responses_api.response_request import ResponsesRequest
from mlx_entropix.server.responses_api.response_schemas import ResponseEvent, ResponseObject

ASK = "What is the capital of France?"
PLAIN = {"sampler": "normal", "temperature": 0}
SHORT = {"input": ASK, "max_output_tokens": 3, "metrics": False}


def chat(server, messages, **more):
    body = {"messages": messages, "max_tokens": 1, "metrics": False} | more
    return server.post("/chat/completions", body).json()


def test_an_answer_is_that_of_a_chat(server, client):
    body = {"extra_body": PLAIN | {"seed": 5}}
    said = client.responses.create(model="default_model", input=ASK, max_output_tokens=4, **body)
    same = chat(server, [{"role": "user", "content": ASK}], max_tokens=4, seed=5, **PLAIN)
    assert said.output_text == same["choices"][0]["message"]["content"]
    assert said.usage.output_tokens == same["usage"]["completion_tokens"] == len(said.metrics)
    assert (said.seed, said.store) == (5, True)


def test_a_stream_tells_of_each_item_and_ends_with_the_whole_response(client):
    events = list(
        client.responses.create(
            model="default_model", input=ASK, max_output_tokens=16, stream=True, extra_body=PLAIN
        )
    )
    kinds = [event.type.removeprefix("response.") for event in events]
    before = ["created", "in_progress", "output_item.added", "content_part.added"]
    after = ["output_text.done", "content_part.done", "output_item.done", "completed"]
    deltas = ["output_text.delta"] * (len(kinds) - 8)
    assert kinds == [*before, *deltas, *after]
    assert [event.sequence_number for event in events] == list(range(len(events)))
    assert "".join(event.delta for event in events[4:-4]) == events[-1].response.output_text
    assert sum(len(event.metrics) for event in events[4:-4]) == len(deltas)
    for event in events:
        ResponseEvent.model_validate(event.to_dict())
    whole = client.responses.create(
        model="default_model", input=ASK, max_output_tokens=16, extra_body=PLAIN
    )
    ResponseObject.model_validate(whole.to_dict())
    streamed = events[-1].response
    assert streamed.status == "completed"
    assert [item.content for item in streamed.output] == [item.content for item in whole.output]
    assert set(streamed.to_dict()) == set(whole.to_dict())


def test_an_answer_that_max_output_tokens_cuts_is_incomplete(client):
    with client.responses.stream(model="default_model", input=ASK, max_output_tokens=2) as stream:
        *_, last = stream
    assert last.type == "response.incomplete"
    assert last.response.incomplete_details.reason == "max_output_tokens"
    assert last.response.output[0].status == "incomplete"


def test_an_answer_that_repeats_itself_is_incomplete_where_that_is_asked_for(server):
    bias = {"logit_bias": {"28": 100}, "stop_repeats": 3}  # the same token again and again
    body = PLAIN | bias | {"metrics": False}
    asked = {"input": ASK, "max_output_tokens": 40}
    answer = server.post("/responses", body | asked).json()
    assert answer["incomplete_details"] == {"reason": "repetition"}
    asked = {"messages": [{"role": "user", "content": ASK}], "max_tokens": 40}
    assert server.post("/messages", body | asked).json()["stop_reason"] == "repetition"


def test_the_items_of_a_conversation_are_its_messages(server):
    items = [
        {"role": "user", "content": [{"type": "input_text", "text": ASK}]},
        {
            "type": "message",
            "id": "msg_1",
            "status": "completed",
            "role": "assistant",
            "content": [{"type": "output_text", "text": "Paris.", "annotations": []}],
        },
        {"role": "user", "content": "And of Italy?"},
    ]
    body = SHORT | PLAIN | {"instructions": "Be brief.", "input": items}
    said = server.post("/responses", body).json()
    same = chat(
        server,
        [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": ASK},
            {"role": "assistant", "content": "Paris."},
            {"role": "user", "content": "And of Italy?"},
        ],
        max_tokens=3,
        **PLAIN,
    )
    assert said["output"][0]["content"][0]["text"] == same["choices"][0]["message"]["content"]
    assert said["usage"]["input_tokens"] == same["usage"]["prompt_tokens"]


def test_what_an_assistant_thought_said_and_called_is_one_message():
    call = {"type": "function_call", "call_id": "c1", "name": "add", "arguments": "{}"}
    items = [
        {"role": "user", "content": "2 + 2?"},
        {"type": "reasoning", "summary": [], "content": [{"type": "reasoning_text", "text": "Hm"}]},
        {"role": "assistant", "content": "Wait."},
        call,
        call | {"call_id": "c2"},
        {"type": "function_call_output", "call_id": "c1", "output": "4"},
        {
            "type": "function_call_output",
            "call_id": "c2",
            "output": [{"type": "input_text", "text": "4"}],
        },
        {"role": "assistant", "content": "4"},
    ]
    function = {"name": "add", "arguments": "{}"}
    assert chat_messages(ResponsesRequest(input=items).input) == [
        {"role": "user", "content": "2 + 2?"},
        {
            "role": "assistant",
            "reasoning_content": "Hm",
            "content": "Wait.",
            "tool_calls": [
                {"id": f"c{n}", "type": "function", "function": function} for n in (1, 2)
            ],
        },
        {"role": "tool", "tool_call_id": "c1", "content": "4"},
        {"role": "tool", "tool_call_id": "c2", "content": "4"},
        {"role": "assistant", "content": "4"},
    ]


def test_log_probabilities_are_those_of_the_texts_tokens(server):
    wanted = {"include": ["message.output_text.logprobs"], "top_logprobs": 2}
    answer = server.post("/responses", SHORT | wanted).json()
    (part,) = answer["output"][0]["content"]
    assert "".join(token["token"] for token in part["logprobs"]) == part["text"]
    assert [len(token["top_logprobs"]) for token in part["logprobs"]] == [2, 2, 2]
    assert "metrics" not in answer


def test_what_clients_send_by_default_passes(server):
    defaults = {
        "background": False,
        "include": ["reasoning.encrypted_content"],
        "metadata": {"a": "b"},
        "parallel_tool_calls": True,
        "previous_response_id": None,
        "reasoning": {"effort": None, "summary": "auto"},
        "service_tier": "auto",
        "store": True,
        "stream_options": {"include_obfuscation": False},
        "text": {"format": {"type": "text"}, "verbosity": "medium"},
        "tool_choice": "auto",
        "tools": [],
        "truncation": "disabled",
        "user": "me",
    }
    answer = server.post("/responses", SHORT | defaults)
    assert answer.status_code == 200, answer.text
    assert answer.json()["metadata"] == {"a": "b"}


@pytest.mark.parametrize(
    ("extra", "param", "says"),
    [
        ({"input": [{"id": "msg_never"}]}, "input[0]", "Send the item itself"),
        ({"input": [{"type": "web_search_call"}]}, "input[0]", "cannot be read"),
        ({"input": []}, "input", "at least 1"),
        ({"max_tokens": 5}, "max_tokens", "did you mean max_output_tokens"),
        ({"truncation": "auto"}, "truncation", "as null or 'disabled'"),
        ({"tools": [{"type": "web_search"}]}, "tools[0].type", "Leave web_search out"),
        ({"reasoning": {"effort": "high"}}, "reasoning.effort", "reasoning.effort is not"),
        ({"text": {"verbosity": "low"}}, "text.verbosity", "text.verbosity is not supported"),
        (
            {"text": {"format": {"type": "json_schema", "name": "a"}}},
            "text.format",
            "needs a schema",
        ),
        ({"input": "sheep " * 20_000}, "input", "Shorten"),
        ({"top_k": 101}, "top_k", "100"),
    ],
)
def test_what_cannot_be_done_is_named_as_this_api_names_it(server, extra, param, says):
    response = server.post("/responses", SHORT | extra)
    assert response.status_code == 400
    error = response.json()["error"]
    assert error["param"] == param
    assert says in error["message"]


def test_a_stream_that_cannot_go_on_ends_with_what_was_wrong():
    lines = ResponsesDialect(ResponsesRequest(input=ASK)).failed(stopping()).decode().splitlines()
    error, failed = [json.loads(line[6:]) for line in lines if line.startswith("data: ")]
    assert (error["type"], error["message"]) == ("error", "The server is stopping.")
    assert (failed["type"], failed["response"]["status"]) == ("response.failed", "failed")
    assert failed["response"]["error"]["message"] == "The server is stopping."


def test_the_base_url_may_lack_v1_and_the_key_is_asked_for(guarded):
    for path in ("/responses", "/v1/responses"):
        statuses = [
            httpx2.post(guarded.url + path, json=SHORT, headers=key, timeout=60).status_code
            for key in ({}, {"authorization": "Bearer sesame"})
        ]
        assert statuses == [401, 200]
