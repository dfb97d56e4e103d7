"""A look ahead where the path divides: several ways are tried, and one is gone."""

from typing import Literal

from mlx_entropix.engine.search.fork_config import BEST, Rule, VoteName, whole
from mlx_entropix.engine.search.search import Branch, Search
from mlx_entropix.engine.search.uncertain import Least, Uncertain, ends_sentence


class Lookahead(Uncertain):
    """For answers that are open, where there is nothing to vote on.

    Where the path divides, each way on is written for `horizon` tokens, or to the end of the
    sentence; the one with the best score over these goes on alone.
    """

    policy: Literal["lookahead"] = "lookahead"
    extract: Rule = "none"
    vote: VoteName = BEST
    least: Least = 0.1
    horizon: int = whole(12, 1, 4096, "The most tokens of each way that are compared.")

    def decide(self, search: Search) -> None:
        """Fork a path that is alone; of several that have come far enough keep one."""
        tried = [branch for branch in search.branches if branch.may_win]
        if len(tried) > 1:
            begin = max(branch.begin for branch in tried)
            ahead = [self._ahead(search, branch, begin) for branch in tried]
            if all(tokens is not None for tokens in ahead):
                scores = [search.score(b, t) for b, t in zip(tried, ahead, strict=True)]
                best = max(range(len(tried)), key=lambda i: (scores[i], -tried[i].number))
                for i, branch in enumerate(tried):
                    if i != best:
                        search.drop(branch)
                tried[best].forked_at = tried[best].length - 1
            return
        for branch in search.fresh:
            if branch in tried:
                self.fork_at_last(search, branch, self.paths - 1)

    def _ahead(self, search: Search, branch: Branch, begin: int) -> list | None:
        """The tokens that a way is judged by; None while it is not far enough."""
        tokens = branch.tokens[begin - search.start :][: self.horizon]
        if len(tokens) == self.horizon or branch.finish_reason:
            return tokens
        for n, token in enumerate(tokens, 1):
            if ends_sentence(token):
                return tokens[:n]
        return None
