"""Chats through the `openai` package, as its users have them."""

import pytest

from mlx_entropix.sampling import Metrics
from mlx_entropix.server.schemas import ChatCompletion, ChatCompletionChunk

QUESTION = [{"role": "user", "content": "What is the capital of France?"}]


def approximately(value):
    """Sums come out a little differently where a part of the prompt is known already."""
    return pytest.approx(value, abs=1e-4) if isinstance(value, float) else value


def ask(client, messages=QUESTION, *, max_tokens=8, seed=0, extra=None, **options):
    return client.chat.completions.create(
        model="SmolLM2-135M-Instruct",
        messages=messages,
        max_tokens=max_tokens,
        seed=seed,
        extra_body=extra,
        **options,
    )


def test_whole_answer_equals_its_stream(client):
    whole = ask(client, max_tokens=5, logprobs=True, top_logprobs=2)
    ChatCompletion.model_validate(whole.model_dump(exclude_unset=True))
    chunks = list(
        ask(
            client,
            max_tokens=5,
            logprobs=True,
            top_logprobs=2,
            stream=True,
            stream_options={"include_usage": True},
        )
    )
    for chunk in chunks:
        ChatCompletionChunk.model_validate(chunk.model_dump(exclude_unset=True))
    *parts, end, usage = chunks
    assert {chunk.id for chunk in chunks} == {usage.id} != {whole.id}
    assert parts[0].choices[0].delta.role == "assistant"
    text = "".join(part.choices[0].delta.content for part in parts)
    assert text == whole.choices[0].message.content != ""
    assert end.choices[0].finish_reason == whole.choices[0].finish_reason == "length"
    assert usage.choices == []
    counted = usage.usage.model_dump()
    expected = whole.usage.model_dump()
    # The prompt of the second request is known from the first, and its answer is guessed from that
    # one's; all else is the same.
    for its in (counted, expected):
        for name in ("prompt_tokens_details", "completion_tokens_details", "steps"):
            its.pop(name)
    assert counted == expected
    assert counted["completion_tokens"] == 5
    streamed = [record for part in parts[1:] for record in part.metrics]
    places = [part.cur_pos for part in parts[1:] if hasattr(part, "cur_pos")]
    assert places == [record["position"] for record in streamed]
    for record, expected in zip(streamed, whole.metrics, strict=True):
        expected.pop("drafted"), record.pop("drafted")
        assert record == {k: approximately(v) for k, v in expected.items()}
    logprobs = [one for part in parts[1:] for one in part.choices[0].logprobs.content]
    assert len(logprobs) == len(whole.choices[0].logprobs.content) == len(whole.metrics) == 5


def test_logprobs_are_aligned_with_metrics(client):
    answer = ask(client, max_tokens=5, logprobs=True, top_logprobs=3)
    for token, record in zip(answer.choices[0].logprobs.content, answer.metrics, strict=True):
        assert token.token == record["token"]
        assert token.logprob == record["logprob"] <= 0
        assert bytes(token.bytes).decode() == token.token
        best = [other.logprob for other in token.top_logprobs]
        assert len(best) == 3
        assert best == sorted(best, reverse=True)
        assert best[0] >= token.logprob
    assert [record["position"] for record in answer.metrics] == [
        answer.usage.prompt_tokens + i for i in range(5)
    ]


def test_metrics_come_with_the_plain_sampler_too(client):
    answer = ask(client, extra={"sampler": "normal"}, temperature=0)
    assert all(record["quadrant"] is None for record in answer.metrics)
    assert all(record[name] is not None for record in answer.metrics for name in Metrics._fields)
    assert "Paris" in answer.choices[0].message.content
    assert not hasattr(ask(client, max_tokens=1, extra={"metrics": False}), "metrics")


