"""litellm, told the base URL alone."""

import json

import pytest

from tests.clients.asked import (
    ANSWER,
    CHAT,
    FACT,
    IN_FRANCE,
    MODEL,
    REFUSAL,
    REFUSED,
    SAMPLER,
    WEATHER,
    City,
)
from tests.clients.needs import package


@pytest.fixture(scope="module")
def litellm():
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LITELLM_LOCAL_MODEL_COST_MAP", "True")  # else it asks the network for prices
        yield package("litellm")


@pytest.fixture
def ask(litellm, server):
    def ask(**more):
        options = {"model": f"openai/{MODEL}", "api_base": server.api, "api_key": "none"}
        options |= {"messages": CHAT, "temperature": 0, "max_tokens": 40, "num_retries": 0}
        return litellm.completion(**options | more)

    return ask


def test_an_answer_has_our_metrics_and_is_made_with_our_sampler(ask):
    answer = ask(extra_body=SAMPLER, seed=0)
    assert answer.choices[0].message.content == ANSWER
    assert len(answer.metrics) == answer.usage.completion_tokens
    assert all(token["quadrant"] for token in answer.metrics)
    assert answer.seed == 0


def test_a_stream_has_the_metrics_of_each_chunks_tokens(ask):
    chunks = list(ask(stream=True, stream_options={"include_usage": True}, extra_body=SAMPLER))
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == ANSWER
    told = [token["token"] for chunk in chunks for token in getattr(chunk, "metrics", None) or ()]
    assert "".join(told[:7]) == ANSWER
    assert chunks[-1].usage.completion_tokens == 8


def test_an_answer_has_the_form_of_a_pydantic_model(ask):
    answer = ask(messages=[{"role": "user", "content": FACT}], response_format=City)
    assert City.model_validate_json(answer.choices[0].message.content) == IN_FRANCE


def test_a_tool_is_called(ask):
    tools = [{"type": "function", "function": WEATHER}]
    choice = {"type": "function", "function": {"name": "get_weather"}}
    (answer,) = ask(tools=tools, tool_choice=choice).choices
    (call,) = answer.message.tool_calls
    assert answer.finish_reason == "tool_calls"
    assert (call.function.name, json.loads(call.function.arguments)) == (
        "get_weather",
        {"city": "Paris"},
    )


def test_what_is_not_supported_is_a_bad_request_that_names_it(litellm, ask):
    with pytest.raises(litellm.BadRequestError, match=REFUSAL):
        ask(extra_body=REFUSED)
    with pytest.raises(litellm.NotFoundError, match="'gpt-4' is not served here"):
        ask(model="openai/gpt-4")


def test_it_asks_the_messages_api_as_well(ask, server):
    answer = ask(model=f"anthropic/{MODEL}", api_base=server.url, max_tokens=7)
    assert answer.choices[0].message.content == ANSWER
