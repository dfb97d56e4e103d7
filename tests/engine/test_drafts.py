"""Drafts change nothing but the time: right, wrong, in part, of any length, beside other rows."""

import copy
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlx_entropix import PRESETS, PlainConfig, generate
from mlx_entropix.engine import Engine, Request, TokenEvent
from mlx_entropix.engine.draft import IndexDrafter
from mlx_entropix.sampling.presets import SAMPLERS
from tests.engine.guessing import Guesses, drawn, following, ids, same, spoil, write
from tests.engine.test_search import Scripted
from tests.sampling.cases import PROFILE

ENTROPIX = PRESETS["entropix"]
GREEDY = PlainConfig(temperature=0)
WARM = PlainConfig(temperature=1.0)
LOOKS_BACK = ENTROPIX.override({"resampling": {"when": ["logits_entropy_slope > 0.0"]}})
PROMPT = (5, 6, 7)
CONFIGS = {
    **SAMPLERS,
    "greedy": GREEDY,
    "unfiltered": PlainConfig(temperature=1.3, top_p=0, top_k=0, min_p=0),
    "top_p": PlainConfig(temperature=1.5, top_p=0.8, top_k=0, min_p=0),
    "top_k": PlainConfig(temperature=2.0, top_p=0, top_k=7, min_p=0),
    "min_p": PlainConfig(temperature=1.5, top_p=0, top_k=0, min_p=0.1, min_tokens_to_keep=3),
    "top_n_sigma": PlainConfig(temperature=1.5, top_p=0, top_k=0, min_p=0, top_n_sigma=1.0),
    "p_less": PlainConfig(temperature=2.0, top_p=0, top_k=0, min_p=0, p_less=True),
    "gain": PlainConfig(temperature=2.0, top_p=0, top_k=0, min_p=0, min_entropy_gain=0.05),
    "xtc": PlainConfig(temperature=1.5, xtc_probability=0.5, xtc_threshold=0.01),
    "penalties": ENTROPIX.override(
        {"repetition_penalty": 1.3, "presence_penalty": 0.4, "frequency_penalty": 0.8}
    ),
    "looks back": LOOKS_BACK,
}


@pytest.mark.parametrize("name", CONFIGS)
def test_tokens_and_all_that_is_said_of_them_are_those_without_drafts(tiny, name):
    asked = {"config": CONFIGS[name], "max_tokens": 20, "alternatives": 3, "certainty": True}
    requests = [Request(PROMPT, seed=4, **asked), Request((9, 8), seed=5, **asked)]
    expected = write(tiny, requests)
    guess = spoil(following([ids(events) for events in expected], 5), 3)
    rows = write(tiny, requests, Guesses(guess))
    for events, others in zip(rows, expected, strict=True):
        same(events, others)
    # Conditions on the way that metrics went need each token before the next.
    assert any(event.drafted for event in drawn(rows[0])) == (name != "looks back")


