"""The one thread that owns the engine, and how the event loop talks to it.

Arrays of mlx belong to the thread that made them, so this thread loads the model and steps the
engine. What crosses are plain values: commands through a queue into the thread, batches of events,
one call a step, back into the loop. Everything in `Worker` that counts is touched by the event loop
alone; `_EngineThread` is the other side.
"""

import asyncio
import logging
import queue
import threading
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Literal

from mlx_entropix.engine import (
    Engine,
    Event,
    PromptScored,
    Request,
    RowFailed,
    TokenEvent,
    load_from,
)
from mlx_entropix.model.locate import locate_weights
from mlx_entropix.sampling import PRESETS
from mlx_entropix.server.errors import ApiError
from mlx_entropix.server.settings import Settings
from mlx_entropix.text import PromptError, Tokenizer

logger = logging.getLogger(__name__)

RowEvent = TokenEvent | PromptScored

# While rows are being written, a long prompt is computed in pieces that hold them up little.
_CHUNK_ALONE = 512
_CHUNK_BESIDE_STREAMS = 64


@dataclass(frozen=True)
class ModelInfo:
    """What the loop needs to know of the loaded model.

    `limit` bounds prompt and answer together, in tokens.
    """

    name: str
    tokenizer: Tokenizer
    limit: int
    vocabulary_size: int
    is_fallback: bool


@dataclass(eq=False)
class Generation:
    """The rows of one HTTP request. `events` gets (index of the row, event), or an error.

    A row makes at most `max_tokens` events, which bounds what a slow client can let pile up.
    """

    worker: "Worker"
    requests: list[Request]
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
        self.worker.drop(self)


class Worker:
    """The engine as the event loop sees it: `submit` in, events of a `Generation` out."""

    def __init__(self, settings: Settings):
        self.settings = settings
        self.info: ModelInfo | None = None
        self.failure: BaseException | None = None
        self.loaded_at = 0  # seconds since 1970
        self.stopping = False
        self.loaded = asyncio.Event()  # set when `info` or `failure` is
        self.generations: set[Generation] = set()
        self.on_event: Callable[[Event], None] = _ignore
        self._thread = _EngineThread(settings, asyncio.get_running_loop(), self)

    def start(self) -> None:
        """Begin to load the model."""
        self._thread.start()

    @property
    def status(self) -> Literal["loading", "ok", "stopping"]:
        """`loading`, `ok` or `stopping`."""
        if self.stopping:
            return "stopping"
        return "ok" if self.info is not None else "loading"

    @property
    def rows(self) -> int:
        """Rows that are being computed."""
        return sum(len(generation.running) for generation in self.generations)

    @property
    def queue(self) -> int:
        """Rows that wait for their turn."""
        return sum(len(generation.waiting) for generation in self.generations)

    def model(self) -> ModelInfo:
        """The loaded model; raises the 503 that a client gets where there is none, or no longer."""
        if self.stopping:
            raise ApiError(503, "The server is stopping.", code="stopping", retry_after=5)
        if self.info is None:
            raise ApiError(503, "The model is still loading.", code="loading", retry_after=2)
        return self.info

    def check_room(self, rows: int) -> None:
        """Raise the 429 that a client gets where `rows` more do not fit into the queue."""
        capacity = self.settings.max_rows + self.settings.max_queue
        if rows > capacity:
            raise ApiError(
                400,
                f"The request asks for {rows} answers at once; the server takes {capacity}.",
                param="n",
            )
        if self.rows + self.queue + rows > capacity:
            raise ApiError(
                429,
                f"The queue is full ({self.queue} rows wait). Try again in a few seconds.",
                code="queue_full",
                retry_after=2,
            )

    def submit(self, requests: list[Request]) -> Generation:
        """Put the rows of one HTTP request in line."""
        self.model()
        self.check_room(len(requests))
        generation = Generation(self, requests, waiting=set(range(len(requests))))
        self.generations.add(generation)
        self._thread.commands.put(("add", generation))
        return generation

    def drop(self, generation: Generation) -> None:
        """Forget a generation; its rows leave the batch before the next step."""
        if generation not in self.generations:
            return
        self._forget(generation)
        self._thread.commands.put(("cancel", generation))

    def cut(self, error: ApiError) -> None:
        """End every generation with an error as its last event."""
        for generation in list(self.generations):
            generation.events.put_nowait(error)
            self.drop(generation)

    def receive(self, batch: list[tuple[Generation, int, Event | ApiError]]) -> None:
        """Take the events of one step from the engine's thread. Runs in the event loop."""
        for generation, index, event in batch:
            if generation not in self.generations:
                continue
            if isinstance(event, RowFailed):
                event = ApiError(500, event.message, code="generation_failed")
            if isinstance(event, ApiError):
                generation.events.put_nowait(event)
                self.drop(generation)
                continue
            self._count(generation, index, event)
            self.on_event(event)
            if isinstance(event, RowEvent):
                generation.events.put_nowait((index, event))

    def _count(self, generation: Generation, index: int, event: Event) -> None:
        generation.waiting.discard(index)
        if getattr(event, "summary", None) is None:
            generation.running.add(index)
        else:
            generation.running.discard(index)
            if generation.ended:
                self._forget(generation)

    def _forget(self, generation: Generation) -> None:
        self.generations.discard(generation)
        generation.waiting.clear()
        generation.running.clear()


