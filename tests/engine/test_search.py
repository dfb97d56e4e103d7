"""Requests that fork: each path is what it is alone, and the answer is one of them."""

from dataclasses import replace

import mlx.core as mx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlx_entropix import PRESETS, PlainConfig
from mlx_entropix.choices import FORKS
from mlx_entropix.engine import Engine, Request, TokenEvent, fork_config
from tests.engine.family import alone, search
from tests.sampling.cases import PROFILE

ENTROPIX = PRESETS["entropix"]
WARM = PlainConfig(temperature=1.0, top_k=40)
PROMPT = (5, 6, 7)


def width(policy, paths):
    """The `paths` of a policy, and little enough of everything else that a test is short."""
    few = {"distance": 2, "least": 0.0} if policy in ("entropy", "lookahead") else {}
    few |= {"horizon": 3} if policy == "lookahead" else {}
    return fork_config(policy, paths=paths, **few)


@st.composite
def searches(draw):
    """Any policy within any bounds, and a request for it."""
    policy = draw(st.sampled_from(FORKS))
    values = {
        "paths": draw(st.integers(1, 6)),
        "budget": draw(st.none() | st.integers(1, 70)),
        "extract": draw(st.sampled_from(["auto", "letter", "none", "regex:[a-f]"])),
        "vote": draw(st.sampled_from(["majority", "weighted", "borda", "best"])),
        "score": draw(st.sampled_from(["logprob", "delta", "self_certainty", "tail_confidence"])),
        "window": draw(st.integers(1, 6)),
    }
    if policy in ("entropy", "lookahead"):
        values |= {
            "distance": draw(st.integers(1, 4)),
            "max_forks": draw(st.integers(0, 12)),
            "least": draw(st.sampled_from([0.0, 0.02])),
            "when": draw(st.sampled_from([(), ("logits_entropy > 2.5",)])),
        }
    if policy == "entropy":
        values["ways"] = draw(st.integers(2, 4))
    if policy == "lookahead":
        values["horizon"] = draw(st.integers(1, 5))
    if policy == "deepconf":
        values |= {"warmup": draw(st.integers(1, 4)), "keep": draw(st.sampled_from([0.1, 0.9]))}
    request = Request(
        PROMPT,
        draw(st.sampled_from([ENTROPIX, WARM])),
        draw(st.integers(1, 18)),
        draw(st.integers(0, 50)),
        stop=draw(st.sampled_from([(), ("w", "k")])),
        prefix=draw(st.sampled_from([(), (40, 41)])),
    )
    return request, fork_config(policy, **values)


@pytest.mark.slow
@given(searches())
@settings(PROFILE, max_examples=10)
def test_each_path_is_written_again_alone_to_the_same_tokens(tiny, asked):
    request, config = asked
    family = search(tiny, request, config)
    limited = replace(family.request, max_tokens=min(request.max_tokens, config.budget or 99))
    family.request = limited
    for path in family.settled.paths:
        written = family.written[path.branch]
        assert list(path.token_ids) == family.ids(path.branch)[path.position - family.start :]
        if not written:
            continue
        again = alone(tiny, family, path.branch)
        assert [e.token_id for e in written] == [e.token_id for e in again[: len(written)]]
        for event, other in zip(written, again, strict=False):
            assert event.logprob == pytest.approx(other.logprob, abs=1e-3)
            assert event.certainty == pytest.approx(other.certainty, abs=1e-3)
            assert event.metrics == pytest.approx(other.metrics, abs=1e-3)
            assert event.quadrant == other.quadrant


def told(tokens):
    return [(t.position, t.token_id, t.text, t.logprob, t.finish_reason) for t in tokens]


@pytest.mark.slow
@given(searches())
@settings(PROFILE, max_examples=10)
def test_what_was_said_of_the_answer_is_the_chosen_path(tiny, asked):
    request, config = asked
    family = search(tiny, request, config, before="é")
    settled = family.settled
    chosen = next(path for path in settled.paths if path.branch == settled.chosen)
    assert [token.token_id for token in family.answered] == family.ids(chosen.branch)
    assert "é" + family.text == chosen.text
    last = family.answered[-1]
    assert last.finish_reason == chosen.finish_reason in ("stop", "length")
    assert last.summary.completion_tokens == settled.tokens == family.tokens
    assert not any(token.finish_reason or token.summary for token in family.answered[:-1])
    assert {token.row for token in family.answered} == {family.root}
    assert not any(token.alternatives for token in family.answered)


