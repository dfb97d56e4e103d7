"""Policies: forks and drops, on a tiny model that speaks the bundled vocabulary."""

from dataclasses import dataclass, field, replace
from typing import NamedTuple

import mlx.core as mx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlx_entropix import PRESETS, PlainConfig
from mlx_entropix.engine import Engine, PromptScored, Request, RowDropped, RowForked, TokenEvent
from tests.engine.guessing import Guesses

from .test_engine import run, text, tokens

ENTROPIX = PRESETS["entropix"]
WARM = PlainConfig(temperature=1.0)
LOOKS_BACK = ENTROPIX.override({"resampling": {"when": ["logits_entropy_slope > 0.0"]}})
PROMPT = (5, 6, 7)


class Fork(NamedTuple):
    position: int
    token_ids: tuple = ()

    def __call__(self, batch, row):
        batch.fork(row, *self)


class Drop(NamedTuple):
    def __call__(self, batch, row):
        batch.drop(row)


class EachToken:
    """A policy that does what `after_token` says of each token that does not end its row."""

    def after_read(self, read, batch):
        for row, event in read:
            batch.say(event)
            if not event.ends:
                for action in self.after_token(row, event):
                    action(batch, row)


@dataclass
class Script(EachToken):
    """Does what `actions` say after the token at a position of a branch."""

    actions: dict
    seen: list = field(default_factory=list)

    def after_token(self, row, event):
        self.seen.append((row.branch, event.position))
        return self.actions.get((row.branch, event.position), [])


def family(engine, request):
    """The tokens of a row and of its forks, by branch, and the forks."""
    rows, forks = {engine.add(request): 0}, []
    made = {0: []}
    while not engine.idle:
        for event in engine.step():
            if isinstance(event, RowForked):
                rows[event.row] = event.branch
                made[event.branch] = []
                forks.append(event)
            elif isinstance(event, TokenEvent):
                made[rows[event.row]].append(event)
    return made, forks


def sequence(events):
    return [event.token_id for event in events]


@pytest.mark.parametrize("config", [ENTROPIX, LOOKS_BACK], ids=["entropix", "looks back"])
def test_a_fork_goes_its_own_way_and_can_be_replayed_alone(tiny, config):
    engine = Engine(*tiny)
    alone = run(Engine(*tiny), [Request(PROMPT, config, 20, seed=1)])[0]
    policy = Script(
        {(0, 6): [Fork(6, (99,))], (1, 9): [Fork(8, (77, 78)), Fork(9, (11,))], (2, 14): [Drop()]}
    )
    made, forks = family(engine, Request(PROMPT, config, 20, seed=1, policy=policy))
    assert sequence(made[0]) == tokens(alone)  # a fork changes nothing for the row itself
    assert [(fork.branch, fork.position, fork.token_ids) for fork in forks] == [
        (1, 6, (99,)),
        (2, 8, (77, 78)),
        (3, 9, (11,)),
    ]
    first = sequence(made[1])
    assert first[:2] != tokens(alone)[4:6]
    assert made[1][0].position == 7
    assert made[2][0].position == 10
    assert [event.position for event in made[2]] == [10, 11, 12, 13, 14]
    assert len(made[1]) == 20 - 4
    assert len(made[3]) == 20 - 7
    # Its own metrics are those of a fresh row that was given the same tokens.
    known = [*PROMPT, *tokens(alone)[:3], 99, *first[:-1]]
    scored = run(Engine(*tiny), [Request(tuple(known), config, 0, scores_prompt=True)])[0][-1]
    for event in made[1][:-1]:
        expected = scored.tokens[event.position]
        assert event.logprob == pytest.approx(expected.logprob, abs=1e-3)
        assert event.metrics == pytest.approx(expected.metrics, abs=1e-3)
    # The fork's text begins with the parent's, and goes on with the tokens that it was given.
    written = tiny[1].decode([*tokens(alone)[:3], 99])
    assert forks[0].text == written
    again, _ = family(Engine(*tiny), Request(PROMPT, config, 20, seed=1, policy=policy))
    assert {branch: sequence(events) for branch, events in again.items()} == {
        branch: sequence(events) for branch, events in made.items()
    }


def test_a_copy_does_not_draw_what_its_twin_draws(tiny):
    alone = tokens(run(Engine(*tiny), [Request(PROMPT, WARM, 12, seed=1)])[0])
    policy = Script({(0, 6): [Fork(6, (alone[3],))]})  # the very token that the row has itself
    made, _ = family(Engine(*tiny), Request(PROMPT, WARM, 12, seed=1, policy=policy))
    assert sequence(made[0]) == alone
    assert sequence(made[1]) != alone[4:]


