"""Anthropic's own Python package, told the base URL alone."""

import pytest

from tests.clients.asked import (
    ANSWER,
    CHAT,
    FACT,
    IN_FRANCE,
    MODEL,
    SAMPLER,
    WEATHER,
    WEATHER_QUESTION,
    City,
)
from tests.clients.needs import package

PLAIN = {"sampler": "normal", "temperature": 0}  # the package has given up its own temperature
TOOL = {
    "name": WEATHER["name"],
    "description": WEATHER["description"],
    "input_schema": WEATHER["parameters"],
}


@pytest.fixture(scope="module")
def messages(server):
    package("anthropic")
    from anthropic import Anthropic

    with Anthropic(base_url=server.url, api_key="none", max_retries=0) as client:
        yield client.messages


def ask(**more):
    return {"model": MODEL, "max_tokens": 40, "messages": CHAT, "extra_body": PLAIN} | more


def test_a_message_has_our_metrics_and_is_made_with_our_sampler(messages):
    message = messages.create(**ask(extra_body=SAMPLER | {"temperature": 0}))
    assert message.content[0].text == ANSWER
    assert message.stop_reason == "end_turn"
    assert len(message.metrics) == message.usage.output_tokens
    assert all(token["quadrant"] for token in message.metrics)


def test_a_stream_is_the_same_message_in_pieces(messages):
    with messages.stream(**ask()) as stream:
        events = list(stream)
        last = stream.get_final_message()
    assert [event.text for event in events if event.type == "text"][:2] == ["The", " capital"]
    assert last.content[0].text == ANSWER
    told = [len(event.metrics) for event in events if event.type == "content_block_delta"]
    assert sum(told) == 7
    assert last.usage.output_tokens == 8


def test_an_object_has_the_form_of_a_pydantic_model(messages):
    question = [{"role": "user", "content": FACT}]
    assert messages.parse(**ask(messages=question), output_format=City).parsed_output == IN_FRANCE


def test_a_tool_is_called_and_its_result_read(messages):
    question = {"role": "user", "content": WEATHER_QUESTION}
    choice = {"type": "any", "disable_parallel_tool_use": True}
    asked = ask(messages=[question], tools=[TOOL], tool_choice=choice)
    with messages.stream(**asked) as stream:
        first = stream.get_final_message()
    (call,) = first.content
    assert (call.type, call.name, call.input) == ("tool_use", "get_weather", {"city": "Paris"})
    assert first.stop_reason == "tool_use"
    result = {"type": "tool_result", "tool_use_id": call.id, "content": "Sunny in Paris"}
    turns = [question, {"role": "assistant", "content": first.content}]
    turns += [{"role": "user", "content": [result]}]
    last = messages.create(**ask(messages=turns, tools=[TOOL], max_tokens=12))
    assert "Sunny" in last.content[0].text


def test_a_prompt_is_counted(messages):
    counted = messages.count_tokens(model=MODEL, messages=CHAT)
    usage = messages.create(**ask(max_tokens=1)).usage
    assert counted.input_tokens == usage.input_tokens + usage.cache_read_input_tokens


def test_what_is_not_supported_is_a_bad_request_that_says_why(messages):
    from anthropic import BadRequestError, NotFoundError

    with pytest.raises(BadRequestError, match="container is not supported here"):
        messages.create(**ask(container="c1", extra_body=None))
    with pytest.raises(NotFoundError, match="'claude' is not served here"):
        messages.create(**ask(model="claude"))


def test_the_runner_of_tools_goes_on_though_no_conversation_is_kept(server):
    package("anthropic")
    from anthropic import Anthropic, beta_tool

    cities = []

    @beta_tool
    def get_weather(city: str) -> str:
        """The weather in a city."""
        cities.append(city)
        return "Sunny"

    forced = {"tool_choice": {"type": "tool", "name": "get_weather"}}
    with Anthropic(base_url=server.url, api_key="none", max_retries=0) as client:
        runner = client.beta.messages.tool_runner(
            **ask(extra_body=PLAIN | forced), tools=[get_weather], max_iterations=1
        )
        (message,) = runner
    assert message.stop_reason == "tool_use"
    assert len(cities) == 1
