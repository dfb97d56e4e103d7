"""CoT-decoding: the likeliest first tokens, each continued (Wang and Zhou, arXiv:2402.10200)."""

from typing import Literal

from mlx_entropix.engine.search.fork_config import ForkConfig, VoteName
from mlx_entropix.engine.search.search import Search


class First(ForkConfig):
    """One path for each of the likeliest first tokens.

    The first path has the token that the sampler chose, the others the likeliest of the rest. With
    greedy decoding these are the k likeliest, as in the paper. There, answers are compared by the
    sum of Δ (a `score` of `delta`), which favours a number that is copied from the question; here
    by log-probability, see docs/forks.md.
    """

    policy: Literal["first"] = "first"
    vote: VoteName = "weighted"

    def decide(self, search: Search) -> None:
        """All forks at the first token."""
        if search.rounds == 1 and search.first.tokens:
            drawn = search.first.tokens[0]
            others = [a.token_id for a in drawn.alternatives if a.token_id != drawn.token_id]
            for token_id in others[: self.paths - 1]:
                search.fork(search.first, search.start, token_id)