class _EngineThread(threading.Thread):
    """Loads the model, then steps the engine for as long as it has rows."""

    def __init__(self, settings: Settings, loop: asyncio.AbstractEventLoop, worker: Worker):
        super().__init__(name="engine", daemon=True)
        self.commands: queue.SimpleQueue[tuple[str, Generation]] = queue.SimpleQueue()
        self._settings = settings
        self._loop = loop
        self._worker = worker
        self._owners: dict[int, tuple[Generation, int]] = {}  # by the engine's row ids
        self._writing: set[int] = set()  # rows that are past their prompt

    def run(self) -> None:
        """Load, and serve for as long as the process lives. A failure to load goes to the loop."""
        try:
            location = locate_weights(self._settings.weights)
            model, tokenizer = load_from(location)
            make_engine = self._engine_maker(model, tokenizer)
            engine = make_engine()
            _warm_up(engine)
        except BaseException as error:
            self._tell(self._finish_loading, None, error)
            return
        info = ModelInfo(
            location.name,
            tokenizer,
            min(model.context_length, engine.max_kv_tokens),
            model.vocabulary_size,
            location.is_fallback,
        )
        self._tell(self._finish_loading, info, None)
        while True:
            self._take_commands(engine)
            try:
                events = engine.step()
            except Exception:
                logger.exception("a step of the engine failed")
                self._fail_all()
                engine = make_engine()
                continue
            self._deliver(events)
            engine.prefill_chunk = _CHUNK_BESIDE_STREAMS if self._writing else _CHUNK_ALONE

    def _engine_maker(self, model, tokenizer) -> Callable[[], Engine]:  # type: ignore[no-untyped-def]
        return lambda: Engine(
            model,
            tokenizer,
            max_rows=self._settings.max_rows,
            max_kv_tokens=self._settings.max_kv_tokens,
            prefill_chunk=_CHUNK_ALONE,
            prefix_cache_bytes=self._settings.prefix_cache_bytes,
        )

    def _finish_loading(self, info: ModelInfo | None, failure: BaseException | None) -> None:
        self._worker.info, self._worker.failure = info, failure
        self._worker.loaded_at = int(time.time())
        self._worker.loaded.set()

    def _take_commands(self, engine: Engine) -> None:
        """Carry out what the loop asks for, waiting for it where there is nothing else to do."""
        while engine.idle or not self.commands.empty():
            kind, generation = self.commands.get()
            if kind == "add":
                self._add(engine, generation)
            else:
                self._cancel(engine, generation)

    def _add(self, engine: Engine, generation: Generation) -> None:
        try:
            for index, request in enumerate(generation.requests):
                self._owners[engine.add(request)] = (generation, index)
        except (PromptError, ValueError) as error:
            self._cancel(engine, generation)
            failure = ApiError(400, str(error))
            self._tell(self._worker.receive, [(generation, 0, failure)])

    def _cancel(self, engine: Engine, generation: Generation) -> None:
        for row_id in [row for row, owner in self._owners.items() if owner[0] is generation]:
            engine.cancel(row_id)
            self._release(row_id)

    def _release(self, row_id: int) -> None:
        self._owners.pop(row_id, None)
        self._writing.discard(row_id)

    def _deliver(self, events: list[Event]) -> None:
        """Hand the events of a step to the loop, all at once."""
        batch = []
        for event in events:
            owner = self._owners.get(event.row)
            if owner is None:
                continue
            batch.append((*owner, event))
            if isinstance(event, RowFailed) or getattr(event, "summary", None) is not None:
                self._release(event.row)
            elif isinstance(event, TokenEvent):
                self._writing.add(event.row)
        if batch:
            self._tell(self._worker.receive, batch)

    def _fail_all(self) -> None:
        error = ApiError(500, "The engine failed at this step. Its log says why.", code="engine")
        self._tell(self._worker.receive, [(*owner, error) for owner in self._owners.values()])
        self._owners.clear()
        self._writing.clear()

    def _tell(self, function: Callable[..., None], *arguments: object) -> None:
        try:
            self._loop.call_soon_threadsafe(function, *arguments)
        except RuntimeError:  # the loop is closed: nobody is left to be told
            logger.debug("the event loop has ended before the engine")


def _warm_up(engine: Engine) -> None:
    """Make two tokens, so that the first client does not wait for what is done but once.

    On a CPU, mlx runs g++ at the first step, and a process ignores Ctrl-C while it does.
    """
    prompt = tuple(engine.tokenizer.encode("Once upon a time"))
    engine.add(Request(prompt, PRESETS["entropix"], max_tokens=2))
    while not engine.idle:
        engine.step()


def _ignore(_event: Event) -> None:
    pass
