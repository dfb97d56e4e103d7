"""How a step is shared among the rows whose known tokens are still to be computed."""

from collections.abc import Sequence

# As many tokens as a prompt must have in common with another one to wait until that is computed.
_WORTH_WAITING = 32


def does_well_to_wait(prompt: Sequence[int], known: int, other: Sequence[int]) -> bool:
    """Whether a prompt, of which `known` tokens are in a cache, gains by waiting for `other`."""
    return common_beginning(other, prompt) >= known + _WORTH_WAITING


def common_beginning(first: Sequence[int], second: Sequence[int]) -> int:
    """How many tokens two sequences have in common before they differ."""
    pairs = enumerate(zip(first, second, strict=False))
    return next((i for i, (a, b) in pairs if a != b), min(len(first), len(second)))


def shares(left: Sequence[int], budget: int) -> list[int]:
    """How many of `budget` tokens each prompt gets, given how many each has left, oldest first.

    Half goes to the oldest, so that none waits for ever; the rest to the shortest, so that none
    waits for a long one that came before. What these do not need goes to the oldest again.
    """
    if not left:
        return []
    counts = [0] * len(left)
    counts[0] = min(left[0], -(-budget // 2))
    for i in sorted(range(len(left)), key=lambda i: (left[i] - counts[i], i)):
        counts[i] += min(left[i] - counts[i], budget - sum(counts))
    return counts
