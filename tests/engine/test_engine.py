"""The engine on the bundled model: rows that come and go are what they would be alone."""

import time

import mlx.core as mx
import numpy as np
import pytest

from mlx_entropix import PRESETS, PlainConfig
from mlx_entropix.engine import (
    Engine,
    PromptProgress,
    PromptScored,
    Request,
    RowFailed,
    TokenEvent,
    encode_prompt,
    generate,
    stream_generate,
)
from mlx_entropix.errors import PromptError
from mlx_entropix.model.load import load_model, load_source
from mlx_entropix.sampling import Quadrant, calculate_metrics, classify
from mlx_entropix.sampling.auto import auto_sampler
from mlx_entropix.weights.locate import bundled_model
from tests.engine.guessing import Guesses
from tests.model.checkpoints import random_model, save_folder

GREEDY = PlainConfig(temperature=0)
WARM = PlainConfig(temperature=1.0)
ENTROPIX = PRESETS["entropix"]


@pytest.fixture(scope="session")
def reference():
    """The bundled model as mlx-lm's own Llama."""
    source, _, _ = load_source(bundled_model())
    mx.eval(source.parameters())
    return source


def chat(tokenizer, text):
    return encode_prompt(tokenizer, [{"role": "user", "content": text}])


def run(engine, requests):
    """All events of some requests, by request."""
    index = {engine.add(request): i for i, request in enumerate(requests)}
    events = [[] for _ in requests]
    while not engine.idle:
        for event in engine.step():
            events[index[event.row]].append(event)
    return events


def tokens(events):
    return [event.token_id for event in events if isinstance(event, TokenEvent)]


def text(events):
    return "".join(event.text for event in events if isinstance(event, TokenEvent))


@pytest.mark.parametrize(
    "question", ["List five animals.", "Write a haiku about rain.", "17 + 26?"]
)
def test_greedy_equals_mlx_lm(bundled, reference, question):
    model, tokenizer = bundled
    prompt = chat(tokenizer, question)
    events = list(stream_generate(model, tokenizer, list(prompt), config=GREEDY, max_tokens=24))
    drawn = tokens(events)
    # After each of them the next is the reference's best, so it would have written the same.
    logits = reference(mx.array([[*prompt, *drawn]]))[0, len(prompt) - 1 : -1]
    assert drawn == mx.argmax(logits, axis=-1).tolist()
    assert all(event.quadrant is None for event in events)
    ended = [token in tokenizer.eos_token_ids for token in drawn]
    assert not any(ended[:-1])
    assert events[-1].finish_reason == ("stop" if ended[-1] else "length")
    assert ended[-1] or len(drawn) == 24


@pytest.mark.parametrize("config", [None, ENTROPIX], ids=["auto", "entropix"])
def test_metrics_are_those_of_mlx_lms_logits(bundled, reference, config):
    model, tokenizer = bundled
    prompt = chat(tokenizer, "What is a good name for a boat?")
    asked = {"config": config, "max_tokens": 16, "seed": 3}
    events = list(stream_generate(model, tokenizer, list(prompt), **asked))
    sequence = [*prompt, *tokens(events)]
    logits = reference(mx.array([sequence]))[0, len(prompt) - 1 : -1]
    logprobs = np.array(logits - mx.logsumexp(logits, axis=-1, keepdims=True))
    metrics = calculate_metrics(logits, mx.zeros((len(events), 1, 1)))
    for i, event in enumerate(events):
        assert event.position == len(prompt) + i
        assert event.logprob == pytest.approx(logprobs[i, event.token_id], abs=2e-3)
        assert event.metrics.logits_entropy == pytest.approx(
            metrics.logits_entropy[i].item(), abs=2e-3
        )
        assert event.metrics.logits_varentropy == pytest.approx(
            metrics.logits_varentropy[i].item(), abs=1e-2
        )
    quadrants = classify(metrics, config or auto_sampler(model.name).config).tolist()
    assert [event.quadrant for event in events] == [Quadrant(value) for value in quadrants]
    assert len({event.quadrant for event in events}) > 1


def test_a_row_is_the_same_alone_and_among_others(bundled):
    _, tokenizer = bundled
    same_alone_and_among_others(
        bundled,
        [
            Request(chat(tokenizer, "Tell me about the sea."), ENTROPIX, 9, seed=1),
            Request(chat(tokenizer, "Hi"), GREEDY, 4, seed=2),
            Request((504,), PRESETS["frog"], 9, seed=3),
            Request(chat(tokenizer, "Count slowly. " * 20), WARM, 5, seed=4),
            Request(chat(tokenizer, "Tell me about the sea."), ENTROPIX, 9, seed=5),
        ],
    )


