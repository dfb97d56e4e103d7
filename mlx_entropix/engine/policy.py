"""What decides, once a token was read, that its row forks, proposes a draft, or is dropped.

A policy knows of a token one step late: the one after it is being computed already. A fork
therefore copies the row and rewinds the copy; what a dropped row had under way is thrown away. A
row whose policy proposes drafts waits for its tokens, and is not computed ahead.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from mlx_entropix.engine.events import TokenEvent
    from mlx_entropix.engine.row import Row


@dataclass(frozen=True)
class Fork:
    """Copy the row with other tokens from `position` on, which is one that the row has drawn.

    The copy has the next branch number, and so draws of its own. It is made where the engine has
    room for another row, and announced by a `RowForked`.
    """

    position: int
    token_ids: tuple[int, ...]


@dataclass(frozen=True)
class Propose:
    """A guess at the row's next tokens, which the next step verifies all at once.

    The tokens that come out are those that would have come without it: a guess is taken as far as
    it is what the row draws.
    """

    token_ids: tuple[int, ...]


@dataclass(frozen=True)
class Drop:
    """End the row, which a `RowDropped` announces."""


Action = Fork | Propose | Drop


class Policy(Protocol):
    """Is asked after each token of a row; one object may serve several rows."""

    @property
    def proposes(self) -> bool:
        """Whether it ever proposes: its rows then wait for each token before the next."""
        ...

    def after_token(self, row: Row, event: TokenEvent) -> Iterable[Action]:
        """What to do now that `row` has got the token of `event`, which did not end it."""
        ...
