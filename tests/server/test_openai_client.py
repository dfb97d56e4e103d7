"""What OpenAI's own client offers, with nothing but a base URL: it is done, or refused plainly.

docs/api.md has the same for people. Whole chats, streams and log-probabilities of this client, with
what the sampler tells beside them, are in test_chat.py.
"""

import asyncio
import json
from typing import Literal

import httpx2
import openai
import pytest
from openai import AsyncOpenAI, BadRequestError, NotFoundError, OpenAI
from pydantic import BaseModel

NAME = "SmolLM2-135M-Instruct"
ASK = "What is the capital of France?"
QUESTION = [{"role": "user", "content": ASK}]


class Dice(BaseModel):
    """A throw."""

    eyes: Literal[1, 2]


THROW = openai.pydantic_function_tool(Dice, name="throw")
OTHER = openai.pydantic_function_tool(Dice, name="other")
FLAT_THROW = {"type": "function", **THROW["function"]}
FLAT_OTHER = {"type": "function", **OTHER["function"]}
NAMED = {"name": "throw"}
ALLOWED = {"type": "allowed_tools", "tools": [{"type": "function", **NAMED}]}


def ask(client, messages=QUESTION, *, max_tokens=3, temperature=0, create=None, **options):
    create = create or client.chat.completions.create
    body = {"max_tokens": max_tokens, "temperature": temperature} | options
    return create(model=NAME, messages=messages, **body)


def said(client, messages=QUESTION, **options):
    return ask(client, messages, **options).choices[0].message.content


def respond(client, given=ASK, *, create=None, **options):
    create = create or client.responses.create
    body = {"max_output_tokens": 2, "temperature": 0} | options
    return create(model=NAME, input=given, **body)


def write(client, prompt="One, two,", **options):
    body = {"max_tokens": 2, "temperature": 0} | options
    return client.completions.create(model=NAME, prompt=prompt, **body)


def of_part(kind, **more):
    return [{"role": "user", "content": [{"type": kind, **more}]}]


# Done


def test_models_are_listed_and_described(client):
    assert [model.id for model in client.models.list()] == [NAME]
    assert client.models.retrieve(NAME).owned_by == "mlx-entropix"


def test_the_helper_for_streams_gives_deltas_and_the_whole_with_its_usage(client):
    stop = said(client)[-3:]
    options = {"stop": [stop, "never said"], "stream_options": {"include_usage": True}}
    with ask(client, create=client.chat.completions.stream, **options) as stream:
        deltas = [event.delta for event in stream if event.type == "content.delta"]
        whole = stream.get_final_completion()
    (choice,) = whole.choices
    assert choice.message.content == "".join(deltas) == said(client, stop=stop) != ""
    assert choice.message.content + stop == said(client)
    assert choice.finish_reason == "stop"
    assert whole.usage.completion_tokens == 3


def test_an_answer_is_parsed_as_a_pydantic_class(client):
    form = {"response_format": Dice, "max_tokens": 16}
    answer = ask(client, create=client.chat.completions.parse, **form)
    assert answer.choices[0].message.parsed.eyes in (1, 2)
    assert said(client, response_format={"type": "json_object"}, max_tokens=1).startswith("{")


def test_raw_and_streamed_responses_have_their_headers(client):
    chats = client.chat.completions
    raw = ask(client, create=chats.with_raw_response.create)
    assert raw.headers["x-request-id"]
    with ask(client, create=chats.with_streaming_response.create) as streamed:
        assert streamed.parse().choices[0].message == raw.parse().choices[0].message


def test_seeds_are_obeyed_consecutive_for_several_answers_and_told_where_none_is_given(client):
    warm = {"temperature": 1.5, "extra_body": {"sampler": "normal"}}
    both = ask(client, n=2, seed=3, **warm)
    texts = [choice.message.content for choice in both.choices]
    assert texts[1] == said(client, seed=4, **warm) != texts[0]
    assert both.usage.completion_tokens == 6
    assert [record["choice"] for record in both.metrics] == [0] * 3 + [1] * 3
    parts = [("", None), ("", None)]
    for chunk in ask(client, n=2, seed=3, stream=True, **warm):
        (choice,) = chunk.choices
        text = parts[choice.index][0] + (choice.delta.content or "")
        parts[choice.index] = (text, choice.finish_reason)
    assert parts == [(text, "length") for text in texts]
    unseeded = ask(client, **warm)
    assert said(client, seed=unseeded.seed, **warm) == unseeded.choices[0].message.content


def test_temperature_0_is_the_same_answer_whatever_the_seed(client):
    assert said(client, seed=1) == said(client, seed=2)


