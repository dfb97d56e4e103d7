"""Scores against hand-made cases and NumPy, and what policies do by them."""

from math import log

import numpy as np
import pytest

from mlx_entropix import PlainConfig
from mlx_entropix.engine import Alternative, Engine, Request, TokenEvent, fork_config
from mlx_entropix.engine.search import scores
from mlx_entropix.engine.search.extract import Extract
from mlx_entropix.engine.search.search import part
from mlx_entropix.sampling import Metrics
from tests.engine.family import alone, search
from tests.engine.test_search import ENTROPIX, PROMPT, WARM, width
from tests.model.spans import forward


def token(*probabilities, text="x", entropy=0.0, certainty=None):
    """A token with these alternatives, itself the first of them."""
    others = tuple(Alternative(i, str(i), log(p)) for i, p in enumerate(probabilities))
    metrics = Metrics(entropy, 0.0, 0.0, 0.0, 0.0, 0.0)
    return TokenEvent(
        0, 0, 0, text, text, others[0].logprob, metrics, None, None, others, certainty=certainty
    )


def test_scores_by_hand():
    tokens = [
        token(0.5, 0.25, entropy=1.0, certainty=2.0),
        token(0.25, 0.25, entropy=2.0, certainty=1.0),
        token(0.5, 0.125, entropy=3.0, certainty=6.0),
    ]
    assert scores.logprob(tokens) == pytest.approx(-log(2) * 4 / 3)
    assert scores.delta(tokens) == pytest.approx((0.25 + 0 + 0.375) / 3)
    bits = [1.5, 2.0, 2.0]  # the mean surprise of both alternatives
    assert scores.mean_confidence(tokens) == pytest.approx(log(2) * np.mean(bits))
    assert scores.tail_confidence(tokens, 2) == pytest.approx(log(2) * 2)
    assert scores.tail_confidence(tokens, 9) == pytest.approx(log(2) * np.mean(bits))
    assert scores.lowest_confidence(tokens, 2) == pytest.approx(log(2) * 1.75)
    assert scores.lowest_confidence(tokens, 1) == pytest.approx(log(2) * 1.5)
    assert scores.lowest_confidence(tokens, 3) == pytest.approx(log(2) * np.mean(bits))
    assert scores.self_certainty(tokens) == pytest.approx(3)
    assert scores.negative_entropy(tokens) == pytest.approx(-2)


def test_delta_is_of_the_answers_tokens_alone():
    tokens = [token(0.9, 0.1, text=t) for t in ("It", " is")]
    tokens += [token(0.6, 0.4, text=" 4"), token(0.7, 0.2, text="2"), token(1.0, text=".")]
    whole = "Well. It is 42."
    at = whole.index("42")
    inside = part(tokens, Extract("42", at, at + 2), before=len("Well. "))
    assert [t.text for t in inside] == [" 4", "2"]
    assert scores.all_scores(tokens, inside, 16)["delta"] == pytest.approx((0.2 + 0.5) / 2)
    assert part(tokens, None) == tokens


@pytest.mark.parametrize("config", [ENTROPIX, WARM], ids=["entropix", "warm"])
@pytest.mark.parametrize("policy", ["first", "entropy"])
def test_scores_of_paths_are_those_of_the_models_logits(tiny, config, policy):
    """All of them in float64 over the whole vocabulary, after a pass over each path's tokens."""
    model, window = tiny[0], 3
    plan = fork_config(width(policy, 3).model_dump(), window=window, extract="none")
    family = search(tiny, Request(PROMPT, config, 9, seed=3), plan)
    for path in family.settled.paths:
        sequence = [*PROMPT, *family.ids(path.branch)]
        cache = model.empty_cache()
        cache.join()
        looked = forward(model, cache, [(0, sequence[:-1], len(sequence) - len(PROMPT))])
        logits = np.array(looked.logits[-len(sequence) + len(PROMPT) :], np.float64)
        best = logits.max(axis=1, keepdims=True)
        logprobs = logits - best - np.log(np.exp(logits - best).sum(axis=1, keepdims=True))
        p, ranked = np.exp(logprobs), -np.sort(-logprobs, axis=1)
        confidence = -ranked[:, :20].mean(axis=1)
        windows = [confidence[i : i + window].mean() for i in range(len(p) - window + 1)]
        expected = {
            "logprob": logprobs[range(len(p)), sequence[len(PROMPT) :]].mean(),
            "delta": (np.exp(ranked[:, 0]) - np.exp(ranked[:, 1])).mean(),
            "confidence": confidence.mean(),
            "tail_confidence": confidence[-window:].mean(),
            "lowest_confidence": min(windows, default=confidence.mean()),
            "self_certainty": (-np.log(p.shape[1]) - logprobs).mean(),
            "negative_entropy": (p * logprobs).sum(axis=1).mean() / np.log(2),
        }
        assert dict(path.scores) == pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize(("keep", "kept"), [(0.1, 1), (0.5, 2), (0.9, 3)])
def test_deepconf_drops_what_falls_under_what_the_first_paths_had(tiny, keep, kept):
    window, seen = 4, 0
    config = fork_config("deepconf", paths=8, warmup=3, keep=keep, window=window)
    for seed in range(3):
        request = Request(PROMPT, PlainConfig(temperature=1.5, top_k=40), 14, seed, stop=("w", "k"))
        family = search(tiny, request, config)
        paths = family.settled.paths
        lowest = sorted(path.scores["lowest_confidence"] for path in paths[:3])
        border = lowest[3 - kept] * (1 - 1e-3)
        assert not any(path.finish_reason == "dropped" for path in paths[:3])
        for path in paths[3:]:
            values = [scores.confidence(event) for event in family.written[path.branch]]
            ends = range(window, len(values) + 1) if len(values) >= window else [len(values)]
            low = [end for end in ends if np.mean(values[max(0, end - window) : end]) < border]
            assert (path.finish_reason == "dropped") == bool(low)
            if low:
                assert len(values) == low[0]
            seen += 1
    assert seen == 15


def test_a_majority_that_is_decided_early_is_that_of_all_paths(tiny):
    """The paths that were dropped are written to their ends, and vote after all."""
    early = 0
    for seed in range(10):
        config = fork_config("independent", paths=6, extract="regex:[ae]")
        request = Request(PROMPT, WARM, 20, seed, stop=("w", "k", "g"))
        family = search(tiny, request, config, engine=Engine(*tiny, max_rows=6))
        settled, answers = family.settled, []
        for path in settled.paths:
            text = path.text
            if path.finish_reason == "dropped":
                early += 1
                text = "".join(event.text for event in alone(tiny, family, path.branch))
            answers += [letter for letter in text if letter in "ae"][-1:]
        winner = settled.votes[0].answer
        assert all(answers.count(winner) >= answers.count(other) for other in answers)
    assert early > 5
