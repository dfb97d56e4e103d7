"""A model's layers divided among ranks: each has some of them whole, and hands on what it computed.

The division is mlx-lm's own (`pipeline`), of the architectures that it has one of: the last rank
has the first layers, rank 0 the last ones, whose hidden states go to all. What stands before and
behind the layers (embedding, norm, head) every rank has, and computes. A run that is not looked at
ends with rank 0's last layer.

Ranks exchange without names, so all have to do it in one order. What one run exchanges is a chain,
each link needing the one before; of two runs in a step this has to be seen to.
"""

from typing import Any

import mlx.core as mx

from mlx_entropix.errors import WeightsError
from mlx_entropix.model.runs import Run
from mlx_entropix.model.tap import Attended, Tap


def check_pipeline(source: Any, ranks: int, name: str) -> None:
    """Raise `WeightsError` where mlx-lm cannot divide a model's layers, or there are too few."""
    if not hasattr(getattr(source, "model", None), "pipeline"):
        raise WeightsError(
            f"mlx-lm has no pipeline of {name}, whose architecture is {source.model_type}. "
            "Share every layer with --parallel tensor, or start one process."
        )
    layers = len(source.layers)
    if layers < ranks:
        raise WeightsError(
            f"{name} has {layers} layers, which {ranks} ranks cannot divide. "
            f"Start {layers} ranks at most."
        )


class Stage:
    """A rank's part of a model of mlx-lm: `layers` are its own, among the caches of all.

    Making it leaves of the model, which is not yet evaluated, these layers alone. All ranks make it
    together. Raises `WeightsError`.
    """

    def __init__(self, source: Any, group: mx.distributed.Group, name: str):
        self.group = group
        count = len(source.layers)
        try:
            source.model.pipeline(group)
        except ValueError as error:
            raise WeightsError(
                f"The layers of {name} cannot be divided among {group.size()} ranks: {error}. "
                "Start fewer of them."
            ) from None
        counts = self._of_all(len(source.layers))
        if sum(counts) != count:
            raise WeightsError(
                f"mlx-lm's pipeline of {name} has {sum(counts)} layers of {count}. "
                "Share every layer with --parallel tensor."
            )
        first = sum(counts[group.rank() + 1 :])
        self.layers = slice(first, first + counts[group.rank()])
        self._heads, self._teller = 0, 0
        self._heard_call: int | None = None

    def find(self, heard_call: int, heads: int, own_calls: int) -> None:
        """Find out which rank hears the attention of `heads` heads that is asked for.

        It is in call `heard_call` of a pass through all layers; this rank has `own_calls` calls.
        """
        counts, rank = self._of_all(own_calls), self.group.rank()
        ends = [sum(counts[r:]) for r in range(len(counts))]
        self._teller = max(r for r, end in enumerate(ends) if end > heard_call)
        self._heads = heads
        if rank == self._teller:
            self._heard_call = heard_call - (ends[rank] - counts[rank])

    def tap(self) -> Tap:
        """For a run that is looked at."""
        return Tap(self._heard_call)

    def scores(self, heard: Attended | None, run: Run, logits: mx.array) -> mx.array:
        """The scores (B · look, H, T) of a run with these logits, as `Attended.at` gives them.

        On ranks other than 0, whose draws do not count, they may be 0.
        """
        if heard is not None:
            scores = heard.at(run.look, run.mask)
        else:
            scores = mx.zeros((run.size * run.look, self._heads, run.keys), logits.dtype)
        if self._teller == 0:
            return scores
        scores = mx.depends(scores.astype(mx.float32), logits)  # behind the run's own messages
        return mx.distributed.all_sum(scores, group=self.group)

    def _of_all(self, number: int) -> list[int]:
        numbers: Any = mx.distributed.all_gather(mx.array([number]), group=self.group).tolist()
        return list(numbers)
