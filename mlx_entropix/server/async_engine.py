"""The engine as the event loop sees it, and the one thread that owns it.

Arrays of mlx belong to the thread that made them, so that thread loads the model and steps the
engine. What crosses are plain values: calls of the engine through a queue into the thread, events,
one call a step, back into the loop. A row's state is the engine's; the loop only knows to which
open answer (open_answer.py) the events of a row go.
"""

import asyncio
import logging
import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal, TypeVar

from huggingface_hub.utils import tqdm

from mlx_entropix.engine import Engine, Event, Request, RowForked, engine_on, load_draft, load_from
from mlx_entropix.engine.draft import DraftModel, make_drafter
from mlx_entropix.engine.kv_budget import kv_budget
from mlx_entropix.errors import EntropixError, RankError
from mlx_entropix.model.decoder import Decoder, limits
from mlx_entropix.sampling import PRESETS
from mlx_entropix.server.api_errors import ApiError, bug, loading, queue_full, stopping
from mlx_entropix.server.open_answer import OpenAnswer, Place
from mlx_entropix.server.settings import Settings
from mlx_entropix.text import Tokenizer
from mlx_entropix.weights.locate import locate_weights, name_weights

logger = logging.getLogger(__name__)

# While rows are being written, a long prompt is computed in pieces that hold them up little.
_CHUNK_BESIDE_ROWS = 64

Found = TypeVar("Found")


@dataclass(frozen=True)
class ModelInfo:
    """What the loop needs to know of the loaded model.

    `limit` bounds prompt and answer together, in tokens. `path` is where the weights are.
    """

    name: str
    tokenizer: Tokenizer
    limit: int
    vocabulary_size: int
    is_fallback: bool
    path: Path


