"""How a step is shared among the prompts that wait."""

from hypothesis import given
from hypothesis import strategies as st

from mlx_entropix.engine.shares import common_beginning, shares

LENGTHS = st.lists(st.integers(0, 50), max_size=8)


@given(LENGTHS, st.integers(1, 100))
def test_shares_use_the_budget_and_no_more(left, budget):
    counts = shares(left, budget)
    assert all(0 <= count <= n for count, n in zip(counts, left, strict=True))
    assert sum(counts) == min(budget, sum(left))
    if left:
        assert counts[0] >= min(left[0], budget // 2)


def test_short_prompts_pass_long_ones():
    assert shares([1000, 1000, 20, 10], 64) == [34, 0, 20, 10]
    assert shares([1000, 40, 20], 64) == [32, 12, 20]
    assert shares([5, 100, 100], 64) == [5, 59, 0]
    assert shares([300], 64) == [64]
    assert shares([0, 8], 64) == [0, 8]


def test_the_oldest_gets_the_larger_half():
    assert shares([100, 5], 1) == [1, 0]
    assert shares([100, 5, 5], 7) == [4, 3, 0]


def test_common_beginning():
    assert common_beginning((1, 2, 3), (1, 2, 4, 5)) == 2
    assert common_beginning((1, 2), (1, 2, 3)) == 2
    assert common_beginning((), (1,)) == 0
    assert common_beginning((4,), (1,)) == 0