def test_a_biased_token_is_drawn_and_log_probabilities_are_told(client):
    answer = ask(client, logit_bias={"28": 100}, logprobs=True, top_logprobs=2, max_tokens=2)
    first, second = answer.choices[0].logprobs.content
    assert first.token == second.token == answer.choices[0].message.content[0]
    assert [len(token.top_logprobs) for token in (first, second)] == [2, 2]


def test_a_tool_that_is_named_is_called_in_a_stream_and_its_result_answered(client):
    tools = {"tools": [OTHER, THROW], "tool_choice": {"type": "function", "function": NAMED}}
    with ask(client, create=client.chat.completions.stream, max_tokens=40, **tools) as stream:
        (done,) = [event for event in stream if event.type == "tool_calls.function.arguments.done"]
        (choice,) = stream.get_final_completion().choices
    assert choice.finish_reason == "tool_calls"
    (call,) = choice.message.tool_calls
    assert call.function.name == "throw"
    assert call.function.parsed_arguments == done.parsed_arguments
    assert call.function.parsed_arguments.eyes in (1, 2)
    called = choice.message.model_dump(include={"role", "content", "tool_calls"})
    turns = [*QUESTION, called, {"role": "tool", "tool_call_id": call.id, "content": "Thrown."}]
    assert said(client, turns, tools=[THROW], max_tokens=1)


def test_only_allowed_tools_are_offered_and_none_where_none_is_to_be_called(client):
    def length(**more):
        return client.responses.input_tokens.count(model=NAME, input=ASK, **more).input_tokens

    both = {"tools": [FLAT_OTHER, FLAT_THROW]}
    alone = length(tools=[FLAT_THROW])
    assert (
        length(**both, tool_choice=ALLOWED | {"mode": "auto"})
        == alone
        < length(**both, tool_choice="auto")
    )
    assert length(**both, tool_choice="none") == length() < alone


def test_what_labels_a_request_or_asks_for_what_is_done_anyway_passes(client):
    labels = {"user": "me", "metadata": {"a": "b"}, "safety_identifier": "me"}
    labels |= {"prompt_cache_key": "k", "prompt_cache_retention": "24h"}
    done = {"service_tier": "auto", "store": False, "modalities": ["text"], "verbosity": "medium"}
    guess = {"prediction": {"type": "content", "content": "Paris."}}
    penalties = {"presence_penalty": 0.5, "frequency_penalty": 0.5}
    answer = ask(
        client, max_tokens=None, max_completion_tokens=1, **labels, **done, **guess, **penalties
    )
    assert answer.usage.completion_tokens == 1


def test_a_chat_may_have_a_developer_parts_and_the_beginning_of_the_answer(client):
    parts = [{"type": "text", "text": text} for text in ("What is the capital ", "of France?")]
    turns = [
        {"role": "developer", "content": "Be brief."},
        {"role": "user", "content": parts},
        {"role": "assistant", "content": "The capital of France is"},
    ]
    assert said(client, turns, max_tokens=1, extra_body={"sampler": "normal"}) == " Paris"


def test_texts_are_continued_echoed_scored_and_streamed(client):
    (choice,) = write(client, echo=True, logprobs=1).choices
    assert choice.text.startswith("One, two,")
    assert "".join(choice.logprobs.tokens) == choice.text
    streamed = "".join(chunk.choices[0].text for chunk in write(client, stream=True))
    assert streamed == choice.text.removeprefix("One, two,") != ""


def test_several_texts_or_lists_of_token_ids_are_continued(client):
    by_text = write(client, ["One, two,", "A, B,"], n=2, max_tokens=1)
    ids = [prompt["tokens"] for prompt in map(_tokens(client), ("One, two,", "A, B,"))]
    by_ids = write(client, ids, n=2, max_tokens=1)
    assert len(by_text.choices) == 4
    assert [c.text for c in by_ids.choices] == [c.text for c in by_text.choices]


def _tokens(client):
    return lambda text: client.post("/tokenize", body={"content": text}, cast_to=object)


def test_a_response_is_kept_to_go_on_from_to_be_asked_for_and_to_be_deleted(client):
    first = respond(client, instructions="Be brief.")
    asked = {"previous_response_id": first.id}
    *_, last = respond(client, "And of Italy?", stream=True, **asked)
    second = last.response
    assert second.previous_response_id == first.id
    assert client.responses.retrieve(second.id) == second
    items = list(client.responses.input_items.list(second.id, order="asc"))
    texts = [(item.role, item.content[0].text) for item in items]
    assert texts == [("user", ASK), ("assistant", first.output_text), ("user", "And of Italy?")]
    pages = client.responses.input_items.list(second.id, limit=1)
    assert [item.id for item in pages] == [item.id for item in reversed(items)]
    same = respond(client, [*map(_as_sent, items)])
    assert same.output_text == second.output_text
    assert same.usage.input_tokens == second.usage.input_tokens
    counted = client.responses.input_tokens.count(model=NAME, input="And of Italy?", **asked)
    assert counted.input_tokens == second.usage.input_tokens
    client.responses.delete(first.id)
    with pytest.raises(NotFoundError, match="No response"):
        client.responses.retrieve(first.id)
    assert respond(client, "Why?", previous_response_id=second.id).output_text


