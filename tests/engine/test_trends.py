"""Rows whose conditions look back: what they saw is their own, however they come and go."""

import numpy as np
import pytest

from mlx_entropix import PRESETS, PlainConfig
from mlx_entropix.engine import Engine, Request, TokenEvent, encode_prompt
from mlx_entropix.sampling import Quadrant

from .test_engine import chat, run, text, tokens

ENTROPIX = PRESETS["entropix"]
NEVER = {"when": ["logits_entropy > 19", "logits_entropy < low"]}
OTHERS = dict.fromkeys(("flowing", "treading", "exploring"), NEVER)
SLOPE_WHEN = {"when": ["logits_entropy_slope > 0.1", "logits_entropy > 1"]}
MEAN_WHEN = {"when": ["logits_entropy_mean < 3.5", "logits_varentropy > 0.5"]}
SLOPE = ENTROPIX.override({**OTHERS, "resampling": SLOPE_WHEN, "window": 4})
MEAN = ENTROPIX.override({**OTHERS, "resampling": MEAN_WHEN, "window": 20})


def quadrants(events):
    return [event.quadrant for event in events if isinstance(event, TokenEvent)]


@pytest.mark.parametrize("config", [SLOPE, MEAN], ids=["slope", "mean"])
def test_quadrants_are_those_of_the_rows_own_metrics(bundled, config):
    model, tokenizer = bundled
    request = Request(chat(tokenizer, "Write a story about a boat."), config, 24, seed=2)
    events = [e for e in run(Engine(model, tokenizer), [request])[0] if isinstance(e, TokenEvent)]
    entropy = np.array([event.metrics.logits_entropy for event in events])
    varentropy = np.array([event.metrics.logits_varentropy for event in events])
    for now, quadrant in enumerate(quadrants(events)):
        seen = entropy[max(0, now + 1 - config.window) : now + 1]
        slope = np.polyfit(np.arange(len(seen)), seen, 1)[0] if now else 0.0
        if config is SLOPE:
            holds = slope > 0.1 and entropy[now] > 1
        else:
            holds = seen.mean() < 3.5 and varentropy[now] > 0.5
        assert holds == (quadrant is Quadrant.RESAMPLING), now
    assert 3 <= quadrants(events).count(Quadrant.RESAMPLING) <= 21


def test_a_row_that_looks_back_is_the_same_alone_and_among_others(tiny):
    when = ["logits_entropy_mean < 12", "logits_varentropy > 10"]  # now and then, for this model
    mean = MEAN.override({"resampling": {"when": when}})
    requests = [
        Request((5, 6, 7), SLOPE, 30, seed=1),
        Request((8,), PlainConfig(temperature=0), 5, seed=2),
        Request((504,), ENTROPIX, 36, seed=3),
        Request((9, 10) * 50, mean, 26, seed=4),
        Request((11, 12), SLOPE.override({"window": 64}), 14, seed=5),
    ]
    alone = [run(Engine(*tiny), [request])[0] for request in requests]
    # Three at a time: some join late, some leave early, and ones that look back are among ones
    # that do not.
    for order in (requests, requests[::-1]):
        together = run(Engine(*tiny, max_rows=3, prefill_chunk=40), order)
        for request, events in zip(order, together, strict=True):
            expected = alone[requests.index(request)]
            assert tokens(events) == tokens(expected)
            assert quadrants(events) == quadrants(expected)
    for events in alone[0], alone[3]:
        assert 3 <= quadrants(events).count(Quadrant.RESAMPLING) <= len(events) - 3


def test_an_answer_after_a_cached_beginning_looks_back_at_itself_alone(bundled):
    model, tokenizer = bundled
    turns = [{"role": "user", "content": "Tell me about the sea, the wind and the rain."}]

    def ask(engine):
        return run(engine, [Request(encode_prompt(tokenizer, turns), SLOPE, 8, seed=6)])[0]

    engine = Engine(model, tokenizer, prefix_cache_bytes=1 << 28)
    turns += [
        {"role": "assistant", "content": text(ask(engine))},
        {"role": "user", "content": "And the sun?"},
    ]
    second = ask(engine)
    assert second[-1].summary.cached_tokens > 10
    assert tokens(second) == tokens(ask(Engine(model, tokenizer)))


def test_nothing_is_kept_where_no_row_looks_back(tiny):
    engine = Engine(*tiny)
    engine.add(Request((504,), ENTROPIX, 12, seed=1))
    engine.step()
    assert engine._queued.sampled.recent is None
    engine.add(Request((504,), SLOPE, 3, seed=1))
    engine.step()
    assert engine._queued.sampled.recent.shape[0] == 2
    while len(engine.rows) != 1:
        engine.step()
    assert engine._queued.sampled.recent is None
