"""What a policy does with the rows of an engine, between the read of a step and the next step."""

from __future__ import annotations

from typing import TYPE_CHECKING

import mlx.core as mx

from mlx_entropix.engine.events import Event, RowDropped, RowForked
from mlx_entropix.engine.row import Row, State

if TYPE_CHECKING:
    from mlx_entropix.engine.engine import Engine
    from mlx_entropix.engine.step import QueuedStep


class Moves:
    """The `Batch` of policy.py: for one read, whose events it adds to."""

    def __init__(self, engine: Engine, step: QueuedStep, events: list[Event]):
        self._engine = engine
        self._step = step
        self._events = events

    def fork(
        self, row: Row, position: int, token_ids: tuple[int, ...] = ()
    ) -> tuple[Row, RowForked] | None:
        """Copy a row, if there is room, and announce it."""
        if row.dropped:
            return None
        recent, look = self._step.sampled.recent, self._step.last.get(row.id)
        if recent is not None and look is not None:
            recent = mx.contiguous(recent[look : look + 1])
        made = self._engine.fork(row, position, token_ids, recent)
        if made is not None:
            self._events.append(made[1])
        return made

    def drop(self, row: Row) -> None:
        """End a row that has not ended yet."""
        if row.state is not State.ENDED:
            row.state, row.dropped = State.ENDED, True
            self._events.append(RowDropped(row.id, row.summary()))

    def held_back(self, row: Row, end: int) -> str:
        """What of the row's text had not been let go before position `end`."""
        return row.held_back(end, self._engine.tokenizer)

    def say(self, event: Event) -> None:
        """Put an event behind those of the step."""
        self._events.append(event)
