"""Forks where the model is uncertain, and a vote among the paths."""

from typing import Literal

from mlx_entropix.engine.search.fork_config import NEVER, whole
from mlx_entropix.engine.search.search import Search
from mlx_entropix.engine.search.uncertain import Uncertain


class Entropy(Uncertain):
    """Where a path divides, it is copied for each of the next likeliest tokens.

    All paths go on to their ends, and fork in their turn.
    """

    policy: Literal["entropy"] = "entropy"
    ways: int = whole(3, 2, 16, "The most ways on from a fork, the path's own among them.")

    def decide(self, search: Search) -> None:
        """Fork every path that has just got a token where it divides."""
        for branch in search.fresh:
            if not self.divides(branch):
                continue
            token = branch.tokens[-1]
            for other in self.others(token)[: self.ways - 1]:
                if len(search.branches) <= self.max_forks:
                    search.fork(branch, token.position, other.token_id)

    def next_fork(self, search: Search) -> int:
        """What a live path writes next."""
        if len(search.branches) > self.max_forks or self.paths == 1:
            return NEVER
        return min((branch.end for branch in search.live), default=NEVER)