@pytest.mark.parametrize("policy", FORKS)
@pytest.mark.parametrize("config", [ENTROPIX, WARM], ids=["entropix", "warm"])
def test_a_width_of_one_gives_the_answer_without_forks(tiny, policy, config):
    for seed, stop in ((3, ()), (4, ("e", "o"))):
        request = Request(PROMPT, config, 20, seed, stop, alternatives=3)
        engine, plain = Engine(*tiny), []
        engine.add(request)
        while not engine.idle:
            plain += [event for event in engine.step() if isinstance(event, TokenEvent)]
        family = search(tiny, request, width(policy, 1))
        assert told(family.answered) == told(plain)
        assert [t.alternatives for t in family.answered] == [t.alternatives for t in plain]
        assert (family.settled.tokens, len(family.settled.paths)) == (len(plain), 1)


@pytest.mark.parametrize("policy", ["entropy", "lookahead"])
@pytest.mark.parametrize("never", [{"max_forks": 0}, {"when": ["logits_entropy > 99"]}])
def test_where_no_fork_is_taken_the_answer_is_that_without_forks(tiny, policy, never):
    request = Request(PROMPT, WARM, 16, seed=3)
    family = search(tiny, request, fork_config(policy, paths=4, **never))
    assert told(family.answered) == told(search(tiny, request, width("first", 1)).answered)
    assert family.forks == {}


class Scripted:
    """The model, but that at each of some positions it foretells certain tokens, best first."""

    def __init__(self, model, script):
        self._model = model
        self._script = script

    def __getattr__(self, name):
        return getattr(self._model, name)

    def forward(self, tokens, spans, cache):
        begins = list(cache.lengths)
        looked = self._model.forward(tokens, spans, cache)
        if looked is None:
            return None
        at = [begins[s.row] + s.length - s.look + i + 1 for s in spans for i in range(s.look)]
        logits = np.full(looked.logits.shape, -30.0, np.float32)
        for row, position in enumerate(at):
            for rank, token in enumerate(self._script.get(position, (60, 61, 62))):
                logits[row, token] = 10 - 0.1 * rank
        return looked._replace(logits=mx.array(logits))


@pytest.fixture(scope="module")
def ids(tiny):
    """The token of some bytes."""
    return {tiny[1].token_bytes(i): i for i in range(2000)}


def test_a_fork_within_a_character_completes_it_in_its_own_way(tiny, ids):
    """The token that parts them is the second half of a character."""
    first, second, other = (ids[part] for part in (b"\xc3", b"\xa9", b"\xa8"))
    model = Scripted(tiny[0], {3: (first,), 4: (second, other), 5: (ids[b"."],)})
    config = fork_config("entropy", paths=2, ways=2, when=["logits_entropy > 0.5"], vote="best")
    request = Request(PROMPT, PlainConfig(temperature=0), 3)
    family = search((model, tiny[1]), request, config)
    assert [path.text for path in family.settled.paths] == ["é.", "è."]
    assert [token.text for token in family.answered] == ["", "é", "."]


def test_a_fork_may_take_the_end_of_the_answer(tiny, ids):
    end = min(tiny[1].eos_token_ids)
    model = Scripted(tiny[0], {3: (ids[b"A"],), 4: (ids[b"B"], end), 5: (ids[b"C"],)})
    config = fork_config("entropy", paths=2, ways=2, when=["logits_entropy > 0.5"], extract="none")
    family = search((model, tiny[1]), Request(PROMPT, PlainConfig(temperature=0), 3), config)
    ends = [(path.text, path.finish_reason) for path in family.settled.paths]
    assert ends == [("ABC", "length"), ("A", "stop")]
    assert family.text == "ABC"  # the likelier one
