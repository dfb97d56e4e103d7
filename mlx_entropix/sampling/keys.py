"""Random keys that depend on a seed, a branch and a position alone."""

_MASK = (1 << 64) - 1
_GAMMA = 0x9E3779B97F4A7C15


def _mix(z: int) -> int:
    """The output function of SplitMix64."""
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _MASK
    return z ^ (z >> 31)


def position_key(seed: int, position: int, branch: int = 0) -> tuple[int, int]:
    """The key of the draw at `position`, as two unsigned 32-bit numbers.

    It is output number `position` of a SplitMix64 generator that starts from the mixed seed
    (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014,
    https://doi.org/10.1145/2660193.2660195). One seed gives 2^64 different keys. `seed` is any
    integer; its lowest 64 bits count. A `branch` other than 0, which is that of a row that is no
    copy, starts its generator elsewhere: the seed's start and the branch, mixed.
    """
    start = _mix((seed + _GAMMA) & _MASK)
    if branch:
        start = _mix(start ^ _mix((branch * _GAMMA) & _MASK))
    key = _mix((start + (position + 1) * _GAMMA) & _MASK)
    return key >> 32, key & 0xFFFFFFFF
