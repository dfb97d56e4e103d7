import numpy as np
import pytest
from scipy.stats import kstest

from mlx_entropix.sampling import position_key


def splitmix64(state):
    """The published generator: one output, and the state after it."""
    state = np.uint64(state) + np.uint64(0x9E3779B97F4A7C15)
    z = state
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31)), state


def joined(seed, position, branch=0):
    high, low = position_key(seed, position, branch)
    assert 0 <= high < 2**32
    assert 0 <= low < 2**32
    return high << 32 | low


@pytest.mark.parametrize("seed", [0, 1, 12345, 2**64 - 1])
def test_is_splitmix64_from_the_mixed_seed(seed):
    with np.errstate(over="ignore"):
        state, _ = splitmix64(seed)
        for position in range(20):
            expected, state = splitmix64(state)
            assert joined(seed, position) == int(expected)


@pytest.mark.parametrize("branch", [1, 2, 700])
def test_a_branch_starts_its_generator_elsewhere(branch):
    """Where the seed's first output and the branch's, mixed, are: written-down keys must last."""

    def mixed(number):  # what the generator makes of a state, ahead of which it adds gamma
        return splitmix64(np.uint64(number) - np.uint64(0x9E3779B97F4A7C15))[0]

    with np.errstate(over="ignore"):
        first, _ = splitmix64(5)
        own = mixed(np.uint64(branch) * np.uint64(0x9E3779B97F4A7C15))
        state = mixed(first ^ own)
        for position in range(5):
            expected, state = splitmix64(state)
            assert joined(5, position, branch) == int(expected)


def test_published_first_output():
    with np.errstate(over="ignore"):
        assert int(splitmix64(0)[0]) == 0xE220A8397B1DCDAF


def test_keys_differ_between_near_seeds_and_positions():
    keys = [joined(seed, position) for seed in range(-50, 50) for position in range(200)]
    assert len(set(keys)) == len(keys)
    assert kstest(np.array(keys) / 2**64, "uniform").pvalue > 1e-3


@pytest.mark.parametrize("seed", [-1, 2**64, 10**40, -(10**40)])
def test_any_integer_is_a_seed(seed):
    assert joined(seed, 0) == joined(seed % 2**64, 0)
