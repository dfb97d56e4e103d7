"""An HTTP request that is being answered, and which rows of the engine belong to it.

Most answers are one row. One that forks is a family of rows: what its paths get is reported as it
comes, and the tokens that are settled are the answer.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from mlx_entropix.engine import (
    Answered,
    Engine,
    Event,
    PromptProgress,
    PromptScored,
    Request,
    RowDropped,
    RowFailed,
    RowForked,
    Settled,
    TokenEvent,
)
from mlx_entropix.server.api_errors import ApiError

EventOfPath = TokenEvent | RowForked | RowDropped | RowFailed | Settled


class PathEvent(NamedTuple):
    """What became of the path number `branch`; for a fork, the path that was left."""

    branch: int
    event: EventOfPath


@dataclass(frozen=True)
class PathEvents:
    """What became of an answer's paths in one step."""

    events: tuple[PathEvent, ...]

    @property
    def settled(self) -> Settled | None:
        """That the answer was chosen, if it was: then it is the last of them."""
        last = self.events[-1].event
        return last if isinstance(last, Settled) else None


AnswerEvent = TokenEvent | PromptScored | PromptProgress | PathEvents


@dataclass(eq=False)
class OpenAnswer:
    """The answers to one HTTP request. `events` gets (index of the answer, event), or an error.

    `left` answers have not had their last event. Each makes at most `max_tokens` events a path,
    which bounds what a slow client can let pile up.
    """

    requests: list[Request]
    drop: Callable[["OpenAnswer"], None]
    events: asyncio.Queue[tuple[int, AnswerEvent] | ApiError] = field(default_factory=asyncio.Queue)

    def __post_init__(self) -> None:
        self.left = len(self.requests)

    async def __aiter__(self) -> AsyncIterator[tuple[int, AnswerEvent]]:
        """Every event with the index of its answer, to the last. Raises `ApiError` on failure."""
        async for item in self.with_pauses(None):
            assert item is not None
            yield item

    async def with_pauses(
        self, seconds: float | None
    ) -> AsyncIterator[tuple[int, AnswerEvent] | None]:
        """The same, with a None after every `seconds` without an event."""
        while self.left or not self.events.empty():
            try:
                item = self.events.get_nowait()
            except asyncio.QueueEmpty:
                try:
                    async with asyncio.timeout(seconds):
                        item = await self.events.get()
                except TimeoutError:
                    yield None
                    continue
            if isinstance(item, ApiError):
                raise item
            yield item

    def close(self) -> None:
        """Free the rows that have not ended. May be called at any time, and twice."""
        self.drop(self)


@dataclass(eq=False)
class Place:
    """Where the events of a row go, and of the rows that it forks into.

    `branches` are the numbers of its paths, by their rows. `cancel` ends all of these.
    """

    answer: OpenAnswer
    index: int
    cancel: Callable[[Engine], None]  # a command to the engine's thread
    branches: dict[int, int]
    live: set[int] = field(default_factory=set)  # rows that are being computed
    heard_of: bool = False  # since its first event it waits no more
    ended: bool = False
    failure: str = ""

    @property
    def forks(self) -> bool:
        """Whether its tokens are those of paths, and the answer's are yet to be settled."""
        return self.answer.requests[self.index].policy is not None

    def take(self, events: Sequence[Event]) -> list[AnswerEvent]:
        """What the events of a step are to the answer: what paths did, then tokens of its own."""
        self.heard_of = True
        paths: list[PathEvent] = []
        answered: list[AnswerEvent] = []
        for event in events:
            if isinstance(event, Answered):
                answered += event.tokens
                continue
            if isinstance(event, RowForked):
                paths.append(PathEvent(self.branches[event.parent], event))
            elif isinstance(event, PromptScored) or (
                isinstance(event, TokenEvent) and not self.forks
            ):
                answered.append(event)
            elif isinstance(event, PromptProgress):
                if not self.branches[event.row]:  # a path that left another has its prompt already
                    answered.append(event)
            else:
                paths.append(PathEvent(self.branches[event.row], event))
            self._note_end(event)
        return [PathEvents(tuple(paths)), *answered] if paths else answered

    def _note_end(self, event: Event) -> None:
        """Keep account of which rows live, and whether the answer has its end."""
        if not event.ends:
            self.live.add(event.row)
            return
        self.live.discard(event.row)
        if isinstance(event, Settled) or not self.forks:
            self.ended = True
            self.failure = getattr(event, "message", None) or ""
