"""Answers from an engine: jobs become rows, rows become records."""

from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any, cast

import mlx.core as mx

from evals.forking import forks_record
from evals.plan import Job
from evals.records import Record
from mlx_entropix.engine import Engine
from mlx_entropix.engine.events import (
    Answered,
    Event,
    Request,
    RowFailed,
    RowForked,
    Settled,
    TokenEvent,
)
from mlx_entropix.engine.search import Extract, forked
from mlx_entropix.sampling import PRESETS, Metrics, Quadrant, classify
from mlx_entropix.sampling.tint import strength

PREFIX_BYTES = 256 << 20
_JOINING_SHARE = 1 / 3


@dataclass
class _Asked:
    """A job whose rows are in the engine, and what came of them so far.

    `steps` counts the steps of a job that forks by how many of its rows each had.
    """

    job: Job
    started: float
    pieces: list[str] = field(default_factory=list)
    events: list[TokenEvent] = field(default_factory=list)
    steps: Counter[int] = field(default_factory=Counter)


def answer_jobs(engine: Engine, jobs: Sequence[Job], system: str) -> Iterator[Record]:
    """The record of each job's answer, as the rows end. Raises what `Engine.add` does."""
    asked: dict[int, _Asked] = {}
    first: dict[int, int] = {}  # the row that each row of a job that forks is a fork of
    pending = deque(jobs)
    taken = 0
    while pending or not engine.idle:
        # Rows that join together are computed together, so they join many at a time. A job that
        # forks has room for all its paths, so that none of them is left out for want of it.
        if not taken or engine.max_rows - taken >= engine.max_rows * _JOINING_SHARE:
            while pending and (not taken or taken + pending[0].arm.rows <= engine.max_rows):
                job = pending.popleft()
                row = engine.add(_request(engine, job, system))
                asked[row], first[row] = _Asked(job, perf_counter()), row
                taken += job.arm.rows
        events = engine.step()
        _count_steps(events, asked, first)
        for event in events:
            made = _made(event, asked)
            if made is not None:
                taken -= made[0].job.arm.rows
                yield made[1]


def _made(event: Event, asked: dict[int, _Asked]) -> tuple[_Asked, Record] | None:
    """What has ended with an event, and its record; the event is taken in."""
    row = asked.get(event.row)
    if row is None:
        return None  # a path, of which `Settled` tells
    forks = row.job.arm.fork is not None
    if isinstance(event, Answered):
        row.events.extend(event.tokens)
        row.pieces.extend(token.text for token in event.tokens)
    elif isinstance(event, Settled) or (isinstance(event, RowFailed) and not forks):
        del asked[event.row]
        if event.message is not None:
            return row, failed_record(row.job, event.message)
        assert isinstance(event, Settled)
        return row, _record(row) | forks_record(row.job, event, row.steps)
    elif isinstance(event, TokenEvent) and not forks:
        row.pieces.append(event.text)
        row.events.append(event)
        if event.finish_reason is not None:
            return asked.pop(event.row), _record(row)
    return None


def _count_steps(events: Iterable[Event], asked: dict[int, _Asked], first: dict[int, int]) -> None:
    """Count, for each job that forks, the rows that it had in a step."""
    width: Counter[int] = Counter()
    for event in events:
        if isinstance(event, RowForked):
            first[event.row] = first[event.parent]
        elif isinstance(event, TokenEvent):
            width[first[event.row]] += 1
    for row, rows in width.items():
        if asked[row].job.arm.fork is not None:
            asked[row].steps[rows] += 1


def _request(engine: Engine, job: Job, system: str) -> Request:
    request = Request(
        prompt=tuple(engine.tokenizer.chat(messages_of(job, system))),
        config=job.arm.config,
        max_tokens=job.task.max_tokens,
        seed=job.random_seed,
        stop=job.task.stop,
    )
    if job.arm.fork is None:
        return request
    return forked(request, job.arm.fork, lambda text: job.task.extract(text, job.question))


def messages_of(job: Job, system: str) -> list[dict[str, str]]:
    """The chat that a job asks with; an empty `system` is none."""
    messages = [{"role": "system", "content": system}] if system else []
    return [*messages, {"role": "user", "content": job.task.prompt(job.question)}]


def answer_record(job: Job, text: str, **measured: Any) -> Record:
    """What is known of an answer by its text alone, and what was `measured`."""
    answer = job.task.extract(text, job.question)
    return {
        "kind": "answer",
        **job.key._asdict(),
        "text": text,
        "answer": answer.text if answer is not None else None,
        "correct": job.task.is_right(text, answer, job.question),
        **measured,
    }


def failed_record(job: Job, message: str) -> Record:
    """The record of a row that ended without an answer, which counts as a wrong one."""
    return answer_record(
        job, "", finish_reason="error", error=message, completion_tokens=0, prompt_tokens=0
    )


def _record(row: _Asked) -> Record:
    """The record of a finished row. The greedy arm's says more: what reliability.py looks at."""
    text, last = "".join(row.pieces), row.events[-1]
    assert last.summary is not None
    record = answer_record(
        row.job,
        text,
        finish_reason=last.finish_reason,
        completion_tokens=last.summary.completion_tokens,
        prompt_tokens=last.summary.prompt_tokens,
        seconds=round(perf_counter() - row.started, 3),
        coloured=round(sum(map(_is_coloured, row.events)) / len(row.events), 4),
    )
    quadrants = Counter(event.quadrant for event in row.events if event.quadrant is not None)
    if quadrants:
        record["quadrants"] = {quadrant.name: n for quadrant, n in sorted(quadrants.items())}
    if not row.job.arm.draws and row.job.arm.fork is None:
        answer = row.job.task.extract(text, row.job.question)
        record.update(_confidence(row, answer))
    return record


def _is_coloured(event: TokenEvent) -> bool:
    return strength(event.metrics.logits_entropy, event.logprob) > 0


def _confidence(row: _Asked, answer: Extract | None) -> Record:
    """How sure the model was of a greedy answer: on the whole, and at its decisive token.

    Entropies in bits, varentropies in bits², log-probabilities in nats. Quadrants by the
    thresholds of the preset `entropix`.
    """
    values = [event.metrics for event in row.events]
    columns = list(zip(*values, strict=True))
    taken = classify(Metrics(*map(mx.array, columns)), PRESETS["entropix"]).tolist()
    quadrants = cast(list[int], taken)
    logprobs = [event.logprob for event in row.events]
    told: Record = {
        "mean": _named([sum(column) / len(column) for column in columns]),
        "mean_logprob": _rounded(sum(logprobs) / len(logprobs)),
        "min_logprob": _rounded(min(logprobs)),
        "would_be": {Quadrant(q).name: n for q, n in sorted(Counter(quadrants).items())},
    }
    if answer is not None:
        index = _token_at(answer.start, row.pieces)
        told["decisive"] = {
            "index": index,
            "token": row.events[index].token,
            "logprob": _rounded(logprobs[index]),
            "quadrant": Quadrant(quadrants[index]).name,
            **_named(values[index]),
        }
    return told


def _token_at(start: int, pieces: Sequence[str]) -> int:
    """The index of the token that brought the character at `start`."""
    length = 0
    for index, piece in enumerate(pieces):
        length += len(piece)
        if length > start:
            return index
    return len(pieces) - 1


def _named(values: Sequence[float]) -> dict[str, float]:
    return dict(zip(Metrics._fields, map(_rounded, values), strict=True))


def _rounded(value: float) -> float:
    return float(f"{value:.6g}")