def _as_sent(item):
    return {"role": item.role, "content": item.content[0].text}


def test_items_that_are_only_referred_to_are_those_that_were_kept(client):
    first = respond(client)
    (message,) = first.output
    turns = [*QUESTION, {"type": "item_reference", "id": message.id}, *QUESTION]
    told = [*QUESTION, {"role": "assistant", "content": first.output_text}, *QUESTION]
    counts = [respond(client, given).usage.input_tokens for given in (turns, told)]
    assert counts[0] == counts[1]


def test_a_response_is_parsed_in_a_stream_too(client):
    form = {"text_format": Dice, "max_output_tokens": 16}
    with respond(client, create=client.responses.stream, **form) as stream:
        text = "".join(e.delta for e in stream if e.type == "response.output_text.delta")
        parsed = stream.get_final_response().output_parsed
    assert parsed == respond(client, create=client.responses.parse, **form).output_parsed
    assert json.loads(text) == parsed.model_dump()


def test_a_response_calls_the_tool_that_is_allowed_and_takes_its_output(client):
    tools = {"tools": [FLAT_OTHER, FLAT_THROW], "parallel_tool_calls": False}
    required = ALLOWED | {"mode": "required"}
    called = respond(client, tool_choice=required, max_output_tokens=40, **tools)
    (call,) = called.output
    assert (call.type, call.name) == ("function_call", "throw")
    assert json.loads(call.arguments)["eyes"] in (1, 2)
    thrown = {"type": "function_call_output", "call_id": call.call_id, "output": "Thrown."}
    assert respond(client, [thrown], previous_response_id=called.id, **tools).output_text


def test_the_asynchronous_client_streams_side_by_side(server):
    async def read(client, seed):
        stream = await ask(client, seed=seed, stream=True)
        return "".join([chunk.choices[0].delta.content or "" async for chunk in stream])

    async def all_of_them():
        async with AsyncOpenAI(base_url=server.api, api_key="-", max_retries=0) as client:
            return await asyncio.gather(*(read(client, seed) for seed in (1, 2)))

    first, second = asyncio.run(all_of_them())
    assert first == second != ""


def test_a_client_that_waits_no_longer_frees_its_row(client, server):
    with pytest.raises(openai.APITimeoutError):
        ask(client.with_options(timeout=0.1), max_tokens=500, seed=0, temperature=1)
    server.wait_idle()


def test_a_full_queue_is_tried_again_when_the_server_says(guarded):
    # One row, and one place in the queue: what these two streams take.
    busy = {"messages": QUESTION, "max_tokens": 8, "stream": True}
    key = {"authorization": "Bearer sesame"}
    post = {"url": guarded.api + "/chat/completions", "json": busy, "headers": key, "timeout": 60}
    with (
        OpenAI(base_url=guarded.api, api_key="sesame", max_retries=5) as client,
        httpx2.stream("POST", **post),
        httpx2.stream("POST", **post),
    ):
        guarded.wait(lambda health: health["rows"] + health["queue"] == 2)
        raw = client.chat.completions.with_raw_response.create(
            model=NAME, messages=QUESTION, max_tokens=1
        )
    assert raw.retries_taken > 0
    assert raw.parse().choices[0].finish_reason == "length"


# Told plainly


@pytest.fixture(scope="module")
def kept(client):
    """The name of a response that is kept."""
    return respond(client, max_output_tokens=1).id


def test_a_wrong_key_is_an_authentication_error(guarded):
    client = OpenAI(base_url=guarded.api, api_key="wrong", max_retries=0)
    with client, pytest.raises(openai.AuthenticationError, match="The API key is missing or wrong"):
        client.models.list()


