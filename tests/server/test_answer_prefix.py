"""An answer may begin with given tokens: its own, for one, and it goes on as it did."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

CHAT = {
    "messages": [{"role": "user", "content": "Write only emoji. 🦊🐑🦊🐑🐑"}],
    "sampler": "entropix",
    "seed": 0,
    "max_tokens": 9,
}
"""Whose answer is drawn, and is three emoji of three tokens each."""


def whole(server, path="/chat/completions", body=CHAT, **fields):
    response = server.post(path, body | fields)
    assert response.status_code == 200, response.text
    return response.json()


def streamed(server, path="/chat/completions", body=CHAT, **fields):
    fields |= {"stream": True, "stream_options": {"include_usage": True}}
    response = server.post(path, body | fields)
    lines = [line[6:] for line in response.text.splitlines() if line.startswith("data: ")]
    assert lines.pop() == "[DONE]"
    return [json.loads(line) for line in lines]


def ids_of(records):
    return [record["token_id"] for record in records]


@pytest.fixture(scope="module")
def answer(server):
    """The answer that the others are beginnings of."""
    found = whole(server)
    assert len(found["choices"][0]["message"]["content"]) == 3
    assert len(found["metrics"]) == 9
    return found


def continued(ids, cut):
    return {"prefix_token_ids": ids[:cut], "max_tokens": 9 - cut, "logprobs": True}


def test_an_answer_goes_on_from_its_own_beginning(server, answer):
    """Wherever it is cut, in the middle of a character too. One batch, as that takes less."""
    ids = ids_of(answer["metrics"])
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda cut: whole(server, **continued(ids, cut)), range(1, 9)))
    for cut, again in enumerate(found, start=1):
        (choice,), (expected,) = again["choices"], answer["choices"]
        assert choice["message"] == expected["message"]
        assert ids_of(again["metrics"]) == ids_of(choice["logprobs"]["content"]) == ids[cut:]
        for record, expected in zip(again["metrics"], answer["metrics"][cut:], strict=True):
            assert record["position"] == expected["position"]
            assert record["quadrant"] == expected["quadrant"]
            assert record["logits_entropy"] == pytest.approx(expected["logits_entropy"], abs=2e-3)
        assert again["usage"]["prompt_tokens"] == answer["usage"]["prompt_tokens"] + cut
        assert again["usage"]["completion_tokens"] == 9 - cut
        assert again["usage"]["total_tokens"] == answer["usage"]["total_tokens"]


def test_so_does_its_stream(server, bundled, answer):
    """The first chunk says what the prefix reads, less a character that is not complete yet."""
    _, tokenizer = bundled
    ids, text = ids_of(answer["metrics"]), answer["choices"][0]["message"]["content"]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda cut: streamed(server, **continued(ids, cut)), range(1, 9)))
    for cut, (first, *parts, end, usage) in enumerate(found, start=1):
        known = "".join(map(tokenizer.stream_decoder().add, ids[:cut]))
        assert first["choices"][0]["delta"] == {"role": "assistant", "content": known}
        assert known == text[: cut // 3]
        assert "metrics" not in first
        pieces = [part["choices"][0]["delta"]["content"] for part in parts]
        assert known + "".join(pieces) == text
        assert ids_of(record for part in parts for record in part["metrics"]) == ids[cut:]
        assert end["choices"][0]["finish_reason"] == "length"
        assert usage["usage"]["prompt_tokens"] == answer["usage"]["prompt_tokens"] + cut


def test_the_openai_package_can_ask_for_it(client, answer):
    options = CHAT | {"max_tokens": 4}
    extra = {"sampler": options.pop("sampler"), "prefix_token_ids": ids_of(answer["metrics"])[:5]}
    asked = options | {"model": "SmolLM2-135M-Instruct", "extra_body": extra}
    text = answer["choices"][0]["message"]["content"]
    assert client.chat.completions.create(**asked).choices[0].message.content == text
    stream = client.chat.completions.create(**asked, stream=True)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in stream) == text


def test_every_answer_begins_alike(server, answer):
    """And each goes on by its own seed."""
    ids = ids_of(answer["metrics"])[:3]
    both = whole(server, prefix_token_ids=ids, max_tokens=6, n=2)
    alone = whole(server, prefix_token_ids=ids, max_tokens=6, seed=1)
    texts = [choice["message"]["content"] for choice in both["choices"]]
    assert texts == [a["choices"][0]["message"]["content"] for a in (answer, alone)]
    assert both["usage"]["prompt_tokens"] == answer["usage"]["prompt_tokens"] + 3


def test_a_character_that_stays_incomplete_is_let_go_at_the_end(server, bundled):
    """One that a prefix began, and that the next token cannot be a part of."""
    _, tokenizer = bundled
    first = tokenizer.encode("🦊", add_special_tokens=False)[0]
    body = {"prompt": "Hello", "prefix_token_ids": [first], "max_tokens": 1, "seed": 0}
    body |= {"sampler": "normal", "temperature": 0}
    found = whole(server, "/completions", body)
    decoder = tokenizer.stream_decoder()
    expected = decoder.add(first) + decoder.add(found["metrics"][0]["token_id"]) + decoder.finish()
    assert found["choices"][0]["text"] == expected


def test_stop_strings_are_not_looked_for_in_the_prefix(server, answer):
    text = answer["choices"][0]["message"]["content"]
    ids = ids_of(answer["metrics"])
    assert len(set(text)) == 3
    kept = whole(server, prefix_token_ids=ids[:3], max_tokens=6, stop=text[0])
    assert kept["choices"][0]["message"]["content"] == text
    across = whole(server, prefix_token_ids=ids[:3], max_tokens=6, stop=text[:2])
    assert across["choices"][0]["message"]["content"] == text
    ended = whole(server, prefix_token_ids=ids[:3], max_tokens=6, stop=text[2])
    assert ended["choices"][0]["message"]["content"] == text[:2]
    assert ended["choices"][0]["finish_reason"] == "stop"


def test_a_text_goes_on_from_tokens_too(server):
    body = {"prompt": "One, two, three,", "sampler": "entropix", "seed": 3, "max_tokens": 6}
    text = whole(server, "/completions", body, logprobs=0)
    ids = ids_of(text["metrics"])
    fields = {"prefix_token_ids": ids[:2], "max_tokens": 4, "logprobs": 0}
    again = whole(server, "/completions", body, **fields)
    (choice,), (expected,) = again["choices"], text["choices"]
    assert choice["text"] == expected["text"]
    assert choice["logprobs"]["text_offset"] == expected["logprobs"]["text_offset"][2:]
    chunks = [c["choices"][0] for c in streamed(server, "/completions", body, **fields)[:-1]]
    assert "".join(chunk["text"] for chunk in chunks) == expected["text"]
    offsets = [at for c in chunks if c["logprobs"] for at in c["logprobs"]["text_offset"]]
    assert offsets == choice["logprobs"]["text_offset"]


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"prefix_token_ids": [10**9]}, "the model's ids end at 49151"),
        ({"prefix_token_ids": [49152]}, "the model's ids end at 49151"),
        ({"prefix_token_ids": [-1]}, "greater than or equal to 0"),
        ({"prefix_token_ids": [True]}, "valid integer"),
        ({"prefix_token_ids": ["5"]}, "valid integer"),
        ({"prefix_token_ids": 5}, "valid list"),
        ({"prefix_token_ids": [5] * 9000}, "Shorten one of them"),
        ({"prefix_token_ids": [5], "continue_final_message": True}, "send one of them"),
    ],
)
def test_what_an_answer_cannot_begin_with(server, fields, reason):
    messages = [*CHAT["messages"], {"role": "assistant", "content": "Well"}]
    response = server.post("/chat/completions", CHAT | {"messages": messages} | fields)
    assert response.status_code == 400
    error = response.json()["error"]
    assert error["param"].startswith("prefix_token_ids")
    assert reason in error["message"]
    assert (error["code"] == "context_length_exceeded") == ("Shorten" in reason)


def test_an_echoed_prompt_takes_no_prefix(server):
    body = {"prompt": "One", "max_tokens": 1, "echo": True, "prefix_token_ids": [5]}
    response = server.post("/completions", body)
    assert response.status_code == 400
    assert response.json()["error"]["param"] == "prefix_token_ids"
    assert whole(server, "/completions", body | {"prefix_token_ids": []})


def test_no_tokens_are_no_beginning(server):
    messages = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]
    fields = {"messages": messages, "continue_final_message": True, "prefix_token_ids": []}
    assert whole(server, **fields, max_tokens=1)
