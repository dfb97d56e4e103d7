"""Guesses that spoil what comes after them, as a damaged model has them, spoil no row."""

import pytest

from mlx_entropix import PlainConfig
from mlx_entropix.engine import Request, RowFailed
from tests.engine.guessing import Guesses, drawn, following, ids, same, write

WARM = PlainConfig(temperature=1.0)
PROMPT = (5, 6, 7)
BESIDE = Request((8, 9) * 20, WARM, 30, seed=1)  # has more columns than the others


@pytest.mark.parametrize("before", [0, 2])
def test_a_guess_that_is_not_drawn_spoils_nothing(tiny, spoilt, before):
    """The guess is a token that the model cannot take; the row does not draw it."""
    requests = [Request(PROMPT, WARM, 12, seed=5), BESIDE, Request((4,), WARM, 9, seed=2)]
    texts = [ids(events) for events in write(tiny, requests)]
    bad = next(token for token in range(49152) if token not in sum(texts, [8, 9, 5, 6, 7, 4]))
    guess = following(texts, before)
    damaged = spoilt(bad)
    rows = write(damaged, requests, Guesses(lambda row: [*guess(row), bad, 3, 3]))
    for events, others in zip(rows, write(damaged, requests), strict=True):
        same(events, others)
    assert [ids(events) for events in rows] == texts


@pytest.mark.parametrize("count", [1, 3, 8])
def test_a_row_fails_inside_a_draft_where_it_fails_without(tiny, spoilt, count):
    """And leaves nothing behind for the row that has its place next."""
    after = Request((4,), WARM, 9, seed=2)
    asked = [Request(PROMPT, WARM, 12, seed=5), BESIDE, after]
    texts = [ids(events) for events in write(tiny, asked)]
    damaged = spoilt(texts[0][5])
    expected = write(damaged, asked)
    assert isinstance(expected[0][-1], RowFailed)
    assert len(drawn(expected[0])) == 6
    rows = write(damaged, asked, Guesses(following(texts, count)), max_rows=2)
    for events, others in zip(rows, expected, strict=True):
        same(events, others)
    assert rows[0][-1] == expected[0][-1]


def test_a_row_that_ends_before_a_guess_that_spoils_leaves_none_of_it(tiny, spoilt):
    requests = [Request(PROMPT, WARM, 12, seed=5), BESIDE, Request((4,), WARM, 9, seed=2)]
    texts = [ids(events) for events in write(tiny, requests)]
    bad = next(token for token in range(49152) if token not in sum(texts, [8, 9, 5, 6, 7, 4]))
    damaged = spoilt(bad)
    stop = drawn(write(tiny, requests[:1])[0])[6].text
    asked = [Request(PROMPT, WARM, 12, seed=5, stop=(stop,)), *requests[1:]]
    guess = following([[*texts[0][:7], bad, *[3] * 9]], 9)
    rows = write(damaged, asked, Guesses(lambda row: guess(row) if row.id == 0 else []), max_rows=2)
    for events, others in zip(rows, write(damaged, asked), strict=True):
        same(events, others)
    assert len(drawn(rows[0])) <= 7
