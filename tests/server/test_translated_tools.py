"""Tools and schemas in the Responses API and in the Messages API.

The bundled model calls nothing by itself: its answers begin within a call, whose end it writes.
"""

import json

import pytest

BEGUN = '<tool_call>\n{"name": "weather", "arguments": {"city": "Paris"}}\n</tool'
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}}
ASK = {"role": "user", "content": "What is the weather in Paris?"}
PLAIN = {"sampler": "normal", "temperature": 0, "metrics": False}
RESPONSES = PLAIN | {
    "input": [ASK],
    "max_output_tokens": 3,
    "tools": [{"type": "function", "name": "weather", "parameters": SCHEMA, "strict": False}],
}
MESSAGES = PLAIN | {
    "messages": [ASK],
    "max_tokens": 16,
    "stop_sequences": ["The"],
    "tools": [{"name": "weather", "input_schema": SCHEMA}],
}


@pytest.fixture(scope="module")
def begun(bundled):
    return {"prefix_token_ids": bundled[1].encode(BEGUN, add_special_tokens=False)}


def events(response):
    lines = response.text.splitlines()
    return [json.loads(line[6:]) for line in lines if line.startswith("data: ")]


def test_a_call_is_an_item_of_a_response_and_its_output_goes_into_the_next(server, begun):
    answer = server.post("/responses", RESPONSES | begun).json()
    (call,) = [item for item in answer["output"] if item["type"] == "function_call"]
    assert (call["name"], json.loads(call["arguments"])) == ("weather", {"city": "Paris"})
    assert call["status"] == "completed"

    told = events(server.post("/responses", RESPONSES | begun | {"stream": True}))
    of_call = [event for event in told if event.get("output_index") == 0]
    assert [event["type"].removeprefix("response.") for event in of_call] == [
        "output_item.added",
        "function_call_arguments.delta",
        "function_call_arguments.done",
        "output_item.done",
    ]
    assert of_call[0]["item"]["arguments"] == ""
    assert of_call[1]["delta"] == of_call[2]["arguments"] == call["arguments"]
    assert of_call[3]["item"]["call_id"] == told[-1]["response"]["output"][0]["call_id"]

    output = {"type": "function_call_output", "call_id": call["call_id"], "output": "Sunny"}
    following = RESPONSES | {"input": [ASK, *answer["output"], output], "max_output_tokens": 1}
    longer = server.post("/responses", following).json()["usage"]["input_tokens"]
    assert longer > answer["usage"]["input_tokens"]


def test_a_call_is_a_block_of_a_message_and_its_result_goes_into_the_next(server, begun):
    message = server.post("/messages", MESSAGES | begun).json()
    assert message["stop_reason"] == "tool_use"
    (call,) = [block for block in message["content"] if block["type"] == "tool_use"]
    assert (call["name"], call["input"]) == ("weather", {"city": "Paris"})

    told = events(server.post("/messages", MESSAGES | begun | {"stream": True}))
    first, delta, end = [event for event in told if event.get("index") == 0]
    assert first["content_block"] | {"id": ""} == call | {"id": "", "input": {}}
    assert delta["delta"]["type"] == "input_json_delta"
    assert json.loads(delta["delta"]["partial_json"]) == call["input"]
    assert end["type"] == "content_block_stop"
    assert told[-2]["delta"]["stop_reason"] == "tool_use"

    result = {"type": "tool_result", "tool_use_id": call["id"], "content": "Sunny"}
    turns = [
        ASK,
        {"role": "assistant", "content": message["content"]},
        {"role": "user", "content": [result]},
    ]
    counted = [
        server.post("/messages/count_tokens", {"messages": turns[:n], "tools": tools}).json()
        for n, tools in ((1, []), (1, MESSAGES["tools"]), (3, MESSAGES["tools"]))
    ]
    lengths = [count["input_tokens"] for count in counted]
    assert lengths == sorted(set(lengths))


@pytest.mark.parametrize(
    ("path", "body", "choice"),
    [
        ("/responses", RESPONSES, {"type": "function", "name": "time"}),
        ("/messages", MESSAGES, {"type": "tool", "name": "time"}),
    ],
)
def test_a_tool_that_is_chosen_has_to_be_offered(server, path, body, choice):
    response = server.post(path, body | {"tool_choice": choice})
    assert response.status_code == 400
    assert "'time', which is not among the tools" in response.json()["error"]["message"]


def test_an_answer_has_the_schema_that_each_api_asks_for_in_its_way(server):
    schema = {"enum": ["Rome", "Oslo"]}
    form = {"type": "json_schema", "schema": schema}
    asked = RESPONSES | {"tools": [], "max_output_tokens": 8}
    asked |= {"text": {"format": form | {"name": "city"}}}
    (message,) = server.post("/responses", asked).json()["output"]
    said = [message["content"][0]["text"]]
    asked = MESSAGES | {"tools": [], "output_config": {"format": form}}
    said.append(server.post("/messages", asked).json()["content"][0]["text"])
    assert said == ['"Rome"', '"Rome"']


def test_a_tool_that_has_to_be_used_is(server):
    asked = RESPONSES | {"tool_choice": {"type": "function", "name": "weather"}}
    (call,) = server.post("/responses", asked | {"max_output_tokens": 40}).json()["output"]
    assert call["name"] == "weather"
    choice = {"type": "any", "disable_parallel_tool_use": True}
    message = server.post("/messages", MESSAGES | {"tool_choice": choice, "max_tokens": 40}).json()
    assert message["stop_reason"] == "tool_use"
    assert [block["name"] for block in message["content"]] == ["weather"]
