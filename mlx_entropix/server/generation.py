"""The rows of one HTTP request, from the event loop's side."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

from mlx_entropix.engine import PromptScored, Request, TokenEvent
from mlx_entropix.server.errors import ApiError

RowEvent = TokenEvent | PromptScored


@dataclass(eq=False)
class Generation:
    """The rows of one HTTP request. `events` gets (index of the row, event), or an error.

    A row makes at most `max_tokens` events, which bounds what a slow client can let pile up.
    """

    requests: list[Request]
    drop: Callable[["Generation"], None]
    events: asyncio.Queue[tuple[int, RowEvent] | ApiError] = field(default_factory=asyncio.Queue)
    waiting: set[int] = field(default_factory=set)  # rows without an event yet
    running: set[int] = field(default_factory=set)

    async def __aiter__(self) -> AsyncIterator[tuple[int, RowEvent]]:
        """Every event with the index of its row, to the last. Raises `ApiError` on failure."""
        async for item in self.with_pauses(None):
            assert item is not None
            yield item

    async def with_pauses(
        self, seconds: float | None
    ) -> AsyncIterator[tuple[int, RowEvent] | None]:
        """The same, with a None after every `seconds` without an event."""
        while not self.ended or not self.events.empty():
            try:
                async with asyncio.timeout(seconds):
                    item = await self.events.get()
            except TimeoutError:
                yield None
                continue
            if isinstance(item, ApiError):
                raise item
            yield item

    @property
    def ended(self) -> bool:
        """Whether every row has had its last event."""
        return not (self.waiting or self.running)

    def close(self) -> None:
        """Free the rows that have not ended. May be called at any time, and twice."""
        self.drop(self)