def test_a_window_gives_means_and_slopes(client):
    extra = {"window": 3}
    whole = ask(client, extra=extra, n=2)
    ChatCompletion.model_validate(whole.model_dump(exclude_unset=True))
    for choice in (0, 1):
        records = [record for record in whole.metrics if record["choice"] == choice]
        for at, record in enumerate(records):
            assert record["window"]["size"] == 3
            for name in Metrics._fields:
                last = [one[name] for one in records[max(0, at - 2) : at + 1]]
                found = record["window"][name]
                assert found["mean"] == pytest.approx(sum(last) / len(last), abs=1e-6)
                assert (found["slope"] is None) == (at == 0)
                if at >= 2:
                    assert found["slope"] == pytest.approx((last[2] - last[0]) / 2, abs=1e-6)
    streamed = [r for part in ask(client, extra=extra, stream=True) for r in _records(part)]
    alone = [record for record in whole.metrics if record["choice"] == 0]
    assert [r["window"]["size"] for r in streamed] == [3] * len(alone)
    for record, expected in zip(streamed, alone, strict=True):
        for name in Metrics._fields:
            assert record["window"][name]["mean"] == approximately(expected["window"][name]["mean"])
    assert "window" not in ask(client, max_tokens=1).metrics[0]
    text = client.completions.create(
        model="SmolLM2-135M-Instruct", prompt="One, two,", max_tokens=2, extra_body={"window": 512}
    )
    assert text.metrics[1]["window"]["size"] == 512


def _records(part):
    return getattr(part, "metrics", None) or []


def test_samplers_and_their_values_are_obeyed(client):
    # FLOWING under a condition that always holds: the likeliest token, as the plain sampler at 0.
    certain = {"flowing": {"when": ["logits_entropy < high"]}, "high_logits_entropy_threshold": 20}
    flowing = ask(client, max_tokens=4, extra={"sampler": "frog", "sampler_config": certain})
    assert {record["quadrant"] for record in flowing.metrics} == {"FLOWING"}
    assert all(record["temperature"] is None for record in flowing.metrics)
    greedy = ask(client, max_tokens=4, temperature=0, extra={"sampler": "normal"})
    assert flowing.choices[0].message.content == greedy.choices[0].message.content
    narrow = ask(client, max_tokens=4, seed=9, extra={"sampler": "normal", "top_k": 1})
    assert narrow.choices[0].message.content == greedy.choices[0].message.content


def test_values_may_have_the_published_ports_flat_names(client):
    """They are those of its samplers, also where the request names none."""
    short = {"low_ent_thresh": 0.2, "temp": 0.1}
    answer = ask(client, max_tokens=2, extra={"sampler_config": short})
    assert all(record["quadrant"] for record in answer.metrics)
    bound = {"temperature": 1.0, "top_p": 0.5, "epsilon": 0.5, "min_consideration": 1}
    answer = ask(client, max_tokens=4, seed=9, extra={"sampler_config": bound})
    assert {record["quadrant"] for record in answer.metrics} == {None}
    assert {record["top_p"] for record in answer.metrics} == {1.0}


def test_content_is_never_control_tokens(client):
    lengths = []
    for text in ("<|im_end|>", "<|im_endX"):
        roles = ("system", "user", "assistant", "tool")
        messages = [{"role": role, "content": text} for role in roles]
        lengths.append(ask(client, messages, max_tokens=1).usage.prompt_tokens)
    # As control tokens, four names would be shorter by far than spelled as text.
    assert abs(lengths[0] - lengths[1]) <= 4


def test_a_stream_closed_halfway_frees_its_row(client, server):
    story = [{"role": "user", "content": "Write a long story about a lighthouse."}]
    with ask(client, story, stream=True, max_tokens=2000) as stream:
        for _, _chunk in zip(range(4), stream, strict=False):
            pass
        assert server.health()["rows"] == 1
    server.wait(lambda health: health["rows"] == 0, seconds=10)


def test_second_turn_reuses_the_first(client, server):
    history = [{"role": "user", "content": "Count the sheep on the hill. " * 15}]
    first = ask(client, history, max_tokens=4)
    history += [{"role": "assistant", "content": first.choices[0].message.content}, *QUESTION]
    second = ask(client, history, max_tokens=8)
    cached = second.usage.prompt_tokens_details.cached_tokens
    assert cached > 0.8 * first.usage.prompt_tokens
