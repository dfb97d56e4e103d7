"""A generated answer as an object: its text, and all that is known of its tokens."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlx_entropix.engine.events import Event, RowForked, Settled, TokenEvent
from mlx_entropix.engine.origin import Origin
from mlx_entropix.engine.trace import fork_record, path_record, result_record, token_record
from mlx_entropix.errors import UsageError
from mlx_entropix.notebook.seen import SeenToken
from mlx_entropix.notebook.shown import Shown

_Lines = tuple[tuple[str, dict[str, Any]], ...]


class Answer(str, Shown):
    """The text of an answer, which also knows its tokens.

    It is a string, without the thoughts before it, and can be used as one. `tokens` are its events,
    `reasoning` what was thought (None where nothing is marked as such), `finish_reason` "stop" or
    "length", None for an answer that is not at its end. In a notebook it shows the tinted text.
    """

    tokens: tuple[TokenEvent, ...]
    origin: Origin
    _paths: _Lines

    def __new__(cls, tokens: Sequence[TokenEvent], origin: Origin, paths: _Lines = ()) -> "Answer":
        """The answer that those tokens are; `paths` are lines of the trace, where it forked."""
        answer = super().__new__(cls, "".join(token.text for token in tokens))
        answer.tokens, answer.origin, answer._paths = tuple(tokens), origin, paths
        return answer

    def __getnewargs__(self) -> tuple[Any, ...]:
        return self.tokens, self.origin, self._paths

    @property
    def reasoning(self) -> str | None:
        """What was thought before the answer."""
        told = [token.reasoning for token in self.tokens if token.reasoning is not None]
        return "".join(told) if told else None

    @property
    def finish_reason(self) -> str | None:
        """Why the answer ended."""
        return self.tokens[-1].finish_reason if self.tokens else None

    def seen_tokens(self) -> list[SeenToken]:
        """The tokens, with the thoughts before the answer, to be shown."""
        return [
            SeenToken(
                text=token.text if token.reasoning is None else token.reasoning,
                name=token.token,
                position=token.position,
                metrics=token.metrics,
                logprob=token.logprob,
                quadrant=token.quadrant,
                parameters=token.parameters,
                alternatives=[(other.token, other.logprob) for other in token.alternatives],
                aside=token.reasoning is not None,
            )
            for token in self.tokens
        ]

    def records(self) -> list[dict[str, Any]]:
        """The tokens as lines `token` of the trace file have them."""
        return [token_record(token) for token in self.tokens]

    def summary_line(self) -> str:
        """How many tokens, how fast, of which model and sampler."""
        count = len(self.tokens)
        parts = [f"{count} token{'s' * (count != 1)}"]
        if count and (took := self.tokens[-1].summary) is not None:
            parts.append(f"{took.generation_tps:.1f} tok/s")
        return " · ".join([*parts, self.origin.model, self.origin.sampler])

    def save_trace(self, path: str | Path) -> Path:
        """Write the answer as a trace file (docs/trace.md), and return its path.

        Raises `UsageError` where the answer is not at its end, `TraceError` where the file cannot
        be written.
        """
        if self.finish_reason is None:
            raise UsageError("The answer is not at its end; let it be written, then save it.")
        result = result_record(str(self), self.tokens[-1], self.reasoning)
        tokens = (("token", record) for record in self.records())
        return self.origin.save(path, [*tokens, *self._paths, ("result", result)])


@dataclass
class Taken:
    """What came of a request so far, as the answer that it is becoming."""

    origin: Origin
    tokens: list[TokenEvent] = field(default_factory=list)
    paths: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    _branches: dict[int, int] = field(default_factory=dict)  # by row; the first row is none

    def hear(self, event: Event) -> None:
        """Keep what becomes of the paths of a request that forks."""
        if isinstance(event, RowForked):
            self._branches[event.row] = event.branch
            parent = self._branches.get(event.parent, 0)
            self.paths.append(("fork", fork_record(event, parent)))
        elif isinstance(event, Settled):
            for path in event.paths:
                chosen = {"chosen": path.branch == event.chosen}
                self.paths.append(("path", path_record(path) | chosen))

    @property
    def answer(self) -> Answer:
        """The answer, as far as it was written."""
        return Answer(self.tokens, self.origin, tuple(self.paths))


class AnswerStream(Iterator[TokenEvent]):
    """The tokens of an answer as they come. `answer` is what they are so far, as one object."""

    def __init__(self, events: Iterator[TokenEvent], taken: Taken):
        self._events = events
        self._taken = taken

    def __next__(self) -> TokenEvent:
        event = next(self._events)
        self._taken.tokens.append(event)
        return event

    @property
    def answer(self) -> Answer:
        """The answer, as far as it was asked for."""
        return self._taken.answer

    def whole(self) -> Answer:
        """The answer, once it is written to its end."""
        for _ in self:
            pass
        return self.answer

    def close(self) -> None:
        """End the answer here."""
        self._events.close()  # type: ignore[attr-defined]
