"""Answers on several paths: a client that knows nothing of them gets the one that was chosen."""

import asyncio
import json
import re

import httpx2
import pytest
from openai import AsyncOpenAI

from mlx_entropix.choices import FORKS
from mlx_entropix.server.schemas import ChatCompletion, ChatCompletionChunk, Completion

CHAT = {
    "model": "SmolLM2-135M-Instruct",
    "messages": [{"role": "user", "content": "What is 17 + 25?"}],
    "max_tokens": 9,
    "seed": 0,
    "sampler": "entropix",
}
"""Drawn with care for variety: paths that read alike would differ by the last digits of scores."""

ASKED = {
    "a vote": {"policy": "entropy", "paths": 3, "extract": "number", "least": 0.05},
    "ways that are given up": {"policy": "lookahead", "paths": 3, "horizon": 3, "least": 0.02},
    "paths that are dropped": {"policy": "deepconf", "paths": 4, "warmup": 2, "window": 2},
    "a budget": {"policy": "first", "paths": 3, "budget": 16},
}


def whole(server, path, body, model, **options):
    response = server.post(path, body, **options)
    assert response.status_code == 200, response.text
    model.model_validate(response.json())
    return response.json()


def ask(server, **fields):
    return whole(server, "/chat/completions", CHAT | fields, ChatCompletion)


def streamed(server, path, body, model):
    response = server.post(path, body | {"stream": True})
    lines = [line[6:] for line in response.text.splitlines() if line.startswith("data: ")]
    assert lines.pop() == "[DONE]"
    for line in lines:
        model.model_validate_json(line)
    return [json.loads(line) for line in lines]


def exact(settled):
    """Without the numbers whose last digits depend on what was computed together."""
    paths = [
        {name: value for name, value in path.items() if name not in ("scores", "vote")}
        for path in settled["paths"]
    ]
    return settled | {"paths": paths, "votes": [vote["branches"] for vote in settled["votes"]]}


def rebuilt(events, prefix=""):
    """The text of every path, and its tokens by their positions, from a stream's events."""
    paths = {0: (prefix, {})}
    for event in events:
        if event["type"] == "fork":
            at = event["position"]
            known = {p: t for p, t in paths[event["parent"]][1].items() if p < at}
            known |= dict(enumerate(event["token_ids"], at))
            paths[event["branch"]] = prefix + event["text"], known
        elif event["type"] == "token":
            text, known = paths[event["branch"]]
            known[event["position"]] = event["token_id"]
            paths[event["branch"]] = text + event["text"], known
    return paths


def check_paths(events, settled, prefix=""):
    """What was said of paths as they were written is what they came to in the end."""
    paths = rebuilt(events, prefix)
    assert set(paths) == {path["branch"] for path in settled["paths"]}
    dropped = {event["branch"] for event in events if event["type"] == "drop"}
    for path in settled["paths"]:
        text, tokens = paths[path["branch"]]
        assert text == path["text"]
        own = [tokens[position] for position in sorted(tokens) if position >= path["position"]]
        assert own == path["token_ids"]
        assert path["branch"] not in dropped or path["finish_reason"] == "dropped"
    assert sum(len(path["token_ids"]) for path in settled["paths"]) == settled["tokens"]


@pytest.mark.parametrize("fork", ASKED.values(), ids=ASKED)
def test_a_stream_gives_the_openai_package_the_answer_and_all_paths(server, client, fork):
    expected = ask(server, fork=fork)
    asked = CHAT | {"stream": True, "stream_options": {"include_usage": True}}
    extra = {"sampler": asked.pop("sampler"), "fork": fork}
    stream = client.chat.completions.create(**asked, extra_body=extra)
    text, events, reasons, usage = "", [], [], None
    for chunk in stream:
        ChatCompletionChunk.model_validate(chunk.model_dump(exclude_unset=True))
        events += getattr(chunk, "forks", [])
        usage = chunk.usage or usage
        for choice in chunk.choices:
            text += choice.delta.content or ""
            if choice.finish_reason:
                reasons.append(choice.finish_reason)
                assert events[-1]["type"] == "settled", "it comes before the end"
    (choice,), (settled,) = expected["choices"], expected["forks"]
    assert text == choice["message"]["content"]
    assert reasons == [choice["finish_reason"]]
    assert exact(events.pop()) == exact(settled)
    check_paths(events, settled)
    assert len(settled["paths"]) > 1
    chosen = settled["paths"][settled["chosen"]]
    assert (chosen["text"], chosen["finish_reason"]) == (text, choice["finish_reason"])
    # The answer's own tokens have records and are counted, and so is every other token.
    assert len(expected["metrics"]) < settled["tokens"]
    assert usage.completion_tokens == settled["tokens"]
    assert expected["usage"]["completion_tokens"] == settled["tokens"]


