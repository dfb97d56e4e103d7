"""What decides, once a step was read, that a row forks or is dropped.

A policy knows of a token one step late: the one after it is being computed already. A fork
therefore copies the row and rewinds the copy; what a dropped row had under way is thrown away.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from mlx_entropix.engine.events import Event, RowFailed, RowForked, TokenEvent
    from mlx_entropix.engine.row import Row


class Batch(Protocol):
    """What a policy may do with the rows that it is asked about."""

    def fork(
        self, row: Row, position: int, token_ids: tuple[int, ...] = ()
    ) -> tuple[Row, RowForked] | None:
        """Copy a row with other tokens from `position` on, which is one that the row has drawn.

        The copy has the next branch number, and so draws of its own; without `token_ids` it draws
        the token at `position` too. It comes with the event that announces it. A row that has ended
        in this very read can be copied as well, or later if it `is_kept`. None where there is no
        room.
        """
        ...

    def drop(self, row: Row) -> None:
        """End the row, which a `RowDropped` announces."""
        ...

    def held_back(self, row: Row, end: int) -> str:
        """The text that the row's tokens before `end` leave waiting for what comes next."""
        ...

    def say(self, event: Event) -> None:
        """Put an event behind those of the step: one of its rows', or of its own."""
        ...


class Policy(Protocol):
    """Is asked after each read of its rows; one object may serve several."""

    def after_read(self, read: Sequence[tuple[Row, TokenEvent | RowFailed]], batch: Batch) -> None:
        """Act on what its rows have just got: tokens, in their order, or that they failed.

        A row may get several tokens in a read, and others none. Nobody else is told of them: what
        is to be known is for the policy to `say`, now or later.
        """
        ...
