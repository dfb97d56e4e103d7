"""The engine as the event loop sees it. Everything here runs in the loop; see engine_thread.py."""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Literal, TypeVar

from mlx_entropix.engine import Event, Request, RowFailed
from mlx_entropix.server.engine_thread import Batch, EngineThread, ModelInfo
from mlx_entropix.server.errors import ApiError
from mlx_entropix.server.generation import Generation, RowEvent
from mlx_entropix.server.settings import Settings

Found = TypeVar("Found")


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
        self._loop = asyncio.get_running_loop()
        self._thread = EngineThread(settings, self._loop, self._finish_loading, self._receive)
        # Not the loop's own threads: a server that ends waits for what those are doing.
        self._readers = ThreadPoolExecutor(thread_name_prefix="reader")

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

    async def read(self, function: Callable[..., Found], *arguments: object) -> Found:
        """Call `function` in a thread: long prompts take seconds to become token ids."""
        return await self._loop.run_in_executor(self._readers, function, *arguments)

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
                f"The queue is full: {self.rows + self.queue} of {capacity} places are taken, and "
                f"{rows} more are needed. Try again in a few seconds.",
                code="queue_full",
                retry_after=2,
            )

    def submit(self, requests: list[Request]) -> Generation:
        """Put the rows of one HTTP request in line."""
        self.model()
        self.check_room(len(requests))
        generation = Generation(requests, self.drop, waiting=set(range(len(requests))))
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

    def _finish_loading(self, result: ModelInfo | BaseException) -> None:
        if isinstance(result, ModelInfo):
            self.info = result
        else:
            self.failure = result
        self.loaded_at = int(time.time())
        self.loaded.set()

    def _receive(self, batch: Batch) -> None:
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


def _ignore(_event: Event) -> None:
    pass