def test_each_of_n_answers_has_paths_of_its_own(server):
    fork = {"policy": "independent", "paths": 2, "extract": "none"}
    fields = {"fork": fork, "max_tokens": 5}
    both = ask(server, n=2, **fields)
    assert [settled["choice"] for settled in both["forks"]] == [0, 1]
    assert both["usage"]["completion_tokens"] == sum(s["tokens"] for s in both["forks"])
    for i, choice in enumerate(both["choices"]):
        alone = ask(server, **fields | {"seed": i})
        assert choice["message"] == alone["choices"][0]["message"]
        texts = [[path["text"] for path in s["paths"]] for s in (both["forks"][i], *alone["forks"])]
        assert texts[0] == texts[1]


def test_a_text_is_continued_on_paths_behind_its_echo(server):
    """With a stop string, the prompt's scores, and as many alternatives as were asked for."""
    body = {"prompt": "The capital of France is", "max_tokens": 8, "seed": 0, "stop": ["."]}
    body |= {"echo": True, "logprobs": 2, "fork": {"policy": "first", "paths": 3}}
    answer = whole(server, "/completions", body, Completion)
    (choice,), (settled,) = answer["choices"], answer["forks"]
    assert len(settled["paths"]) == 3
    chosen = settled["paths"][settled["chosen"]]
    assert choice["text"] == body["prompt"] + chosen["text"]
    assert not any("." in path["text"] for path in settled["paths"])
    columns = choice["logprobs"]
    assert len(columns["tokens"]) == answer["usage"]["prompt_tokens"] + len(answer["metrics"])
    assert {len(others or "ab") for others in columns["top_logprobs"]} <= {2, 3}

    scored = whole(server, "/completions", body | {"max_tokens": 0}, Completion)
    assert "forks" not in scored, "where nothing is written there are no paths"

    chunks = streamed(server, "/completions", body, Completion)
    assert "".join(chunk["choices"][0]["text"] for chunk in chunks) == choice["text"]
    events = [event for chunk in chunks for event in chunk.get("forks", ())]
    assert exact(events.pop()) == exact(settled)
    check_paths(events, settled)
    for event in events:
        assert event["type"] != "token" or len(event["top_logprobs"]) == 2
    for chunk in chunks:
        assert "forks" not in chunk or chunk["choices"][0]["text"] == "", "paths beside an answer"


def test_paths_begin_with_the_prefix_that_was_given(server, bundled):
    _, tokenizer = bundled
    fields = {"prefix_token_ids": tokenizer.encode("17 + 25 = 4"), "max_tokens": 4}
    fields |= {"fork": {"policy": "first", "paths": 3, "extract": "number"}}
    answer = ask(server, **fields)
    (choice,), (settled,) = answer["choices"], answer["forks"]
    assert choice["message"]["content"].startswith("17 + 25 = 4")
    assert choice["message"]["content"] == settled["paths"][settled["chosen"]]["text"]
    found = settled["paths"][0]
    assert found["answer"].startswith("4") or found["start"] > len("17 + 25 = ")
    chunks = streamed(server, "/chat/completions", CHAT | fields, ChatCompletionChunk)
    events = [event for chunk in chunks for event in chunk.get("forks", ())]
    check_paths(events[:-1], settled, prefix="17 + 25 = 4")


