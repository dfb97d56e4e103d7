"""Rows spread over ranks that have the whole model each: an engine for lists of prompts.

Rank 0 hands each request to the rank with the fewest rows, and gets the events back. The devices
exchange nothing, so ranks may be of different speed, and any number of them will do. A row draws
what it would draw anywhere.
"""

import dataclasses
from typing import Any

from mlx_entropix.engine.engine import Engine
from mlx_entropix.engine.events import Event, Request, RowFailed
from mlx_entropix.engine.wire import decode, encode
from mlx_entropix.errors import PromptError
from mlx_entropix.model.decoder import Decoder
from mlx_entropix.ranks.join import Ranks
from mlx_entropix.text import Tokenizer


class SpreadEngine:
    """Rank 0's engine and those of all others, as one. `limits` are those of `Engine`, for each."""

    def __init__(self, ranks: Ranks, model: Decoder, tokenizer: Tokenizer, **limits: Any):
        self.ranks = ranks
        ranks.tell("engine", limits)
        self._own = Engine(model, tokenizer, **limits)
        self._rows = [0] * ranks.size  # that each rank has not finished
        self._given = [0] * ranks.size  # as its engine numbers its rows: from 0

    def add(self, request: Request) -> int:
        """Give a request to a rank. Returns the number of its row.

        Raises `PromptError` as `Engine.add` does, on rank 0. Elsewhere this is a `RowFailed`.
        """
        rank = min(range(self.ranks.size), key=lambda rank: self._rows[rank])
        if rank == 0:
            self._own.add(request)
        else:
            self.ranks.tell_one(rank, "add", self._given[rank], encode(request))
        self._rows[rank] += 1
        self._given[rank] += 1
        return self._number(rank, self._given[rank] - 1)

    def step(self) -> list[Event]:
        """Move rank 0's rows on. Returns what came of them, and of all others by now."""
        events = [(0, event) for event in self._own.step()] if not self._own.idle else []
        while not self.ranks.heard.empty() or (self._own.idle and not events and any(self._rows)):
            rank, (_, records) = self.ranks.heard.get()
            events += [(rank, decode(record)) for record in records]
        for rank, event in events:
            self._rows[rank] -= event.ends
        return [
            dataclasses.replace(event, row=self._number(rank, event.row)) for rank, event in events
        ]

    def _number(self, rank: int, row: int) -> int:
        """The number of a rank's row among all rows."""
        return row * self.ranks.size + rank


def answer_for(ranks: Ranks, model: Decoder, tokenizer: Tokenizer) -> int:
    """Answer what rank 0 hands to this one, until rank 0 ends. Returns the exit code."""
    engine: Engine | None = None
    numbers: dict[int, int] = {}  # rank 0's of the rows of `engine`, which skips what it refuses
    while True:
        while engine is None or engine.idle or not ranks.heard.empty():
            _, (what, *values) = ranks.heard.get()
            if what == "end":
                return int(values[0])
            if what == "engine":
                engine = Engine(model, tokenizer, **values[0])
                continue
            assert engine is not None, "rank 0 makes an engine before it uses it"
            try:
                numbers[engine.add(decode(values[1]))] = values[0]
            except PromptError as error:
                ranks.tell("events", [encode(RowFailed(values[0], str(error)))])
        events = [dataclasses.replace(e, row=numbers[e.row]) for e in engine.step()]
        if events:
            ranks.tell("events", [encode(event) for event in events])