class AsyncEngine:
    """`submit` in, events of an `OpenAnswer` out. Everything here runs in the event loop."""

    def __init__(self, settings: Settings):
        self.settings = settings
        self.info: ModelInfo | None = None
        self.failure: BaseException | None = None
        self.loaded_at = 0  # seconds since 1970
        self.stopping = False
        self.loaded = asyncio.Event()  # set when `info` or `failure` is
        self.lost = asyncio.Event()  # set when `failure` came after that
        self.answers: set[OpenAnswer] = set()
        self.kv_usage = 0.0  # tokens in the caches of all rows, of those that may be
        self.on_event: Callable[[Event, bool], None] = _ignore  # and whether its answer forks
        # How many answers, why ("abort", "error"), and their rows.
        self.on_lost_answers: Callable[[int, str, list[int]], None] = _ignore
        self._places: dict[int, Place] = {}  # by the engine's row ids
        self._loop = asyncio.get_running_loop()
        self._thread = _EngineThread(settings, self)
        # Not the loop's own threads: a server that ends waits for what those are doing.
        self._readers = ThreadPoolExecutor(thread_name_prefix="reader")

    def start(self) -> None:
        """Begin to load the model."""
        if self.settings.ranks is not None:
            self.settings.ranks.on_lost = self._on_lost
        self._thread.start()

    def _on_lost(self, message: str, _code: int) -> None:
        """Note, from a thread, that another rank is gone."""
        self._loop.call_soon_threadsafe(self.lose, RankError(message))

    @property
    def status(self) -> Literal["loading", "ok", "stopping"]:
        """`loading`, `ok` or `stopping`."""
        if self.stopping:
            return "stopping"
        return "ok" if self.info is not None else "loading"

    @property
    def rows(self) -> int:
        """Rows that are being computed, every path of an answer that forks among them."""
        return sum(len(place.live) for place in set(self._places.values()))

    @property
    def queue(self) -> int:
        """Rows that wait for their turn."""
        begun = sum(place.heard_of for place in set(self._places.values()))
        return sum(answer.left for answer in self.answers) - begun

    @property
    def capacity(self) -> int:
        """The most rows that may be live and waiting at once."""
        return self.settings.max_rows + self.settings.max_queue

    def check_number(self, answers: int, param: str) -> None:
        """Raise the 400 for more `answers` than the server takes, asked for by field `param`."""
        if answers > self.capacity:
            raise ApiError(
                400,
                f"{param}: the request asks for {answers} answers at once; the server takes "
                f"{self.capacity}. Ask in parts.",
                param=param,
            )

    def model(self) -> ModelInfo:
        """The loaded model; raises the 503 that a client gets where there is none, or no longer."""
        if self.stopping:
            raise stopping()
        if self.info is None:
            raise loading()
        return self.info

    async def read(self, function: Callable[..., Found], *arguments: object) -> Found:
        """Call `function` in a thread: long prompts take seconds to become token ids."""
        return await self._loop.run_in_executor(self._readers, function, *arguments)

    def submit(self, requests: list[Request]) -> OpenAnswer:
        """Put the rows of one HTTP request in line; raises the 429 where there is no room."""
        self.model()
        capacity = self.capacity
        self.check_number(len(requests), "n")
        taken = self.rows + self.queue
        if taken + len(requests) > capacity:
            raise queue_full(taken, capacity, len(requests))
        answer = OpenAnswer(requests, self.drop)
        self.answers.add(answer)
        self._thread.commands.put(partial(self._thread.add, answer))
        return answer

    def drop(self, answer: OpenAnswer, reason: str = "abort") -> None:
        """Forget an answer; its rows leave the batch before the next step."""
        self.answers.discard(answer)
        lost, answer.left = answer.left, 0
        places = {place for place in self._places.values() if place.answer is answer}
        if lost:
            self.on_lost_answers(lost, reason, [row for place in places for row in place.branches])
        for place in places:
            self._thread.commands.put(place.cancel)
            self._forget(place)

    def cut(self, error: ApiError) -> None:
        """End every answer with an error as its last event."""
        for answer in list(self.answers):
            self.fail(answer, error)

    def fail(self, answer: OpenAnswer, error: ApiError) -> None:
        """End one answer with an error as its last event."""
        answer.events.put_nowait(error)
        self.drop(answer, "error")

    def fail_rows(self) -> None:
        """End every answer that has rows in the engine, which failed and has a successor."""
        for answer in {place.answer for place in self._places.values()}:
            message = "The engine failed at this step. Its log says why."
            self.fail(answer, ApiError(500, message, code="engine"))

    def finish_loading(self, result: ModelInfo | BaseException) -> None:
        """Take what came of loading the model."""
        if isinstance(result, ModelInfo):
            self.info = result
        else:
            self.failure = result
        self.loaded_at = int(time.time())
        self.loaded.set()

    def lose(self, error: RankError) -> None:
        """End every answer, as the ranks cannot go on. What is said first counts."""
        if self.lost.is_set():
            return
        self.failure, self.stopping = error, True
        self.loaded.set()
        self.lost.set()
        self.cut(ApiError.of(error))

    def place(self, answer: OpenAnswer, engine: Engine, row_ids: list[int]) -> None:
        """Note the engine's ids of an answer's rows; their events come after this."""
        for index, row_id in enumerate(row_ids):
            cancel = partial(_cancel, engine, row_id)
            self._places[row_id] = Place(answer, index, cancel, {row_id: 0})
        if answer not in self.answers:  # it was dropped before it had ids
            self.drop(answer)

    def receive(self, events: list[Event], kv_usage: float) -> None:
        """Hand the events of one step to the answers that they belong to."""
        self.kv_usage = kv_usage
        of_place: dict[Place, list[Event]] = {}
        for event in events:
            place = self._places.get(event.parent if isinstance(event, RowForked) else event.row)
            if place is None:
                continue
            if isinstance(event, RowForked):
                place.branches[event.row] = event.branch
                self._places[event.row] = place
            of_place.setdefault(place, []).append(event)
        for place, its in of_place.items():
            if place.answer in self.answers:  # else another of its rows has just failed
                self._hand(place, its)

    def _hand(self, place: Place, events: list[Event]) -> None:
        """Hand a step's events of one place to its answer."""
        answer = place.answer
        for item in place.take(events):
            answer.events.put_nowait((place.index, item))
        for event in events:
            self.on_event(event, place.forks)
        if place.failure:
            self.fail(answer, ApiError(500, place.failure, code="generation_failed"))
        elif place.ended:
            self._forget(place)
            answer.left -= 1
            if not answer.left:
                self.answers.discard(answer)

    def _forget(self, place: Place) -> None:
        for row_id in place.branches:
            del self._places[row_id]


