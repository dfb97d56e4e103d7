"""Answers put together from events, without a server."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from mlx_entropix.engine import Alternative, Summary, TokenEvent
from mlx_entropix.sampling import Metrics
from mlx_entropix.server.choice import Choice
from mlx_entropix.server.text_reply import TextReply


def summary(cached: int) -> Summary:
    seconds = {"prompt_seconds": 1, "first_token_seconds": 1, "generation_seconds": 1}
    counts = {"prompt_tokens": 9, "completion_tokens": 1, "cached_tokens": cached}
    counts |= {"steps": 3, "drafted_tokens": 5, "accepted_tokens": 2}
    return Summary(**counts, **seconds, peak_memory_gb=1)


def answer(index: int, token: str, logprob: float, alternatives=(), cached: int = 0) -> Choice:
    choice = Choice(index)
    others = tuple(Alternative(i, *other) for i, other in enumerate(alternatives))
    metrics = Metrics(*[0.0] * len(Metrics._fields))
    event = TokenEvent(0, 9, 3, token, token, logprob, metrics, None, None, others, "length")
    choice.take(replace(event, summary=summary(cached)))
    return choice


def reply(answers: int) -> TextReply:
    tokenizer = SimpleNamespace(stream_decoder=lambda: None)
    return TextReply("model", tokenizer, 0, answers, alternatives=4, with_metrics=False)


@pytest.mark.parametrize(
    ("token", "logprob", "expected"),
    [
        ("a", -1.0, {"a": -1.0, "b": -2.0}),
        ("b", -2.0, {"a": -1.0, "b": -2.0}),
        ("b", -5.0, {"a": -1.0, "b": -2.0}),  # another token that reads alike
        ("c", -7.0, {"a": -1.0, "b": -2.0, "c": -7.0}),
    ],
)
def test_of_tokens_that_read_alike_the_likeliest_counts(token, logprob, expected):
    best = [("a", -1.0), ("b", -2.0), ("a", -3.0), ("b", -4.0)]
    whole = reply(1).whole([answer(0, token, logprob, best)])
    assert whole["choices"][0]["logprobs"]["top_logprobs"] == [expected]
    assert whole["choices"][0]["logprobs"]["token_logprobs"] == [logprob]


def test_a_prompt_counts_once_for_all_its_answers():
    choices = [answer(i, "a", -1.0, cached=cached) for i, cached in enumerate([4, 8, 5, 8])]
    assert reply(2).whole(choices)["usage"] == {
        "prompt_tokens": 18,
        "completion_tokens": 4,
        "total_tokens": 22,
        "prompt_tokens_details": {"cached_tokens": 9},
        "completion_tokens_details": {
            "reasoning_tokens": 0,
            "accepted_prediction_tokens": 8,
            "rejected_prediction_tokens": 12,
        },
        "steps": 12,
    }