@pytest.mark.parametrize("right", [0, 1, 4])
def test_tokens_that_are_guessed_need_no_step_of_their_own(tiny, right):
    requests = [Request(PROMPT, ENTROPIX, 24, seed=4), Request((9, 8), WARM, 24, seed=5)]
    texts = [ids(events) for events in write(tiny, requests)]
    guess = spoil(following(texts, 4), right)
    one = write(tiny, requests, Guesses(lambda row: guess(row) if row.id == 0 else []))
    assert [ids(events) for events in one] == texts
    summaries = [drawn(events)[-1].summary for events in one]
    # The first two were under way when the first guess could be made.
    assert summaries[0].steps == 2 + -(-22 // (right + 1))
    assert summaries[0].steps + summaries[0].accepted_tokens == 24
    assert summaries[0].accepted_tokens == sum(event.drafted for event in drawn(one[0]))
    assert (summaries[0].accepted_tokens > 0) == (right > 0)
    assert summaries[0].drafted_tokens >= summaries[0].accepted_tokens
    assert (summaries[1].steps, summaries[1].drafted_tokens) == (24, 0)


def test_the_seed_decides_with_drafts_too(tiny):
    """Guesses are those of another seed, so that nearly all are wrong."""
    requests = [Request(PROMPT, WARM, 16, seed=seed) for seed in range(4)]
    texts = [ids(events) for events in write(tiny, requests)]
    assert len(set(map(tuple, texts))) == 4
    others = following(texts[1:] + texts[:1], 6)
    assert [ids(events) for events in write(tiny, requests, Guesses(others))] == texts


def test_a_row_ends_inside_a_draft_where_it_ends_without(tiny):
    """At a stop string of several tokens, at the end-of-sequence token, at its most tokens."""
    model, tokenizer = tiny
    request = Request(PROMPT, WARM, 30, seed=3)
    whole = drawn(write(tiny, [request])[0])
    text = ids(whole)
    letters = "".join(event.text for event in whole[8:11])
    early = copy.copy(tokenizer)
    early.eos_token_ids = frozenset({text[10]})
    cases = [
        (tokenizer, replace(request, stop=("zzz", letters[1:-1]))),
        (tokenizer, replace(request, stop=(letters,))),
        (early, request),
        (early, replace(request, stop=(whole[10].token,))),
        (tokenizer, replace(request, max_tokens=11)),
    ]
    for words, asked in cases:
        expected = write((model, words), [asked])
        assert 9 <= len(drawn(expected[0])) <= 11
        for count in (2, 3, 30):
            guess = following([text], count)  # goes on behind the end
            same(write((model, words), [asked], Guesses(guess))[0], expected[0])


def test_a_row_ends_at_the_models_context_inside_a_draft(tiny):
    request = Request((5, 6) * 120, GREEDY, 4096)
    expected = write(tiny, [request])
    assert len(ids(expected[0])) == 256 - 240
    for drafter in (
        Guesses(following([ids(expected[0]) + [3] * 30], 7)),
        Guesses(lambda _: [3] * 9),
    ):
        same(write(tiny, [request], drafter)[0], expected[0])


def test_a_stop_text_by_itself_is_one_text(tiny):
    byte = {tiny[1].token_bytes(i): i for i in range(1000)}
    text = [byte[bytes([value])] for value in "a🙂 🙂!é.".encode()]
    model = Scripted(tiny[0], {3 + i: (token,) for i, token in enumerate(text)})
    asked = {"config": GREEDY, "max_tokens": len(text), "stop": "🙂!"}
    assert generate(model, tiny[1], list(PROMPT), **asked) == "a🙂 "


@pytest.mark.parametrize("stop", [(), ("🙂!",), ("é", "zz")])
def test_characters_and_stop_strings_that_a_draft_cuts_come_whole(tiny, stop):
    """Each byte is a token here, and drafts of each length cut them elsewhere."""
    byte = {tiny[1].token_bytes(i): i for i in range(1000)}
    text = [byte[bytes([value])] for value in "a🙂 🙂!é.".encode()]
    model = Scripted(tiny[0], {3 + i: (token,) for i, token in enumerate(text)}), tiny[1]
    request = Request(PROMPT, GREEDY, len(text), stop=stop)
    expected = write(model, [request])[0]
    written = "".join(event.text for event in drawn(expected))
    assert written == {(): "a🙂 🙂!é.", ("🙂!",): "a🙂 ", ("é", "zz"): "a🙂 🙂!"}[stop]
    for count in range(1, 8):
        same(write(model, [request], Guesses(following([text], count)))[0], expected)


def test_a_row_that_is_cancelled_while_a_draft_is_verified_disturbs_no_other(tiny):
    requests = [Request((i + 1, 2), WARM, 24, seed=i) for i in range(4)]
    texts = [ids(events) for events in write(tiny, requests)]
    engine = Engine(*tiny, max_rows=3, drafter=Guesses(spoil(following(texts, 5), 3)))
    for request in requests:
        engine.add(request)  # the last one waits for a place
    made = {i: [] for i in range(4)}
    cancelled = False
    while not engine.idle:
        for event in engine.step():
            if isinstance(event, TokenEvent):
                assert not (cancelled and event.row == 1)
                made[event.row].append(event.token_id)
        if not cancelled and len(made[1]) >= 8 and engine.rows[1].draft:
            engine.cancel(1)
            cancelled = True
    assert cancelled
    assert [made[i] for i in (0, 2, 3)] == [texts[i] for i in (0, 2, 3)]


def test_32_rows_with_other_drafts_each_write_what_they_write_without(tiny):
    configs = [*SAMPLERS.values(), GREEDY, WARM, LOOKS_BACK]
    requests = [
        Request((i + 1,) * (1 + 5 * i % 37), configs[i % len(configs)], 6 + i % 9, seed=i)
        for i in range(32)
    ]
    expected = write(tiny, requests)
    texts = [ids(events) for events in expected]

    def guess(row):
        return spoil(following(texts, row.id % 7), row.id % 5)(row)

    rows = write(tiny, requests, Guesses(guess), prefill_chunk=90)
    for events, others in zip(rows, expected, strict=True):
        same(events, others)


def test_prompts_are_scored_beside_drafts_and_go_on_with_them(tiny):
    requests = [
        Request((*range(5, 45),), ENTROPIX, 8, seed=1, scores_prompt=True, alternatives=2),
        Request(PROMPT, WARM, 20, seed=2),
        Request((*range(60, 90),), WARM, 0, scores_prompt=True),
    ]
    expected = write(tiny, requests, prefill_chunk=7)
    guess = spoil(following([ids(events) for events in expected], 4), 2)
    rows = write(tiny, requests, Guesses(guess), prefill_chunk=7)
    for events, others in zip(rows, expected, strict=True):
        same(events, others)


def test_what_the_prefix_cache_keeps_of_a_row_with_drafts_is_right(tiny):
    """Of a conversation whose every turn begins with all that was said before."""
    engine = Engine(*tiny, prefix_cache_bytes=1 << 26)
    prompt, turns = PROMPT, []
    for turn in range(4):
        request = Request(prompt, WARM, 15, seed=turn)
        expected = write(tiny, [request])[0]
        turns.append(ids(expected))
        engine.drafter = Guesses(spoil(following([*turns], 6), turn + 1))
        row, events = engine.add(request), []
        assert row == turn
        while not engine.idle:
            events += engine.step()
        same(events, expected)
        if turn:
            assert drawn(events)[-1].summary.cached_tokens >= len(prompt) - 3
        prompt = (*prompt, *turns[-1], 40 + turn, 50)


def test_an_answer_that_comes_again_is_drafted_from_the_first(tiny):
    class Untimed(IndexDrafter):  # by the clock it might decide otherwise each time
        def took(self, positions, seconds):
            pass

    engine = Engine(*tiny, max_rows=2, drafter=Untimed())
    request = Request(tuple(range(20, 32)), WARM, 30, seed=1, owner="one")
    expected = write(tiny, [request])[0]
    accepted = []
    for asked in (request, request, replace(request, owner="other")):
        engine.add(asked)
        events = []
        while not engine.idle:
            events += engine.step()
        same(events, expected)
        accepted.append(drawn(events)[-1].summary.accepted_tokens)
    assert accepted[1] > 0
    assert accepted[0] == accepted[2]  # of another owner, who has no past


@pytest.mark.slow
@given(st.data())
@settings(PROFILE, max_examples=10)
def test_any_drafts_leave_all_rows_as_they_are(tiny, data):
    configs = [ENTROPIX, WARM, GREEDY, CONFIGS["top_k"]]
    requests = [
        Request(
            (i + 5,) * data.draw(st.integers(1, 30)),
            data.draw(st.sampled_from(configs)),
            data.draw(st.integers(1, 14)),
            seed=data.draw(st.integers(0, 3)),
            stop=data.draw(st.sampled_from([(), ("a", "e")])),
            certainty=True,
        )
        for i in range(data.draw(st.integers(1, 4)))
    ]
    whole = write(tiny, [replace(request, max_tokens=20, stop=()) for request in requests])
    texts = [ids(events) for events in whole]

    def guess(row):
        ahead = texts[row.id][row.generated :][: data.draw(st.integers(0, 6))]
        return ahead + data.draw(st.lists(st.integers(0, 49151), max_size=4))

    rows = write(tiny, requests, Guesses(guess), prefill_chunk=data.draw(st.integers(1, 40)))
    for events, others in zip(rows, write(tiny, requests), strict=True):
        same(events, others)
