from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlx_entropix.engine.stop import Repeats, StopStrings

TEXT = st.text("abc\n", max_size=40)


def run(text, stops, cuts):
    """Feed text cut at the given places. Returns what passed, and whether it was stopped."""
    stopper, passed = StopStrings(stops), ""
    borders = sorted({min(cut, len(text)) for cut in cuts} | {0, len(text)})
    for start, end in pairwise(borders):
        part, stopped = stopper.add(text[start:end])
        passed += part
        if stopped:
            return passed, True
    return passed + stopper.finish(), False


@given(
    TEXT,
    st.lists(st.text("abc\n", min_size=1, max_size=4), max_size=3),
    st.lists(st.integers(0, 40)),
)
def test_text_passes_up_to_the_first_stop_string_however_it_is_cut(text, stops, cuts):
    ends = [text.find(stop) for stop in stops if stop in text]
    passed, stopped = run(text, stops, cuts)
    assert stopped == bool(ends)
    if not ends:
        assert passed == text
        return
    # Cut into single characters, the stop string that is complete first counts.
    assert text.startswith(passed)
    assert all(stop not in passed for stop in stops)
    assert any(text[len(passed) :].startswith(stop) for stop in stops)


def test_what_may_begin_a_stop_string_is_held_back():
    stopper = StopStrings(["END"])
    assert stopper.add("the E") == ("the ", False)
    assert stopper.add("N") == ("", False)
    assert stopper.add("emy") == ("ENemy", False)
    assert stopper.add(" END of it") == (" ", True)


def test_no_stop_strings_hold_nothing():
    stopper = StopStrings(["", ""])
    assert stopper.add("abc") == ("abc", False)
    assert stopper.finish() == ""


@pytest.mark.parametrize(
    ("tokens", "times", "ends_at"),
    [
        ([1, 2, 3, *[7, 8, 9, 10] * 6, 5], 3, 27),  # 24 tokens in all, and more than 3 times
        ([1, 2, *range(20, 50), *range(20, 50), *range(20, 50)], 3, 92),
        ([1, 2, *range(20, 50), *range(20, 50)], 3, None),  # twice
        ([7] * 23, 3, None),  # too short
        ([7] * 24, 3, 24),
        ([7] * 500, 0, None),
        (list(range(129)) * 4, 2, None),  # longer than any piece that is looked for
    ],
)
def test_a_text_that_repeats_itself_is_noticed(tokens, times, ends_at):
    repeats = Repeats(times)
    noticed = [n for n in range(1, len(tokens) + 1) if repeats.add(tokens[:n])]
    assert (noticed[0] if noticed else None) == ends_at
