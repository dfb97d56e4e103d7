"""Forks where the model is uncertain, and a vote among the paths."""

from typing import Any, Literal

from pydantic import model_validator

from mlx_entropix.choices import MOST_PATHS
from mlx_entropix.engine.search.fork_config import whole
from mlx_entropix.engine.search.search import Search
from mlx_entropix.engine.search.uncertain import Uncertain


class Entropy(Uncertain):
    """Where a path divides, it is copied for each of the next likeliest tokens.

    All paths go on to their ends, and fork in their turn.
    """

    policy: Literal["entropy"] = "entropy"
    ways: int = whole(3, 2, 16, "The most ways on from a fork, the path's own among them.")
    max_forks: int = whole(
        4,
        0,
        4096,
        "The most paths that are made by forks, over all; where it is not given, as many as may be "
        "alive besides the first.",
    )

    @model_validator(mode="before")
    @classmethod
    def _one_fork_a_path(cls, values: dict[str, Any]) -> dict[str, Any]:
        """Unless told otherwise, a path that has ended makes no room for another.

        Late forks of the longest paths would fill it, which share the answer that was given before
        they parted, and outvote the others.
        """
        paths = values.get("paths", cls.model_fields["paths"].default)
        if not isinstance(paths, int):
            return values
        return {"max_forks": min(max(paths, 1), MOST_PATHS) - 1, **values}

    def decide(self, search: Search) -> None:
        """Fork every path that has just got a token where it divides."""
        for branch in search.fresh:
            self.fork_at_last(search, branch, self.ways - 1)
