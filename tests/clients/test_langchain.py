"""LangChain's ChatOpenAI, told the base URL alone."""

from typing import Literal

import pytest

from tests.clients.asked import (
    ANSWER,
    FACT,
    IN_FRANCE,
    MODEL,
    QUESTION,
    REFUSAL,
    REFUSED,
    SAMPLER,
    WEATHER_QUESTION,
    City,
)
from tests.clients.needs import package


@pytest.fixture(scope="module")
def chat(server):
    """A model of LangChain's, with what else it is to be told."""
    langchain = package("langchain_openai")

    def chat(**more):
        options = {"model": MODEL, "base_url": server.api, "api_key": "none", "max_retries": 0}
        options |= {"temperature": 0, "seed": 0, "max_tokens": 40, "extra_body": SAMPLER}
        return langchain.ChatOpenAI(**options | more)

    return chat


@pytest.fixture(scope="module")
def weather(chat):
    @package("langchain_core.tools").tool
    def get_weather(city: Literal["Paris", "Rome"]) -> str:
        """The weather in a city."""
        return f"Sunny in {city}"

    return get_weather


def test_an_answer_has_its_usage_and_its_log_probabilities(chat):
    answer = chat().bind(logprobs=True, top_logprobs=2).invoke(QUESTION)
    assert answer.content == ANSWER
    told = answer.response_metadata["logprobs"]["content"]
    assert len(told) == answer.usage_metadata["output_tokens"] == 8
    assert all(len(token["top_logprobs"]) == 2 for token in told)


def test_a_stream_and_a_batch_say_the_same(chat):
    model = chat(max_tokens=8)
    parts = [part.content for part in model.stream(QUESTION)]
    assert "".join(parts) == ANSWER
    assert len([part for part in parts if part]) == 7
    assert [answer.content for answer in model.batch([QUESTION, QUESTION])] == [ANSWER, ANSWER]


@pytest.mark.parametrize("method", ["json_schema", "function_calling", "json_mode"])
def test_an_object_comes_by_each_method(chat, method):
    question = FACT
    if method == "json_mode":  # which holds the answer to JSON, and says in words to which
        question = 'Say again: {"city": "Paris", "country": "France"}'
    model = chat(extra_body={"sampler": "normal"}).with_structured_output(City, method=method)
    assert model.invoke(question) == IN_FRANCE


def test_a_tool_is_called_and_its_result_read(chat, weather):
    called = chat().bind_tools([weather], tool_choice="any", parallel_tool_calls=False)
    first = called.invoke(WEATHER_QUESTION)
    (call,) = first.tool_calls
    assert (call["name"], call["args"]) == ("get_weather", {"city": "Paris"})
    result = weather.invoke(call)
    last = chat(max_tokens=12).bind_tools([weather])
    assert "Sunny" in last.invoke([("user", WEATHER_QUESTION), first, result]).content


def test_what_is_not_supported_is_a_bad_request_that_names_it(chat):
    with pytest.raises(package("openai").BadRequestError, match=REFUSAL):
        chat(extra_body=REFUSED).invoke(QUESTION)
