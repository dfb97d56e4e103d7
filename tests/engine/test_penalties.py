"""Penalties and biases in the engine: each row by its own tokens, whatever becomes of it."""

import mlx.core as mx
import numpy as np
import pytest

from mlx_entropix import PRESETS, PlainConfig
from mlx_entropix.engine import Engine, Request, fork_config
from mlx_entropix.errors import ConfigError
from mlx_entropix.model.decoder import Span
from tests.engine.family import alone, search
from tests.engine.guessing import Guesses, drawn, following, ids, spoil, write
from tests.engine.test_fork_drafts import ahead, drafted
from tests.sampling import oracle

PENALTIES = {"repetition_penalty": 1.2, "presence_penalty": 0.3, "frequency_penalty": 0.5}
PROMPT = (5, 6, 7, 6)
BIAS = ((5, 1.5), (900, -100.0))


def logits_behind(model, tokens):
    """The model's logits (n, V) behind each of the tokens."""
    cache = model.empty_cache()
    cache.join([], room=len(tokens))
    looked = model.forward(mx.array(tokens), [Span(0, len(tokens), len(tokens))], cache)
    return np.array(looked.logits.astype(mx.float32), np.float64)


@pytest.mark.parametrize("drafts", [False, True])
def test_the_sampler_sees_what_numpy_makes_of_the_models_logits(tiny, drafts):
    """A greedy row and one by draws, beside one without penalties; the prefix is of the answer."""
    greedy = PlainConfig(temperature=0, **PENALTIES)
    requests = [
        Request(PROMPT, greedy, 16, prefix=(8, 9), logit_bias=BIAS),
        Request(PROMPT, PRESETS["entropix"].override(PENALTIES), 12, seed=3),
        Request(PROMPT, PlainConfig(temperature=0), 12),
    ]
    rows = write(tiny, requests)
    if drafts:
        guess = spoil(following([ids(events) for events in rows], 4), 2)
        rows = write(tiny, requests, Guesses(guess))
        assert any(event.drafted for event in drawn(rows[0]))
    for request, events in zip(requests, rows, strict=True):
        whole = [*request.prompt, *request.prefix, *ids(events)]
        logits = logits_behind(tiny[0], whole)
        asked = request.config.penalizes
        numbers = list(PENALTIES.values()) if asked else [1, 0, 0]
        for event in drawn(events):
            at = event.position
            before = whole[len(request.prompt) : at]
            seen = oracle.changed(
                logits[at - 1], request.prompt, before, *numbers, request.logit_bias
            )
            of_model = oracle.log_softmax(logits[at - 1])
            assert event.logprob == pytest.approx(
                oracle.log_softmax(seen)[event.token_id], abs=1e-3
            )
            if request.config.temperature == 0:
                assert seen[event.token_id] == pytest.approx(seen.max(), abs=1e-3)
            assert (event.of_model is not None) == asked
            if asked:
                expected = of_model[event.token_id]
                assert event.of_model.logprob == pytest.approx(expected, abs=1e-3)


def test_a_path_that_left_another_is_penalized_for_its_own_tokens(tiny):
    config = PlainConfig(temperature=1.0, **PENALTIES)
    request = Request(PROMPT, config, 12, seed=2, logit_bias=BIAS)
    paths = fork_config({"policy": "first", "paths": 3})
    family = search(tiny, request, paths)
    assert len(family.written) > 1
    for branch, events in family.written.items():
        again = [event.token_id for event in alone(tiny, family, branch)]
        assert again == [event.token_id for event in events]


def test_a_token_with_a_bias_of_minus_100_is_not_drawn_and_one_of_100_always_is(tiny):
    hot = PlainConfig(temperature=5, top_k=0, top_p=1, min_p=0)
    always = drawn(write(tiny, [Request(PROMPT, hot, 6, logit_bias=((77, 100.0),))])[0])
    assert {event.token_id for event in always} == {77}
    usual = ids(write(tiny, [Request(PROMPT, PlainConfig(temperature=0), 1)])[0])
    banned = Request(PROMPT, PlainConfig(temperature=0), 1, logit_bias=((usual[0], -100.0),))
    assert ids(write(tiny, [banned])[0]) != usual


def test_a_bias_of_no_token_is_refused(tiny):
    with pytest.raises(ConfigError, match=r"token id 99999; .* ids are 0 to 49151"):
        Engine(*tiny).add(Request(PROMPT, PlainConfig(), 1, logit_bias=((99999, 1.0),)))


def test_paths_that_part_late_are_penalized_for_their_own_tokens_where_guesses_are_verified(tiny):
    request = Request(PROMPT, PlainConfig(temperature=1.2, **PENALTIES), 12, seed=3)
    paths = fork_config("entropy", paths=4, ways=2, distance=3, least=0.0)
    expected = search(tiny, request, paths)
    assert max(fork.position for fork in expected.forks.values()) > len(PROMPT) + 2
    guess = Guesses(lambda row: [*ahead(expected, row)[:2], 3])  # two are right, one is not
    family = drafted(tiny, request, paths, guess)
    assert any(event.drafted for events in family.written.values() for event in events)
    for branch, events in family.written.items():
        answer = family.ids(branch)
        assert answer == expected.ids(branch)
        logits = logits_behind(tiny[0], [*PROMPT, *answer])
        for event in events:
            before = answer[: event.position - len(PROMPT)]
            numbers = PENALTIES.values()
            seen = oracle.changed(logits[event.position - 1], PROMPT, before, *numbers, ())
            expected_logprob = oracle.log_softmax(seen)[event.token_id]
            assert event.logprob == pytest.approx(expected_logprob, abs=1e-3)
