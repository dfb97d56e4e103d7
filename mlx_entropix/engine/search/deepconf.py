"""Paths that lose confidence are dropped as they run (DeepConf, Fu et al., arXiv:2508.15260)."""

from math import floor
from statistics import fmean
from typing import Literal

from pydantic import Field

from mlx_entropix.choices import MOST_PATHS
from mlx_entropix.engine.search.fork_config import NEVER, ForkConfig, ScoreName, VoteName, whole
from mlx_entropix.engine.search.search import FAILED, Branch, Search

# A path that says what a first one says is not dropped for the last digits of its numbers, which
# depend on how many rows are computed together.
_NEARLY = 1 - 1e-3


class DeepConf(ForkConfig):
    """The first `warmup` paths run to their ends; their lowest confidences set a border.

    Of the paths after them those are dropped whose mean confidence over the last `window` tokens
    falls under it. A path that ends before it has so many tokens is judged by its mean. Votes are
    weighted by confidence.
    """

    policy: Literal["deepconf"] = "deepconf"
    paths: int = whole(8, 1, MOST_PATHS, "The paths over all, the first ones among them.")
    warmup: int = whole(3, 1, MOST_PATHS, "The paths that set the border.")
    keep: float = Field(
        default=0.9,
        gt=0,
        le=1,
        description="The share of the first paths that the border lets through: 0.1 is strict, 0.9 "
        "mild.",
    )
    score: ScoreName = "lowest_confidence"
    vote: VoteName = "weighted"

    @property
    def _first(self) -> int:
        """How many paths set the border."""
        return min(self.warmup, self.paths)

    def decide(self, search: Search) -> None:
        """Fork at the start, fork again when the first paths have ended, drop what falls."""
        if search.rounds == 1:
            for _ in range(self._first - 1):
                search.fork(search.first, search.start)
        if self._waits(search):
            if search.live:
                return
            for source in [b for b in reversed(search.fresh) if b.finish_reason != FAILED][:1]:
                for _ in range(self.paths - len(search.branches)):
                    search.fork(source, search.start)
            return
        for branch in search.fresh:
            if branch in search.branches[self._first :] and branch.may_win:
                self._judge(search, branch)

    def _waits(self, search: Search) -> bool:
        """Whether the later paths are still to come: the first ones run, or end in this round."""
        first = search.branches[: self._first]
        return len(search.branches) < self.paths and (
            any(branch.finish_reason is None for branch in first)
            or any(branch in first for branch in search.fresh)
        )

    def _judge(self, search: Search, branch: Branch) -> None:
        """Drop a path that has fallen under the border."""
        whole_window = len(branch.tokens) >= self.window
        if not whole_window and branch.finish_reason is None:
            return
        if fmean(branch.confidences[-self.window :]) < self.border(search) * _NEARLY:
            search.drop(branch)

    def border(self, search: Search) -> float:
        """The lowest confidence that the best `keep` of the first paths have."""
        first = search.branches[: self._first]
        lowest = sorted(
            (search.result(b).scores["lowest_confidence"] for b in first if b.may_win), reverse=True
        )
        return lowest[max(0, floor(self.keep * len(lowest) + 0.5) - 1)] if lowest else 0.0

    def next_fork(self, search: Search) -> int:
        """Back at the start, until the later paths have come."""
        return search.start if self._waits(search) and search.live else NEVER
