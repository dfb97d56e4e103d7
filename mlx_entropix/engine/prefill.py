"""Prompts on their way into the cache, and how a step is shared among them."""

from collections.abc import Sequence
from dataclasses import dataclass

from mlx_entropix.engine.rows import Row
from mlx_entropix.model.cache import KVRows

# As many tokens as a prompt must have in common with another one to wait until that is computed.
_WORTH_WAITING = 32


@dataclass(eq=False)
class Prefill:
    """A row whose prompt is being computed, in a cache of its own."""

    row: Row
    cache: KVRows

    @property
    def done(self) -> int:
        """Tokens of the prompt in the cache."""
        return self.cache.length

    @property
    def total(self) -> int:
        """Tokens to put there: all but the last, which the row's first step takes."""
        return len(self.row.request.prompt) - 1

    @property
    def left(self) -> int:
        """Tokens that are still to be computed."""
        return self.total - self.done

    def will_help(self, prompt: Sequence[int], known: int) -> bool:
        """Whether `prompt`, of which `known` tokens are in a cache, does well to wait for this."""
        shared = common_beginning(self.row.request.prompt, prompt)
        return shared >= known + _WORTH_WAITING


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