def test_32_requests_of_which_8_fork_are_all_answered_and_the_others_as_ever(server):
    def body_of(seed):
        prompt = ("The capital of France is", "Once upon a time", "One, two,")[seed % 3]
        return {"prompt": prompt, "seed": seed, "max_tokens": 3, "sampler": "entropix"}

    async def read(client, seed):
        body = {"model": CHAT["model"], **body_of(seed)}
        extra = {"sampler": body.pop("sampler")}
        if seed % 4 == 0:
            extra["fork"] = {"policy": "independent", "paths": 3}
        stream = await client.completions.create(stream=True, extra_body=extra, **body)
        chunks = [chunk async for chunk in stream]
        assert chunks[-1].choices[0].finish_reason
        events = [event for chunk in chunks for event in getattr(chunk, "forks", ())]
        return "".join(chunk.choices[0].text for chunk in chunks), events

    async def together():
        async with AsyncOpenAI(base_url=server.api, api_key="-", max_retries=0) as client:
            return await asyncio.gather(*(read(client, seed) for seed in range(32)))

    answers = asyncio.run(together())
    server.wait_idle()
    for seed, (text, events) in enumerate(answers):
        if seed % 4 == 0:
            check_paths(events[:-1], events[-1])
            assert events[-1]["paths"][events[-1]["chosen"]]["text"] == text
        else:
            assert not events
        if seed % 5 == 1 and not events:
            alone = whole(server, "/completions", body_of(seed), Completion)
            assert alone["choices"][0]["text"] == text, f"seed {seed}"
            assert "forks" not in alone


def test_paths_count_as_rows_and_leave_with_their_client(server):
    body = {"prompt": "Once upon a time", "max_tokens": 2000, "seed": 0, "sampler": "entropix"}
    body |= {"stream": True, "n": 2, "fork": {"policy": "independent", "paths": 4}}
    with httpx2.stream("POST", server.api + "/completions", json=body, timeout=60):
        server.wait(lambda health: health["rows"] == 8)
        assert server.health()["queue"] == 0
    server.wait(lambda health: health["rows"] == health["queue"] == 0, seconds=20)


def test_tokens_of_all_paths_are_counted_for_prometheus(server):
    names = ("generated_tokens_total", "prompt_tokens_total", "time_to_first_token_seconds_count")
    names = [f"mlx_entropix_{name}" for name in names]
    before = [server.number(name) for name in names]
    usage = ask(server, fork={"policy": "first", "paths": 3}, max_tokens=3)["usage"]
    counted = [server.number(name) - old for name, old in zip(names, before, strict=True)]
    assert counted == [usage["completion_tokens"], usage["prompt_tokens"], 1]


def test_where_there_is_no_room_the_paths_are_fewer_and_the_answer_says_so(guarded):
    """That server has one row."""
    body = CHAT | {"max_tokens": 4}
    headers = {"authorization": "Bearer sesame"}
    fork = {"policy": "independent", "paths": 3}
    answer = guarded.post("/chat/completions", body | {"fork": fork}, headers=headers).json()
    (settled,) = answer["forks"]
    assert settled["narrowed"] == 2
    assert len(settled["paths"]) == 1
    plain = guarded.post("/chat/completions", body, headers=headers).json()
    assert answer["choices"] == plain["choices"]
    ids = [[token["token_id"] for token in its["metrics"]] for its in (answer, plain)]
    assert ids[0] == ids[1]


@pytest.mark.parametrize(
    ("fork", "said"),
    [
        ("oracle", "independent, first, entropy"),
        ({}, "policy is missing"),
        ({"policy": ["first"]}, "there is no policy"),
        ({"policy": "entropy", "paths": 65}, "paths: .* 64"),
        ({"policy": "entropy", "budget": 0}, "budget: .* 1"),
        ({"policy": "entropy", "ways": "many"}, "ways: "),
        ({"policy": "entropy", "horizon": 3}, "horizon: there is no such field"),
        ({"policy": "first", "extract": "regex:("}, "extract: .* regular expression"),
        ({"policy": "entropy", "when": ["logits_entropy > high"]}, "the plain sampler"),
    ],
)
def test_a_policy_that_cannot_be_used_is_refused_by_its_field_and_range(server, fork, said):
    response = server.post("/chat/completions", CHAT | {"fork": fork, "sampler": "normal"})
    assert response.status_code == 400, response.text
    error = response.json()["error"]
    assert error["param"] == "fork"
    assert re.search(said, error["message"])


def test_programs_learn_the_policies_from_the_server(server):
    listed = httpx2.get(server.api + "/samplers").json()["forks"]
    assert [policy["name"] for policy in listed] == list(FORKS)
    for policy in listed:
        assert policy["description"].endswith(".")
        fields = policy["schema"]["properties"]
        assert set(policy["defaults"]) == set(fields)
        assert all(field.get("description") for name, field in fields.items() if name != "policy")