def test_a_row_of_any_length_is_the_same_alone_and_among_others(tiny):
    configs = [ENTROPIX, GREEDY, PRESETS["frog"], PlainConfig(temperature=1.0, top_p=0.9), ENTROPIX]
    lengths = [(3, 40), (1, 9), (60, 20), (120, 30), (3, 30), (7, 1), (2, 13)]
    same_alone_and_among_others(
        tiny,
        [
            Request((5,) * known, configs[i % 5], drawn, seed=i)
            for i, (known, drawn) in enumerate(lengths)
        ],
    )


def same_alone_and_among_others(model, requests):
    alone = [tokens(run(Engine(*model), [request])[0]) for request in requests]
    # Three at a time, so that the others join while rows are at different places.
    together = run(Engine(*model, max_rows=3, prefill_chunk=50), requests)
    assert [tokens(events) for events in together] == alone
    assert alone[0] != alone[4]  # the seed differs


def test_equal_seeds_give_equal_tokens_and_text(bundled):
    model, tokenizer = bundled
    prompt = [{"role": "user", "content": "Invent a word."}]
    asked = {"config": ENTROPIX, "max_tokens": 7}
    first = generate(model, tokenizer, prompt, **asked, seed=11)
    assert first == generate(model, tokenizer, prompt, **asked, seed=11)
    assert first != generate(model, tokenizer, prompt, **asked, seed=12)


def test_pieces_join_to_the_decoded_text(tiny):
    model, tokenizer = tiny
    # Random tokens of a hot plain sampler hold many incomplete characters.
    config = PlainConfig(temperature=3.0)
    events = list(stream_generate(model, tokenizer, "Ω", config=config, max_tokens=200, seed=1))
    ids = [token for token in tokens(events) if token not in tokenizer.eos_token_ids]
    assert text(events) == tokenizer.decode(ids)
    assert "" in [event.text for event in events[:-1]]


def test_a_stop_string_ends_the_row_and_is_not_in_the_text(bundled):
    model, tokenizer = bundled
    prompt = [{"role": "user", "content": "What is the capital of France?"}]
    whole = generate(model, tokenizer, prompt, config=GREEDY, max_tokens=20)
    assert "France is" in whole
    events = list(
        stream_generate(
            model, tokenizer, prompt, config=GREEDY, max_tokens=20, stop=["zzz", "nce i"]
        )
    )
    assert text(events) == whole[: whole.index("nce i")]
    assert events[-1].finish_reason == "stop"
    assert events[-1].summary.completion_tokens == len(events)


def test_max_tokens(bundled):
    model, tokenizer = bundled
    for count in (1, 2, 7):
        events = list(stream_generate(model, tokenizer, "One two", config=GREEDY, max_tokens=count))
        assert len(events) == count
        assert [event.finish_reason for event in events] == [None] * (count - 1) + ["length"]


def test_alternatives_are_the_likeliest_tokens(bundled):
    model, tokenizer = bundled
    events = list(
        stream_generate(model, tokenizer, "The sky is", config=GREEDY, max_tokens=5, alternatives=4)
    )
    for event in events:
        logprobs = [other.logprob for other in event.alternatives]
        assert len(logprobs) == 4
        assert logprobs == sorted(logprobs, reverse=True)
        assert event.alternatives[0].token_id == event.token_id
        assert event.alternatives[0].logprob == pytest.approx(event.logprob, abs=1e-5)


def test_the_context_is_a_limit_before_it_overflows(tiny):
    engine = Engine(*tiny)
    with pytest.raises(PromptError, match=r"256 tokens, and .* takes at most 255"):
        engine.add(Request((5,) * 256, GREEDY, 1))
    events = run(engine, [Request((5,) * 252, ENTROPIX, 4096)])[0]
    last = events[-1]
    assert len(tokens(events)) == 4
    assert last.finish_reason == "length"
    assert last.position == 255


@pytest.mark.parametrize(
    ("prompt", "max_tokens", "error", "message"),
    [
        ((), 5, PromptError, "empty"),
        ((1,), 0, ValueError, "at least 1"),
        ((1,), -3, ValueError, "at least 1"),
    ],
)
def test_requests_that_make_no_sense(tiny, prompt, max_tokens, error, message):
    with pytest.raises(error, match=message):
        Engine(*tiny).add(Request(prompt, GREEDY, max_tokens))


