"""The one thread that owns the engine: arrays of mlx belong to the thread that made them.

It loads the model and steps the engine. What crosses are plain values: commands through a queue
into the thread; batches of events, one call a step, back into the event loop.
"""

import asyncio
import logging
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass

from mlx_entropix.engine import Engine, Event, Request, RowFailed, load_from
from mlx_entropix.errors import PromptError
from mlx_entropix.sampling import PRESETS
from mlx_entropix.server.errors import ApiError
from mlx_entropix.server.generation import Generation
from mlx_entropix.server.settings import Settings
from mlx_entropix.text import Tokenizer
from mlx_entropix.weights.locate import locate_weights

logger = logging.getLogger(__name__)

# While rows are being written, a long prompt is computed in pieces that hold them up little.
_CHUNK_BESIDE_ROWS = 64

Batch = list[tuple[Generation, int, Event | ApiError]]
"""Events with the generation, and the index in it, of the row that each belongs to."""


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


class EngineThread(threading.Thread):
    """Loads the model, then steps the engine for as long as it has rows."""

    def __init__(
        self,
        settings: Settings,
        loop: asyncio.AbstractEventLoop,
        on_loaded: Callable[[ModelInfo | BaseException], None],
        on_events: Callable[[Batch], None],
    ):
        super().__init__(name="engine", daemon=True)
        self.commands: queue.SimpleQueue[tuple[str, Generation]] = queue.SimpleQueue()
        self._settings = settings
        self._loop = loop
        self._on_loaded = on_loaded
        self._on_events = on_events
        self._owners: dict[int, tuple[Generation, int]] = {}  # by the engine's row ids

    def run(self) -> None:
        """Load, and serve for as long as the process lives. A failure to load goes to the loop."""
        try:
            location = locate_weights(self._settings.weights)
            model, tokenizer = load_from(location)
            make_engine = self._engine_maker(model, tokenizer)
            engine = make_engine()
            _warm_up(engine)
        except BaseException as error:
            self._tell(self._on_loaded, error)
            return
        info = ModelInfo(
            location.name,
            tokenizer,
            min(model.context_length, engine.max_kv_tokens),
            model.vocabulary_size,
            location.is_fallback,
        )
        self._tell(self._on_loaded, info)
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

    def _engine_maker(self, model, tokenizer) -> Callable[[], Engine]:  # type: ignore[no-untyped-def]
        return lambda: Engine(
            model,
            tokenizer,
            max_rows=self._settings.max_rows,
            max_kv_tokens=self._settings.max_kv_tokens,
            chunk_beside_rows=_CHUNK_BESIDE_ROWS,
            prefix_cache_bytes=self._settings.prefix_cache_bytes,
        )

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
            self._tell(self._on_events, [(generation, 0, failure)])

    def _cancel(self, engine: Engine, generation: Generation) -> None:
        for row_id in [row for row, owner in self._owners.items() if owner[0] is generation]:
            engine.cancel(row_id)
            del self._owners[row_id]

    def _deliver(self, events: list[Event]) -> None:
        """Hand the events of a step to the loop, all at once."""
        batch = []
        for event in events:
            owner = self._owners.get(event.row)
            if owner is None:
                continue
            batch.append((*owner, event))
            if isinstance(event, RowFailed) or getattr(event, "summary", None) is not None:
                del self._owners[event.row]
        if batch:
            self._tell(self._on_events, batch)

    def _fail_all(self) -> None:
        error = ApiError(500, "The engine failed at this step. Its log says why.", code="engine")
        self._tell(self._on_events, [(*owner, error) for owner in self._owners.values()])
        self._owners.clear()

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
