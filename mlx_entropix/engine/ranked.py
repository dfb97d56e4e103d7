"""Engines on several ranks: one log of what rank 0's engine is asked, replayed by all others.

An engine decides by the calls that it gets and by the numbers that it reads, not by a clock nor by
chance. So where every rank's engine is made alike, gets `add`, `cancel` and `step` in the same
order, and reads the same numbers (same_step.py), all queue the same operations on their devices,
and what these exchange fits together. The log goes beside the device, over the ranks' links: a step
is queued before the one before it has ended, as on a single machine.
"""

import time
from typing import Any

from mlx_entropix.engine.engine import Engine
from mlx_entropix.engine.events import Event, Request
from mlx_entropix.engine.wire import decode, encode
from mlx_entropix.errors import RankError
from mlx_entropix.model.decoder import Decoder
from mlx_entropix.ranks.join import Ranks
from mlx_entropix.ranks.launch import PIPELINE
from mlx_entropix.text import Tokenizer

NEWS_SECONDS = 1.0
"""A step that fails waits so long: if a rank is gone, its link says so, and better."""


def engine_on(ranks: Ranks | None, model: Decoder, tokenizer: Tokenizer, **limits: Any) -> Engine:
    """An engine of this process, or rank 0's of all `ranks`. `limits` are those of `Engine`.

    Of several ranks none drafts: how long a draft is goes by the clock, which differs among them.
    """
    if ranks is None:
        return Engine(model, tokenizer, **limits)
    limits.pop("drafter", None)
    return LeadingEngine(ranks, model, tokenizer, **limits)


class LeadingEngine(Engine):
    """Rank 0's engine. What it is asked is told to the others, whose engines do the same.

    Making another one takes the place of theirs too. Raises `RankError` once a step did not come to
    its end: the others have done more of it, and cannot go on.
    """

    def __init__(self, ranks: Ranks, model: Decoder, tokenizer: Tokenizer, **limits: Any):
        if ranks.parted:
            raise RankError(
                "A step was not done to its end on rank 0, and the ranks no longer stand at the "
                "same place. Start all of them again."
            )
        if ranks.share == PIPELINE:
            # Ranks with larger layers would forget past prompts earlier than others.
            limits["prefix_cache_bytes"] = 0
        ranks.tell("engine", limits)
        super().__init__(model, tokenizer, **limits, ranks=ranks)
        self._ranks = ranks

    def add(self, request: Request) -> int:
        """As `Engine.add`. Raises `RankError` where the request cannot be sent."""
        record = encode(request)
        row = super().add(request)
        self._ranks.tell("add", record)
        return row

    def cancel(self, row_id: int) -> None:
        """As `Engine.cancel`."""
        super().cancel(row_id)
        self._ranks.tell("cancel", row_id)

    def step(self) -> list[Event]:
        """As `Engine.step`. Raises `RankError` where it fails, as that leaves the ranks apart."""
        self._ranks.tell("step")
        self._ranks.parted = True
        try:
            events = super().step()
        except Exception as error:
            time.sleep(NEWS_SECONDS)
            raise RankError(
                f"A step failed on rank 0 ({type(error).__name__}: {error}). Start all ranks again."
            ) from error
        self._ranks.parted = False
        return events


def replay(ranks: Ranks, model: Decoder, tokenizer: Tokenizer) -> int:
    """Do what rank 0's engine does, on this rank, until rank 0 ends. Returns the exit code."""
    engine: Engine | None = None
    while True:
        _, (what, *values) = ranks.heard.get()
        if what == "end":
            return int(values[0])
        if what == "engine":
            engine = Engine(model, tokenizer, **values[0], ranks=ranks)
            continue
        assert engine is not None, "rank 0 makes an engine before it uses it"
        if what == "add":
            engine.add(decode(values[0]))
        elif what == "cancel":
            engine.cancel(values[0])
        else:
            engine.step()