def test_cancelled_rows_leave_at_once(tiny):
    engine = Engine(*tiny, max_rows=2)
    rows = [engine.add(Request((i + 1, 2, 3), ENTROPIX, 40)) for i in range(4)]
    for _ in range(6):
        engine.step()
    assert len(engine.rows) == 2
    assert len(engine.waiting) == 2
    engine.cancel(rows[0])  # live
    engine.cancel(rows[3])  # waiting
    seen = {event.row for event in engine.step()}
    assert rows[0] not in seen
    while not engine.idle:
        seen |= {event.row for event in engine.step() if isinstance(event, TokenEvent)}
    assert seen == {rows[1], rows[2]}
    assert engine.rows == []


def test_the_token_budget_holds_rows_back(tiny):
    engine = Engine(*tiny, max_rows=8, max_kv_tokens=60)
    most = 0
    for i in range(6):
        engine.add(Request((i + 1, 2, 3), ENTROPIX, 17))  # 20 tokens each
    finished = 0
    while not engine.idle:
        events = engine.step()
        finished += sum(getattr(event, "finish_reason", None) is not None for event in events)
        most = max(most, len(engine.rows))
    assert most == 3
    assert finished == 6


def test_running_rows_move_on_while_a_long_prompt_is_computed(bundled):
    model, tokenizer = bundled
    engine = Engine(model, tokenizer, prefill_chunk=16)
    first = engine.add(Request(chat(tokenizer, "Tell me a story."), ENTROPIX, 30))
    while not any(isinstance(event, TokenEvent) for event in engine.step()):
        pass
    engine.add(Request(chat(tokenizer, "word " * 120), ENTROPIX, 2))
    between, progress = 0, 0
    while progress < 5:
        for event in engine.step():
            between += isinstance(event, TokenEvent) and event.row == first
            progress += isinstance(event, PromptProgress)
    assert between >= 4


def test_common_beginnings_are_computed_once(bundled):
    model, tokenizer = bundled
    system = {"role": "system", "content": "You are the keeper of a lighthouse. " * 8}
    turns = [system, {"role": "user", "content": "Good evening."}]
    engine = Engine(model, tokenizer, prefix_cache_bytes=1 << 28)
    plain = Engine(model, tokenizer)

    def ask(engine, messages):
        request = Request(encode_prompt(tokenizer, messages), ENTROPIX, 6, seed=4)
        return run(engine, [request])[0]

    first = ask(engine, turns)
    assert first[-1].summary.cached_tokens == 0
    turns += [
        {"role": "assistant", "content": text(first)},
        {"role": "user", "content": "Is it stormy?"},
    ]
    second = ask(engine, turns)
    assert second[-1].summary.cached_tokens > len(encode_prompt(tokenizer, turns[:2]))
    assert tokens(second) == tokens(ask(plain, turns))
    other = [system, {"role": "user", "content": "Who are you?"}]
    third = ask(engine, other)
    assert third[-1].summary.cached_tokens >= len(encode_prompt(tokenizer, [system])) - 10
    assert tokens(third) == tokens(ask(plain, other))
    again = ask(engine, turns)  # what was kept was not changed by being used
    assert tokens(again) == tokens(second)
    assert engine.prefixes.nbytes < 1 << 28


def test_prompts_that_come_together_are_computed_together(bundled):
    model, tokenizer = bundled
    requests = [
        Request(chat(tokenizer, question), ENTROPIX, 5, seed=i)
        for i, question in enumerate(["Hi", "Name three rivers of Europe.", "Why is the sky blue?"])
    ]
    alone = [tokens(run(Engine(model, tokenizer), [request])[0]) for request in requests]
    engine = Engine(model, tokenizer)
    rows = [engine.add(request) for request in requests]
    events = engine.step()
    assert {event.row for event in events if isinstance(event, PromptProgress)} == set(rows)
    together = [[event for event in events if event.row == row] for row in rows]
    while not engine.idle:
        for event in engine.step():
            together[rows.index(event.row)].append(event)
    assert [tokens(row) for row in together] == alone


def test_equal_prompts_that_come_together_are_computed_once(bundled):
    model, tokenizer = bundled
    prompt = chat(tokenizer, "A lighthouse stood on the rock. " * 12)
    requests = [Request(prompt, ENTROPIX, 4, seed=seed) for seed in range(3)]
    alone = [tokens(run(Engine(model, tokenizer), [request])[0]) for request in requests]
    engine = Engine(model, tokenizer, prefill_chunk=64, prefix_cache_bytes=1 << 28)
    other = Request(chat(tokenizer, "Hi"), ENTROPIX, 4)  # is not held up by them
    rows = run(engine, [*requests, other])
    assert [tokens(events) for events in rows[:3]] == alone
    assert [row[-1].summary.cached_tokens for row in rows] == [
        0,
        len(prompt) - 1,
        len(prompt) - 1,
        0,
    ]