FIELDS = {
    "audio": (lambda c: ask(c, audio={"voice": "alloy", "format": "wav"}), "Leave it out"),
    "best_of": (lambda c: write(c, best_of=3), "as null or 1"),
    "function_call": (lambda c: ask(c, function_call={"name": "f"}), "tool_choice is"),
    "functions": (lambda c: ask(c, functions=[{"name": "f"}]), "tools is"),
    "modalities": (lambda c: ask(c, modalities=["text", "audio"]), "['text']"),
    "reasoning_effort": (lambda c: ask(c, reasoning_effort="high"), "chat template"),
    "service_tier": (lambda c: ask(c, service_tier="flex"), "'auto' or 'default'"),
    "store": (lambda c: ask(c, store=True), "as null or False"),
    "suffix": (lambda c: write(c, suffix="."), "Leave it out"),
    "verbosity": (lambda c: ask(c, verbosity="low"), "'medium'"),
    "web_search_options": (lambda c: ask(c, web_search_options={}), "Leave it out"),
    "messages[0].content[0].type": (
        lambda c: ask(c, of_part("image_url", image_url={"url": "data:,"})),
        "Leave image_url out",
    ),
    "tools[0].type": (
        lambda c: ask(c, tools=[{"type": "custom", "custom": {"name": "c"}}]),
        "Leave custom out",
    ),
    "background": (lambda c: respond(c, background=True), "as null or False"),
    "conversation": (lambda c: respond(c, conversation="c"), "previous_response_id is"),
    "max_tool_calls": (lambda c: respond(c, max_tool_calls=1), "Leave it out"),
    "prompt": (lambda c: respond(c, prompt={"id": "p"}), "Leave it out"),
    "previous_response_id": (
        lambda c: respond(c, previous_response_id="resp_1"),
        "send the whole conversation",
    ),
    "input[0]": (
        lambda c: respond(c, [{"type": "item_reference", "id": "item_1"}]),
        "Send the item itself",
    ),
    "input[0].content[0].type": (
        lambda c: respond(c, of_part("input_image", image_url="data:,")),
        "Leave input_image out",
    ),
}


@pytest.mark.parametrize("field", FIELDS)
def test_a_field_that_cannot_be_obeyed_is_named_with_what_to_do(client, field):
    call, advice = FIELDS[field]
    with pytest.raises(BadRequestError) as refused:
        call(client)
    assert refused.value.param == field
    assert advice in refused.value.body["message"]


@pytest.mark.parametrize(
    ("call", "error", "advice"),
    [
        (lambda r, name: r.cancel(name), BadRequestError, "by closing its stream"),
        (lambda r, name: r.retrieve(name, stream=True), BadRequestError, "stream is not"),
        (lambda r, name: r.retrieve("resp_1"), NotFoundError, "with the conversation itself"),
        (lambda r, name: r.input_items.list(name, after="x"), BadRequestError, "after: "),
    ],
)
def test_what_a_kept_response_is_not_for_is_told(client, kept, call, error, advice):
    with pytest.raises(error) as refused:
        call(client.responses, kept)
    assert advice in refused.value.body["message"]


def test_a_response_of_store_false_is_not_kept(client):
    response = respond(client, max_output_tokens=1, store=False)
    assert response.store is False
    with pytest.raises(NotFoundError):
        client.responses.retrieve(response.id)


ENDPOINTS = {
    "audio.speech": (
        lambda c: c.audio.speech.create(model=NAME, input="a", voice="alloy"),
        "a server that has a model for images or sound",
    ),
    "audio.transcriptions": (
        lambda c: c.audio.transcriptions.create(model=NAME, file=("a.wav", b"a")),
        "a server that has a model for images or sound",
    ),
    "batches": (lambda c: c.batches.list(), "Send the requests side by side"),
    "chat.completions.list": (lambda c: c.chat.completions.list(), "/v1/responses"),
    "chat.completions.retrieve": (lambda c: c.chat.completions.retrieve("a"), "/v1/responses"),
    "containers": (lambda c: c.containers.list(), "Offer functions as tools"),
    "conversations": (lambda c: c.conversations.create(), "previous_response_id"),
    "embeddings": (
        lambda c: c.embeddings.create(model=NAME, input="a"),
        "a server with an embedding model",
    ),
    "evals": (lambda c: c.evals.list(), "lm-eval measures models"),
    "files": (lambda c: c.files.create(file=b"a", purpose="batch"), "Send what they say"),
    "fine_tuning": (lambda c: c.fine_tuning.jobs.list(), "--adapter_path"),
    "images": (lambda c: c.images.generate(prompt="a"), "a model for images"),
    "models": (lambda c: c.models.retrieve("gpt-4"), f"{NAME!r} is"),
    "moderations": (lambda c: c.moderations.create(input="a"), "a server with a model that was"),
    "responses.compact": (
        lambda c: c.responses.compact(model=NAME, input="a"),
        "Leave items out of the input",
    ),
    "uploads": (
        lambda c: c.uploads.create(bytes=1, filename="a", mime_type="a", purpose="batch"),
        "Send what they say",
    ),
    "vector_stores": (lambda c: c.vector_stores.create(), "Send what they say"),
}


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_an_endpoint_that_is_not_served_says_why_and_what_to_do(client, endpoint):
    call, advice = ENDPOINTS[endpoint]
    with pytest.raises(NotFoundError) as refused:
        call(client)
    assert advice in refused.value.body["message"]
