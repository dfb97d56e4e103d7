"""Votes against one that tries out all that is written down of the rule."""

from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlx_entropix.engine.search.votes import Ballot, count, weights
from tests.engine.family import search
from tests.engine.test_search import searches
from tests.sampling.cases import PROFILE

SCORES = st.sampled_from([-2.0, -0.5, 0.0, 0.5, 1.0, 3.0])


@st.composite
def all_ballots(draw):
    cast = draw(st.lists(st.tuples(st.sampled_from("abc"), SCORES), min_size=1, max_size=7))
    order = draw(st.permutations(range(len(cast))))
    return [Ballot(branch, *cast[branch]) for branch in order]


def weighed(rule, ballots, power):
    """What each vote weighs, by the letter of the rules."""
    if rule == "majority":
        return [1.0] * len(ballots)
    if rule == "weighted":
        lowest = min(0.0, *(b.score for b in ballots))
        return [b.score - lowest for b in ballots]
    beaten = [
        sum(o.score < b.score or (o.score == b.score and o.branch > b.branch) for o in ballots)
        for b in ballots
    ]
    return [(n + 1) ** power for n in beaten]


def beats(one, other):
    """More weight; of equals the best score of a path; of these the lowest branch that has it."""
    (w1, s1, b1), (w2, s2, b2) = one, other
    return w1 > w2 or (w1 == w2 and (s1 > s2 or (s1 == s2 and b1 < b2)))


@given(all_ballots(), st.sampled_from(["majority", "weighted", "borda"]), st.integers(0, 3))
@settings(PROFILE)
def test_the_winner_is_the_one_that_beats_all_others(ballots, rule, power):
    weight = weights(rule, ballots, power)
    assert weight == weighed(rule, ballots, power)
    votes = count(ballots, weight)
    strength = {}
    for answer in {b.answer for b in ballots}:
        its = [b for b in ballots if b.answer == answer]
        best = max(b.score for b in its)
        shown = min(b.branch for b in its if b.score == best)
        total = sum(w for w, b in zip(weight, ballots, strict=True) if b.answer == answer)
        strength[answer] = (total, best, shown)
    assert {v.answer: (v.weight, v.branches[0]) for v in votes} == {
        answer: (total, shown) for answer, (total, _, shown) in strength.items()
    }
    for better, worse in combinations([v.answer for v in votes], 2):
        assert beats(strength[better], strength[worse])
    assert sorted(b for v in votes for b in v.branches) == sorted(b.branch for b in ballots)


@pytest.mark.parametrize(
    ("power", "expected"), [(0, [1, 1, 1, 1]), (1, [4, 1, 3, 2]), (2, [16, 1, 9, 4])]
)
def test_borda_counts_ranks_from_below(power, expected):
    """N − rank + 1, raised to a power; of equal scores the lower branch ranks first."""
    scores = [0.9, -1.0, 0.5, 0.5]
    ballots = [Ballot(i, "x", score) for i, score in enumerate(scores)]
    assert weights("borda", ballots, power) == expected


def test_a_weight_is_never_below_zero():
    """Log-probabilities count from the worst of all paths."""
    assert weights("weighted", [Ballot(0, "x", -1.0), Ballot(1, "y", -3.0)]) == [2.0, 0.0]
    assert weights("weighted", [Ballot(0, "x", 1.0), Ballot(1, "y", 3.0)]) == [1.0, 3.0]


@pytest.mark.slow
@given(searches())
@settings(PROFILE, max_examples=15)
def test_the_answer_is_what_the_paths_vote_for(tiny, asked):
    request, config = asked
    settled = search(tiny, request, config).settled
    paths = [path for path in settled.paths if path.finish_reason in ("stop", "length")]
    ballots = [Ballot(p.branch, p.answer, p.scores[config.score]) for p in paths if p.answer]
    if config.vote == "best" or not ballots:
        best = max(paths, key=lambda path: (path.scores[config.score], -path.branch))
        assert (settled.chosen, settled.votes) == (best.branch, ())
        return
    votes = count(ballots, weights(config.vote, ballots, config.power))
    assert list(settled.votes) == votes
    assert settled.chosen == votes[0].branches[0]
    assert sum(path.vote for path in settled.paths) == pytest.approx(sum(v.weight for v in votes))
