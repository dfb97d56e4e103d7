"""Which tokens a request's rules leave, as bits."""

import numpy as np
import pytest

from mlx_entropix.engine.token_rules import TokenMask, TokenRules

SIZE, ENDS = 40, (3, 39)


def left(rules: TokenRules, generated: int = 0, past=()) -> set[int]:
    words = TokenMask(rules, ENDS).words(SIZE, generated, past)
    assert words.dtype == np.uint32
    assert len(words) == 2
    bits = np.unpackbits(words.view(np.uint8), bitorder="little")
    return set(np.flatnonzero(bits).tolist())


ALL = set(range(SIZE))


@pytest.mark.parametrize(
    ("rules", "generated", "past", "expected"),
    [
        (TokenRules(ignores_eos=True, stop_ids=(7,)), 0, (), ALL - {3, 39}),
        (TokenRules(min_tokens=2, stop_ids=(7,)), 1, (5,), ALL - {3, 39, 7}),
        (TokenRules(min_tokens=2, stop_ids=(7,)), 2, (5, 5), ALL),
        (TokenRules(only=(3, 8)), 0, (), {3, 8}),
        (TokenRules(only=(3, 8), ignores_eos=True), 0, (), {8}),
        (TokenRules(only=(3, 39), ignores_eos=True), 0, (), {3, 39}),  # nothing else is left
        (TokenRules(banned=((4,), (5, 6), (1, 5, 9))), 0, (), ALL - {4}),
        (TokenRules(banned=((4,), (5, 6), (1, 5, 9))), 2, (2, 5), ALL - {4, 6}),
        (TokenRules(banned=((4,), (5, 6), (1, 5, 9))), 2, (1, 5), ALL - {4, 6, 9}),
        (TokenRules(banned=((41,),)), 0, (), ALL),  # beyond what the model has
    ],
)
def test_the_tokens_that_are_left(rules, generated, past, expected):
    assert left(rules, generated, past) == expected