def test_other_rows_do_not_notice(tiny):
    others = [Request((i + 1, 2), ENTROPIX, 14, seed=i) for i in range(3)]
    alone = [tokens(run(Engine(*tiny), [request])[0]) for request in others]
    engine = Engine(*tiny, max_rows=6)
    policy = Script({(0, p): [Fork(p, (50 + p,))] for p in range(4, 12)})
    ids = [engine.add(request) for request in others]
    engine.add(Request(PROMPT, WARM, 30, seed=9, policy=policy))
    made = {row: [] for row in ids}
    most = 0
    while not engine.idle:
        for event in engine.step():
            if event.row in made and isinstance(event, TokenEvent):
                made[event.row].append(event.token_id)
        most = max(most, len(engine.rows))
    assert [made[row] for row in ids] == alone
    assert most == 6  # no fork is made where there is no room


def test_a_dropped_row_says_that_it_ends(tiny):
    policy = Script({(0, 6): [Drop(), Fork(6, (1,))]})
    events = run(Engine(*tiny), [Request(PROMPT, WARM, 12, seed=2, policy=policy)])[0]
    assert [event.ends for event in events[-2:]] == [False, True]
    assert isinstance(events[-1], RowDropped)
    assert events[-1].summary.completion_tokens == len(tokens(events)) == 4


def test_a_fork_whose_tokens_end_it(tiny):
    end = next(iter(tiny[1].eos_token_ids))
    policy = Script({(0, 5): [Fork(5, (end,)), Fork(5, (40, 41, 42, 43))]})
    made, forks = family(Engine(*tiny), Request(PROMPT, WARM, 5, seed=2, policy=policy))
    assert [(fork.finish_reason, fork.ends) for fork in forks] == [("stop", True), ("length", True)]
    assert made[1] == made[2] == []
    assert forks[0].summary.completion_tokens == 3


HALF, END = b"\xf0", b""  # of a character; of the answer


@pytest.mark.parametrize(
    ("pieces", "stop", "expected", "reason"),
    [
        ((b"a", b"."), ".x", "a.", "length"),
        ((b".", b"!"), ".x", ".!", "length"),
        ((b".", HALF), ".x", ".\ufffd", "length"),
        ((b".", HALF), "\ufffd", ".", "stop"),
        ((b".", END), ".x", ".", "stop"),
        ((HALF, END), ".x", "\ufffd", "stop"),
        ((HALF, END), "\ufffd", "", "stop"),
        ((b".", b"x"), ".x", "", "stop"),
        ((b".", b"x"), "x", ".", "stop"),
    ],
)
def test_what_was_held_back_comes_with_the_end(tiny, pieces, stop, expected, reason):
    """Because it might have begun a stop string, or a character."""
    ids = {tiny[1].token_bytes(i): i for i in range(1000)} | {END: min(tiny[1].eos_token_ids)}
    request = Request(PROMPT, WARM, 2, seed=1, stop=(stop,))
    policy = Script({(0, 3): [Fork(3, tuple(ids[piece] for piece in pieces))]})
    _, (fork,) = family(Engine(*tiny), replace(request, policy=policy))
    assert (fork.text, fork.finish_reason) == (expected, reason)


def test_nothing_is_done_for_a_row_after_it_was_dropped(tiny):
    policy = Script({(0, 5): [Drop(), Fork(5, (9,))]})
    made, forks = family(Engine(*tiny), Request(PROMPT, WARM, 9, seed=2, policy=policy))
    assert len(made[0]) == 3
    assert forks == []


def test_what_a_dropped_row_had_under_way_spoils_no_other(tiny, spoilt):
    """The row that has its place next sees no number of a token that was not read."""
    beside, after = Request((8, 9) * 20, WARM, 30, seed=1), Request((4,), WARM, 6, seed=2)
    expected = tokens(run(Engine(*tiny), [after])[0])
    drawn = tokens(run(Engine(*tiny), [Request(PROMPT, WARM, 4, seed=5)])[0])
    bad = spoilt(drawn[-1])
    dropped = Request(PROMPT, WARM, 9, seed=5, policy=Script({(0, 6): [Drop()]}))
    rows = run(Engine(*bad, max_rows=2), [beside, dropped, after])
    assert tokens(rows[1]) == drawn
    assert tokens(rows[2]) == expected


def test_a_fork_tells_how_much_its_parent_had_from_the_cache(tiny):
    engine = Engine(*tiny, prefix_cache_bytes=1 << 24)
    run(engine, [Request(PROMPT, WARM, 9, seed=2)])
    policy = Script({(0, 4): [Fork(4, (9,))]})
    made, _ = family(engine, Request(PROMPT, WARM, 4, seed=3, policy=policy))
    parent, fork = (events[-1].summary.cached_tokens for events in made.values())
    assert fork == parent > 0


