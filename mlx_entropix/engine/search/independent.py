"""The baseline: several draws from the start, and a vote (self-consistency, arXiv:2203.11171)."""

from typing import Literal

from mlx_entropix.engine.search.fork_config import ForkConfig
from mlx_entropix.engine.search.search import Search


class Independent(ForkConfig):
    """Each path draws its own tokens from the first one on; the prompt is computed once."""

    policy: Literal["independent"] = "independent"

    def decide(self, search: Search) -> None:
        """All forks at the first token."""
        if search.rounds == 1:
            for _ in range(self.paths - 1):
                search.fork(search.first, search.start)
