"""Drafts change nothing of a request that forks: neither its tree nor what is said of it."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlx_entropix.choices import FORKS
from mlx_entropix.engine import Engine, Request
from tests.engine.family import search
from tests.engine.guessing import Guesses, same
from tests.engine.test_search import PROMPT, WARM, searches, width
from tests.sampling.cases import PROFILE


def ahead(family, row):
    """What a path of a family goes on with."""
    return family.ids(row.branch)[len(row.tokens) - family.start :]


def drafted(tiny, request, config, drafter):
    engine = Engine(*tiny, max_rows=config.paths, drafter=drafter)
    family = search(tiny, request, config, engine=engine)
    assert engine.rows == []
    return family


def grew_alike(family, expected):
    """Assert that the same was forked and dropped, and that the same is the answer."""
    assert _forks(family) == _forks(expected)
    assert _written(family) == _written(expected)
    assert family.dropped == expected.dropped
    one, other = family.settled, expected.settled
    for name in ("chosen", "tokens", "narrowed", "message"):
        assert getattr(one, name) == getattr(other, name)
    assert len(one.paths) == len(other.paths)
    for path, twin in zip(one.paths, other.paths, strict=True):
        assert replace(path, scores={}, vote=0) == replace(twin, scores={}, vote=0)
        assert path.scores == pytest.approx(twin.scores, abs=1e-3)
        assert path.vote == pytest.approx(twin.vote, abs=1e-3)
    assert [vote.branches for vote in one.votes] == [vote.branches for vote in other.votes]
    same(family.answered, expected.answered)


def _forks(family):
    return [(f.branch, f.position, f.token_ids, f.text) for f in family.forks.values()]


def _written(family):
    return {branch: [e.token_id for e in its] for branch, its in family.written.items()}


@pytest.mark.parametrize("policy", FORKS)
def test_a_request_grows_the_same_tree(tiny, policy):
    request, paths = Request(PROMPT, WARM, 16, seed=3, alternatives=2), width(policy, 4)
    expected = search(tiny, request, paths)
    assert len(expected.settled.paths) > 1

    def uneven(row):
        """Right and wrong, and paths get ahead of each other."""
        return [*ahead(expected, row)[: (2 * row.branch + row.generated) % 5], 3, 4]

    def one_of_two(row):
        return ahead(expected, row)[:8] if row.branch % 2 == 0 else []

    for guess in (uneven, one_of_two):
        family = drafted(tiny, request, paths, Guesses(guess))
        grew_alike(family, expected)
        summary = family.settled.summary
        assert summary.drafted_tokens >= summary.accepted_tokens > 0


@pytest.mark.slow
@given(searches(), st.data())
@settings(PROFILE, max_examples=12)
def test_any_drafts_leave_any_tree_as_it_is(tiny, asked, data):
    request, config = asked
    expected = search(tiny, request, config)

    def guess(row):
        known = ahead(expected, row) if row.branch in expected.written else []
        right = known[: data.draw(st.integers(0, 5))]
        return right + data.draw(st.lists(st.integers(0, 49151), max_size=3))

    grew_alike(drafted(tiny, request, config, Guesses(guess)), expected)