def test_a_character_that_the_given_beginning_leaves_open_is_completed(tiny):
    ids = {tiny[1].token_bytes(i): i for i in range(1000)}
    policy = Script({(0, 4): [Fork(4, (ids[b"\xa9"],))]})
    request = Request(PROMPT, WARM, 3, seed=1, prefix=(ids[b"\xc3"],), policy=policy)
    _, (fork,) = family(Engine(*tiny), request)
    assert fork.text == "é"


@pytest.mark.slow
@given(st.data())
@settings(max_examples=12, deadline=None)
def test_any_drafts_and_forks_leave_the_answer_as_it_is(tiny, data):
    seed = data.draw(st.integers(0, 5))
    expected = tokens(run(Engine(*tiny), [Request(PROMPT, WARM, 16, seed=seed)])[0])

    class Anything(EachToken):
        def after_token(self, row, event):
            if row.branch:
                return [Drop()] if data.draw(st.booleans()) else []
            if data.draw(st.integers(0, 3)) > 0:
                return []
            at = data.draw(st.integers(len(PROMPT), event.position))
            return [Fork(at, (data.draw(st.integers(0, 90)),))]

    def guess(row):
        ahead = expected[row.generated :][: data.draw(st.integers(0, 5))]
        return ahead + data.draw(st.lists(st.integers(0, 90), max_size=2))

    drafter = Guesses(guess) if data.draw(st.booleans()) else None
    engine = Engine(*tiny, max_rows=4, drafter=drafter)
    made, _ = family(engine, Request(PROMPT, WARM, 16, seed=seed, policy=Anything()))
    assert sequence(made[0]) == expected
    assert engine.rows == []


@pytest.mark.slow
def test_hundreds_of_forks_and_drops_leave_memory_where_it_was(tiny):
    end = next(iter(tiny[1].eos_token_ids))

    class Storm(EachToken):
        def after_token(self, row, event):
            if row.branch:
                return [Drop()]
            # The first half live for a token, the others end at once.
            kept = [Fork(event.position, (event.position,)) for _ in range(3)]
            return kept + [Fork(event.position, (end,)) for _ in range(4)]

    def storm():
        engine = Engine(*tiny, max_rows=8)
        return family(engine, Request(PROMPT, WARM, 90, seed=1, policy=Storm()))[1]

    forks = len(storm())
    mx.synchronize()
    mx.clear_cache()
    before = mx.get_active_memory()
    forks += len(storm())
    mx.synchronize()
    mx.clear_cache()
    assert forks > 400
    assert mx.get_active_memory() < before + 1_000_000


def test_an_answer_goes_on_from_its_own_tokens(tiny):
    whole = run(Engine(*tiny), [Request(PROMPT, WARM, 24, seed=3)])[0]
    ids = tokens(whole)
    for cut in range(1, 24, 3):
        given = Request(PROMPT, WARM, 24 - cut, seed=3, prefix=tuple(ids[:cut]))
        rest = run(Engine(*tiny), [given])[0]
        assert tokens(rest) == ids[cut:]
        shown = "".join(e.text for e in whole if isinstance(e, TokenEvent))
        assert text(rest) == shown[len(shown) - len(text(rest)) :]
        assert rest[-1].summary.prompt_tokens == len(PROMPT) + cut


def test_metrics_of_a_given_text_are_those_of_drawing_it(tiny):
    drawn = run(Engine(*tiny), [Request(PROMPT, ENTROPIX, 30, seed=6)])[0]
    events = [event for event in drawn if isinstance(event, TokenEvent)]
    given = (*PROMPT, *sequence(events))
    asked = [
        Request(given, ENTROPIX, 0, alternatives=3, scores_prompt=True),
        Request((8, 9), WARM, 12, seed=1),  # is written beside it
    ]
    rows = run(Engine(*tiny, prefill_chunk=7), asked)
    (scored,) = [event for event in rows[0] if isinstance(event, PromptScored)]
    assert scored.ends
    for event in events:
        token = scored.tokens[event.position]
        assert token.token_id == event.token_id
        assert token.logprob == pytest.approx(event.logprob, abs=1e-4)
        assert token.metrics == pytest.approx(event.metrics, abs=1e-3)
        assert token.quadrant == event.quadrant
        assert len(token.alternatives) == 3
    assert tokens(rows[1]) == tokens(run(Engine(*tiny), [asked[1]])[0])


def test_a_prompt_of_one_token_is_scored_too(tiny):
    rows = run(Engine(*tiny), [Request((5,), WARM, n, scores_prompt=True) for n in (0, 2)])
    assert [type(event) for event in rows[0]] == [PromptScored]
    assert rows[0][0].ends
    assert len(tokens(rows[1])) == 2
    assert isinstance(rows[1][0], PromptScored)
