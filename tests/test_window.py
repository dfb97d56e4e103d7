"""Moving means and slopes: by hand, and as NumPy has them."""

import numpy as np
import pytest

from mlx_entropix.window import LONGEST_WINDOW, MetricWindow, mean_and_slope, moving


def test_by_hand():
    assert mean_and_slope([4.0]) == (4.0, None)
    assert mean_and_slope([1.0, 3.0]) == (2.0, 2.0)
    assert mean_and_slope([1.0, 2.0, 4.0]) == (pytest.approx(7 / 3), 1.5)
    assert mean_and_slope([2.0] * 5) == (2.0, 0.0)
    assert moving([1.0, 3.0, 5.0, 5.0], 3) == [
        (1.0, None),
        (2.0, 2.0),
        (3.0, 2.0),
        (pytest.approx(13 / 3), 1.0),
    ]
    assert moving([1.0, 3.0], 1) == [(1.0, None), (3.0, None)]
    assert moving([], 8) == []


@pytest.mark.parametrize("size", [2, 3, 8, 17, LONGEST_WINDOW])
@pytest.mark.parametrize("offset", [0.0, -1e3, 1e6])
def test_as_numpy_has_it(size, offset):
    values = (np.random.default_rng(size).normal(size=40) + offset).tolist()
    for end, (mean, slope) in enumerate(moving(values, size), start=1):
        last = np.array(values[max(0, end - size) : end])
        assert mean == pytest.approx(last.mean(), rel=1e-12)
        if len(last) == 1:
            assert slope is None
        else:
            # About its mean, as polyfit loses digits far from zero.
            expected = np.polyfit(np.arange(len(last)), last - last.mean(), 1)[0]
            assert slope == pytest.approx(expected, abs=1e-8)


def test_the_record_of_a_row():
    window = MetricWindow(2)
    assert window.add({"a": 1.0, "b": 0.5}) == {
        "size": 2,
        "a": {"mean": 1.0, "slope": None},
        "b": {"mean": 0.5, "slope": None},
    }
    window.add({"a": 2.0, "b": 0.5})
    assert window.add({"a": 5.0, "b": 0.0}) == {
        "size": 2,
        "a": {"mean": 3.5, "slope": 3.0},
        "b": {"mean": 0.25, "slope": -0.5},
    }