def test_the_prefix_cache_holds_no_more_than_it_says(tiny):
    model, tokenizer = tiny
    engine = Engine(model, tokenizer, prefix_cache_bytes=1 << 28)
    for turn in range(3):
        prompts = [(turn + 1, i + 1, 3) for i in range(8)]
        run(engine, [Request(prompt, ENTROPIX, 30, seed=i) for i, prompt in enumerate(prompts)])
    engine._cache = None
    mx.synchronize()
    before, kept = mx.get_active_memory(), engine.prefixes.nbytes
    engine.prefixes = None
    mx.synchronize()
    freed = before - mx.get_active_memory()
    assert 0.5 * kept < freed < 1.3 * kept


def test_the_prefix_cache_keeps_to_its_bytes(tiny):
    model, tokenizer = tiny
    room = 3 * 20 * 2 * 2 * 2 * 32 * 4  # three sequences of 20 tokens
    engine = Engine(model, tokenizer, prefix_cache_bytes=room)
    for i in range(10):
        run(engine, [Request((i + 1,) * 12, ENTROPIX, 9)])
        assert engine.prefixes.nbytes <= room
    assert engine.prefixes.nbytes > room / 2


def test_prompts_are_scored_like_mlx_lm(bundled, reference):
    model, tokenizer = bundled
    prompt = tuple(tokenizer.encode("The capital of France is Paris. " * 20))
    engine = Engine(model, tokenizer, prefill_chunk=50)
    events = run(engine, [Request(prompt, GREEDY, 0, alternatives=2, scores_prompt=True)])[0]
    (scored,) = [event for event in events if isinstance(event, PromptScored)]
    assert scored is events[-1]
    assert scored.summary.completion_tokens == 0
    logits = reference(mx.array([prompt]))[0]
    logprobs = np.array(logits - mx.logsumexp(logits, axis=-1, keepdims=True))
    assert [token.token_id for token in scored.tokens] == list(prompt)
    assert scored.tokens[0].logprob is None
    for i, token in enumerate(scored.tokens[1:]):
        assert token.logprob == pytest.approx(logprobs[i, prompt[i + 1]], abs=5e-3)
        assert token.alternatives[0].token_id == int(logprobs[i].argmax())
        assert len(token.alternatives) == 2
    # Scored and continued.
    events = run(engine, [Request(prompt, GREEDY, 3, scores_prompt=True)])[0]
    assert isinstance(events[-1], TokenEvent)
    assert sum(isinstance(event, PromptScored) for event in events) == 1


def test_damaged_weights_fail_their_rows_in_a_sentence(tmp_path, bundled):
    source, config = random_model(vocab_size=49152)
    weight = source.model.layers[1].mlp.down_proj.weight
    weight[3, 5] = mx.nan
    model, _ = load_model(save_folder(tmp_path, source, config))
    engine = Engine(model, bundled[1])
    for events in run(engine, [Request((1, 2, 3), ENTROPIX, 9), Request((4,), GREEDY, 9)]):
        assert isinstance(events[-1], RowFailed)
        assert "not finite" in events[-1].message
        assert tokens(events) == []


@pytest.fixture
def damaged(tmp_path, bundled):
    """A tiny model in which one token, 77, spoils what comes after it."""
    source, config = random_model(vocab_size=49152, tie_word_embeddings=False)
    source.model.embed_tokens.weight[77] = mx.nan
    return load_model(save_folder(tmp_path, source, config))[0], bundled[1]


def test_a_row_that_failed_leaves_nothing_behind(damaged):
    """Neither in its place in the batch nor among the beginnings that are kept."""
    beginning = tuple(range(5, 25))
    after = Request((*beginning, 30), ENTROPIX, 6, seed=2)
    beside = Request((8, 9) * 30, ENTROPIX, 30, seed=1)  # so that all see as many columns
    expected = [tokens(run(Engine(*damaged), [request])[0]) for request in (beside, after)]
    engine = Engine(*damaged, max_rows=2, prefix_cache_bytes=1 << 24)
    bad = Request((*beginning, *[31] * 20, 77), ENTROPIX, 9)
    first, failed, last = run(engine, [beside, bad, after])
    assert isinstance(failed[-1], RowFailed)
    assert tokens(first) == expected[0]
    assert tokens(last) == expected[1]


def test_a_prompt_is_computed_on_however_many_rows_are_written(tiny):
    engine = Engine(*tiny, prefill_chunk=64, chunk_beside_rows=8)
    for i in range(3):
        engine.add(Request((i + 1, 2), ENTROPIX, 60))
    while len([row for row in engine.rows if row.generated]) < 3:
        engine.step()
    engine.add(Request((5,) * 36, ENTROPIX, 2))
    events = [event for _ in range(5) for event in engine.step()]
    assert [e.done for e in events if isinstance(e, PromptProgress)] == [8, 16, 24, 32, 35]


