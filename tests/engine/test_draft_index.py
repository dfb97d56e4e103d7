"""What drafts are guessed from: where a text was before, what came true, what steps cost."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlx_entropix import PlainConfig
from mlx_entropix.engine import Engine, Request
from mlx_entropix.engine.draft import IndexDrafter, make_drafter
from mlx_entropix.engine.draft.automaton import ROOT, Guess, SuffixAutomaton
from mlx_entropix.engine.draft.costs import Costs
from mlx_entropix.engine.draft.evidence import Evidence, RowEvidence
from mlx_entropix.errors import ConfigError
from tests.sampling.cases import PROFILE

TEXT = st.lists(st.integers(0, 3), max_size=40)


def index_of(texts):
    """An automaton of texts that grew side by side, a token of each in turn, and their states."""
    index, states = SuffixAutomaton(), [ROOT] * len(texts)
    for tokens in itertools.zip_longest(*texts):
        for i, token in enumerate(tokens):
            if token is not None:
                states[i] = index.extend(states[i], token)
    return index, states


def occurrences(texts, part):
    """The tokens that follow where a part stands in the texts."""
    n = len(part)
    return [
        text[at + n] for text in texts for at in range(len(text) - n) if text[at : at + n] == part
    ]


@given(st.lists(TEXT, min_size=1, max_size=3))
@settings(PROFILE, max_examples=60)
def test_a_guess_follows_the_longest_end_that_was_there_before(texts):
    index, states = index_of(texts)
    for text, state in zip(texts, states, strict=True):
        longest = next((n for n in range(len(text), 0, -1) if occurrences(texts, text[-n:])), 0)
        guess = next(index.guesses(state), None)
        assert (guess.matched if guess else 0) == longest
        if guess:
            followed = occurrences(texts, text[len(text) - longest :])
            assert guess.token_id in followed
            assert guess.ways == len(set(followed))
    assert len(index) <= 2 * index.tokens + 1


def test_of_several_tokens_that_followed_it_is_the_last():
    index, (state,) = index_of([[1, 2, 7, 1, 2, 8, 1, 2, 9, 1, 2]])
    guesses = list(itertools.islice(index.guesses(state), 4))
    assert [guess.token_id for guess in guesses] == [9, 1, 2, 9]
    assert guesses[0] == Guess(9, 2, 3)


@given(TEXT, TEXT, TEXT)
@settings(PROFILE, max_examples=60)
def test_another_text_is_followed_while_the_index_grows(known, more, text):
    index, (last,) = index_of([known])
    state, matched = ROOT, 0
    for i, token in enumerate(text):
        state, matched = index.follow(state, matched, token)
        end = text[: i + 1]
        longest = next((n for n in range(len(end), 0, -1) if end[-n:] in _parts(known, n)), 0)
        assert matched <= longest
        if not more:
            assert matched == longest
        if i < len(more):
            last = index.extend(last, more[i])
            known = [*known, more[i]]


def _parts(text, n):
    return [text[at : at + n] for at in range(len(text) - n + 1)]


def test_what_came_true_is_soon_what_is_expected():
    evidence, row, guess = Evidence(), RowEvidence(), Guess(1, 6, 1)
    for i in range(400):
        row.add(evidence.probability(guess), i % 10 == 0)
        evidence.add(guess, i % 2 == 0)
    assert evidence.probability(guess) == pytest.approx(0.5, abs=0.02)
    assert row.probability(0.5) == pytest.approx(0.1, abs=0.05)


@given(
    st.lists(st.tuples(st.integers(1, 600), st.floats(0.001, 10)), max_size=12),
    st.lists(st.integers(1, 700), min_size=2, max_size=8),
)
@settings(PROFILE, max_examples=60)
def test_more_positions_never_seem_to_cost_less(measured, asked):
    costs = Costs()
    for positions, seconds in measured:
        costs.add(positions, seconds)
    taken = [costs.seconds(positions) for positions in sorted(asked)]
    assert all(a <= b * (1 + 1e-9) for a, b in itertools.pairwise(taken))


def row_of(number, tokens, owner="", root=None, prediction=()):
    request = Request(tuple(tokens), PlainConfig(), 100, owner=owner, prediction=prediction)
    return _Row(number, list(tokens), request, number if root is None else root)


class _Row:
    def __init__(self, number, tokens, request, root):
        self.id, self.tokens, self.request, self.root = number, tokens, request, root
        self.known, self.dropped = len(tokens), False

    @property
    def generated(self):
        return len(self.tokens) - self.known

    def forced(self):
        return []


def drawn(drafter, row, tokens):
    for token in tokens:
        row.tokens.append(token)
        drafter.learn(row, 1)


def test_a_path_is_guessed_from_its_siblings_and_from_no_other_request():
    drafter = IndexDrafter()
    first, twin = row_of(0, [1, 2, 3]), row_of(1, [1, 2, 3], root=0)
    stranger = row_of(2, [1, 2, 3])
    for row in (first, twin, stranger):
        drafter.begin(row)
    drawn(drafter, first, range(10, 40))
    drawn(drafter, twin, range(10, 20))
    drawn(drafter, stranger, range(10, 20))
    plan = drafter.plan({first: 9, twin: 9, stranger: 9}, 3)
    assert list(plan) == [twin]
    assert plan[twin] == tuple(range(20, 20 + len(plan[twin])))


def test_past_answers_of_one_owner_are_never_guessed_for_another():
    drafter = IndexDrafter()
    for owner in ("one", "two"):
        row = row_of(0, [1, 2], owner)
        drafter.begin(row)
        drawn(drafter, row, range(10, 40))
        assert drafter.plan({row: 9}, 1) == {}
        drafter.end(row)
    again = row_of(1, [1, 2], "one")
    drafter.begin(again)
    drawn(drafter, again, range(10, 20))
    draft = drafter.plan({again: 9}, 1)[again]
    assert draft == tuple(range(20, 20 + len(draft)))


def test_what_an_answer_may_repeat_is_searched():
    drafter, foretold = IndexDrafter(), range(10, 40)
    row = row_of(0, [1, 2], prediction=foretold)
    drafter.begin(row)
    drawn(drafter, row, foretold[:10])
    draft = drafter.plan({row: 9}, 1)[row]
    assert draft == tuple(foretold[10 : 10 + len(draft)])


def test_fewer_than_no_tokens_are_not_drafted():
    assert make_drafter(0) is None
    with pytest.raises(ConfigError, match="speculate is -1"):
        make_drafter(-1)


def test_hundreds_of_requests_leave_no_more_than_the_last_answers(tiny):
    drafter = IndexDrafter()
    engine = Engine(*tiny, max_rows=50, drafter=drafter)
    config = PlainConfig(temperature=1.5)
    for i in range(400):
        engine.add(Request((5, i), config, 2 + i % 3, seed=i, owner=str(i % 7)))
    while not engine.idle:
        engine.step()
    drafts = row_of(0, [1])
    drafter.begin(drafts)
    drafter.end(drafts)
    total = sum(2 + i % 3 for i in range(400))
    assert 0 < drafter.indexed_tokens <= total
    for i in range(60):
        long = row_of(i, [1], str(i))
        drafter.begin(long)
        drawn(drafter, long, range(1000))
        drafter.end(long)
        assert drafter.indexed_tokens <= 2 * 12_288