class _EngineThread(threading.Thread):
    """Loads the model, then steps the engine for as long as it has rows; `loop_side` is told."""

    def __init__(self, settings: Settings, loop_side: AsyncEngine):
        super().__init__(name="engine", daemon=True)
        self.commands: queue.SimpleQueue[Callable[[Engine], None]] = queue.SimpleQueue()
        self._settings = settings
        self._loop_side = loop_side
        self._loop = asyncio.get_running_loop()

    def run(self) -> None:
        """Load, and serve for as long as the process lives. A failure to load goes to the loop."""
        try:
            settings = self._settings
            smaller = settings.draft_model
            draft_location = locate_weights(smaller) if smaller else None
            name, here = name_weights(settings.weights)
            if here is None:
                logger.warning("The model is %s, from the hub: what is not here is fetched.", name)
            location = locate_weights(settings.weights, tqdm)
            ranks = settings.ranks
            model, tokenizer = load_from(location, ranks=ranks, **settings.loading)
            draft = load_draft(draft_location, model, tokenizer)
            kv_tokens, prefix_bytes = self._budget(model, draft)

            def make_engine() -> Engine:
                return engine_on(
                    ranks,
                    model,
                    tokenizer,
                    max_rows=settings.max_rows,
                    max_kv_tokens=kv_tokens,
                    chunk_beside_rows=_CHUNK_BESIDE_ROWS,
                    prefix_cache_bytes=prefix_bytes,
                    drafter=make_drafter(settings.speculate, draft),
                )

            engine = make_engine()
            for sentence in limits(model):
                logger.warning(sentence)
            _warm_up(engine)
        except BaseException as error:
            self._tell(self._loop_side.finish_loading, error)
            return
        info = ModelInfo(
            location.name,
            tokenizer,
            min(model.context_length, engine.max_kv_tokens),
            model.vocabulary_size,
            location.is_fallback,
            location.path,
        )
        self._tell(self._loop_side.finish_loading, info)
        usage = 0.0
        while True:
            # Where there is nothing else to do, the next command is waited for.
            while engine.idle or not self.commands.empty():
                self.commands.get()(engine)
            try:
                events = engine.step()
            except RankError as error:
                self._tell(self._loop_side.lose, error)
                return
            except Exception:
                logger.exception("a step of the engine failed")
                self._tell(self._loop_side.fail_rows)
                engine = make_engine()
                continue
            if events or engine.kv_usage != usage:
                usage = engine.kv_usage
                self._tell(self._loop_side.receive, events, usage)

    def _budget(self, model: Decoder, draft: DraftModel | None) -> tuple[int, int]:
        """Tokens of all rows, and bytes for past prompts: by the option, or by the free memory."""
        settings = self._settings
        if settings.max_kv_tokens is not None:
            return settings.max_kv_tokens, settings.prefix_cache_bytes
        budget = kv_budget(
            [model] if draft is None else [model, draft.model],
            max_rows=settings.max_rows,
            prefix_cache_bytes=settings.prefix_cache_bytes,
            ranks=settings.ranks,
        )
        logger.info(
            "All rows may hold %s tokens of %.1f kB; %.2f GB of memory are free.",
            f"{budget.tokens:,}",
            budget.token_bytes / 1e3,
            budget.free / 1e9,
        )
        return budget.tokens, budget.prefix_cache_bytes

    def add(self, answer: OpenAnswer, engine: Engine) -> None:
        """Put the rows of an answer in line. Runs in the thread."""
        row_ids: list[int] = []
        try:
            for request in answer.requests:
                row_ids.append(engine.add(request))  # noqa: PERF401  (those before a failure count)
        except Exception as error:
            for row_id in row_ids:
                engine.cancel(row_id)
            if isinstance(error, EntropixError):
                refusal = ApiError.of(error)
            else:
                logger.exception("the engine did not take a row")
                refusal = bug()
            self._tell(self._loop_side.fail, answer, refusal)
            return
        self._tell(self._loop_side.place, answer, engine, row_ids)

    def _tell(self, function: Callable[..., None], *arguments: object) -> None:
        try:
            self._loop.call_soon_threadsafe(function, *arguments)
        except RuntimeError:  # the loop is closed: nobody is left to be told
            logger.debug("the event loop has ended before the engine")


def _cancel(engine: Engine, row_id: int, _current: Engine) -> None:
    """End a row of `engine`, which may have failed and have a successor since."""
    engine.cancel(row_id)


def _warm_up(engine: Engine) -> None:
    """Make two tokens, so that the first client does not wait for what is done but once.

    On a CPU, mlx runs g++ at the first step, and a process ignores Ctrl-C while it does.
    """
    prompt = tuple(engine.tokenizer.encode("Once upon a time"))
    engine.add(Request(prompt, PRESETS["entropix"], max_tokens=2))
    while not engine.idle:
        engine.step()


def _ignore(*_: object) -> None:
    pass