def test_so_many_positions_are_scored_in_a_step_whoever_asked(tiny):
    engine = Engine(*tiny, prefill_chunk=512)
    rows = [engine.add(Request((i + 3,) * 200, GREEDY, 0, scores_prompt=True)) for i in range(3)]
    done = dict.fromkeys(rows, 0)
    while not engine.idle:
        before = sum(done.values())
        for event in engine.step():
            if isinstance(event, PromptProgress):
                done[event.row] = event.done
        assert sum(done.values()) - before <= 128
    assert set(done.values()) == {199}


def test_each_row_gets_the_alternatives_that_it_asked_for(tiny):
    asked = [0, 5, 2]
    requests = [Request((i + 3, 4), ENTROPIX, 3, alternatives=n) for i, n in enumerate(asked)]
    for n, events in zip(asked, run(Engine(*tiny), requests), strict=True):
        drawn = [event for event in events if isinstance(event, TokenEvent)]
        assert [len(event.alternatives) for event in drawn] == [n] * 3


def test_a_token_of_no_probability_is_no_alternative(tiny):
    class Banning:
        """The model, which says of all but three tokens that they cannot come."""

        def __getattr__(self, name):
            return getattr(tiny[0], name)

        def forward(self, *arguments):
            if (looked := tiny[0].forward(*arguments)) is None:
                return None
            allowed = mx.arange(looked.logits.shape[1]) < 3
            return looked._replace(logits=mx.where(allowed, looked.logits, -mx.inf))

    for event in run(Engine(Banning(), tiny[1]), [Request((5, 6), ENTROPIX, 4, alternatives=6)])[0]:
        if isinstance(event, TokenEvent):
            assert {other.token_id for other in event.alternatives} == {0, 1, 2}


def test_the_first_token_is_timed_when_it_comes(tiny):
    engine = Engine(*tiny)
    begun = time.perf_counter()
    engine.add(Request((5, 6), ENTROPIX, 9))
    events = []
    while not any(isinstance(event, TokenEvent) for event in events):
        events += engine.step()
    passed = time.perf_counter() - begun
    while not engine.idle:
        events += engine.step()
    assert 0 < events[-1].summary.first_token_seconds <= passed


def test_a_sequence_too_large_to_be_kept_drives_out_no_other(tiny):
    model, tokenizer = tiny
    room = 40 * 2 * 2 * 2 * 32 * 4  # 40 tokens
    engine = Engine(model, tokenizer, prefix_cache_bytes=room)
    short = Request((5,) * 12, ENTROPIX, 3, seed=1)
    run(engine, [short])
    kept = engine.prefixes.nbytes
    run(engine, [Request((7,) * 100, ENTROPIX, 3)])
    assert engine.prefixes.nbytes == kept > 0
    assert run(engine, [short])[0][-1].summary.cached_tokens >= 10


def test_a_sampler_made_where_another_one_lay_is_its_own(tiny):
    """In a server the samplers of requests come and go, and memory is used again."""
    engine = Engine(*tiny)
    greedy = tokens(run(engine, [Request((5, 6), GREEDY, 4, seed=1)])[0])
    for seed in range(20):
        run(engine, [Request((5, 6), PlainConfig(temperature=4.0), 1, seed=seed)])
        cold = PlainConfig(temperature=0)  # mostly where the other one was
        assert tokens(run(engine, [Request((5, 6), cold, 4, seed=1)])[0]) == greedy


@pytest.mark.parametrize("scores", [False, True])
@pytest.mark.parametrize("drafts", [False, True])
def test_a_row_that_failed_is_no_beginning(damaged, scores, drafts):
    """Its place is zeroed, and zeros are not what its tokens have in a cache."""
    beginning = tuple(range(5, 25))
    after = Request((*beginning, 30), ENTROPIX, 6, seed=2)
    drafter = Guesses(lambda row: [3, 77, 4]) if drafts else None
    engine = Engine(*damaged, prefix_cache_bytes=1 << 24, drafter=drafter)
    spoilt = (*beginning, *[31] * 20, 77, *[31] * 5)
    bad = Request(spoilt, ENTROPIX, 9, scores_prompt=scores)
    assert isinstance(run(engine, [bad])[0][-1], RowFailed)
    expected = tokens(run(Engine(*damaged), [after])[0])
    assert tokens(run(engine, [after])[0]) == expected
