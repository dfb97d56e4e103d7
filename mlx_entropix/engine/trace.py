"""Events as the plain objects that a trace file and the HTTP API hold."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from mlx_entropix.engine.events import (
    Attended,
    Path,
    PromptToken,
    RowForked,
    Settled,
    TokenEvent,
)
from mlx_entropix.sampling import Metrics
from mlx_entropix.window import MetricWindow


def trace_line(kind: str, index: int, record: Mapping[str, Any]) -> str:
    """A record as a line of the trace file, of type `kind` and of the prompt number `index`."""
    return json.dumps({"type": kind, "index": index, **record}, ensure_ascii=False) + "\n"


def token_record(event: TokenEvent, window: MetricWindow | None = None) -> dict[str, Any]:
    """One token as a JSON object.

    `position` is the index of the token in the whole sequence; `logprob` is in nats, entropies in
    bits, varentropies in bits². The parameters are None where no draw was made, `quadrant` is None
    under the plain sampler; `drafted` tells that the token was guessed ahead. `reasoning` is there,
    and true, where the token belongs to the thoughts before an answer, `of_model` where the logits
    were changed before the sampler, with numbers of what they were. A `window` of the row's tokens
    so far takes in this one, and what it says is added.
    """
    drawn, metrics = event.parameters, event.metrics._asdict()
    return {
        "position": event.position,
        "token_id": event.token_id,
        "token": event.token,
        "quadrant": event.quadrant.name if event.quadrant is not None else None,
        "logprob": event.logprob,
        **metrics,
        "temperature": drawn and drawn.temperature,
        "top_p": drawn and drawn.top_p,
        "top_k": drawn and drawn.top_k,
        "min_p": drawn and drawn.min_p,
        "drafted": event.drafted,
        **({} if event.reasoning is None else {"reasoning": True}),
        **({} if event.of_model is None else {"of_model": event.of_model._asdict()}),
        **({"window": window.add(metrics)} if window is not None else {}),
        **_attended(event.attended),
    }


def prompt_token_record(position: int, token: PromptToken) -> dict[str, Any]:
    """A token of a prompt, or of a text that is scored, as a JSON object.

    Units as in `token_record`; `rank` is 1 for the likeliest token. The first token of a sequence
    has None for all that is said of it, `quadrant` is None under the plain sampler.
    """
    metrics = token.metrics._asdict() if token.metrics else dict.fromkeys(Metrics._fields)
    return {
        "position": position,
        "token_id": token.token_id,
        "token": token.token,
        "quadrant": token.quadrant.name if token.quadrant is not None else None,
        "logprob": token.logprob,
        "rank": token.rank,
        **metrics,
        **_attended(token.attended),
    }


def _attended(attended: Sequence[Attended]) -> dict[str, Any]:
    """The field that only tokens have for which it was asked."""
    return {"attended": [at._asdict() for at in attended]} if attended else {}


def result_record(text: str, last: TokenEvent, reasoning: str | None = None) -> dict[str, Any]:
    """A finished row as a JSON object: its whole answer, the thoughts before it, what it took."""
    took = last.summary
    assert took is not None, "the event is not the last of its row"
    return {
        "text": text,
        **thoughts(reasoning),
        "finish_reason": last.finish_reason,
        "prompt_tokens": took.prompt_tokens,
        "completion_tokens": took.completion_tokens,
        **({} if reasoning is None else {"reasoning_tokens": took.reasoning_tokens}),
        "prompt_tps": took.prompt_tps,
        "generation_tps": took.generation_tps,
        "peak_memory_gb": took.peak_memory_gb,
        "steps": took.steps,
        "drafted_tokens": took.drafted_tokens,
        "accepted_tokens": took.accepted_tokens,
    }


def thoughts(reasoning: str | None) -> dict[str, Any]:
    """What a model thought before an answer, as a record has it: nothing where it did not."""
    return {} if reasoning is None else {"reasoning_content": reasoning}


def fork_record(event: RowForked, parent: int) -> dict[str, Any]:
    """A fork as a JSON object: the path `branch` leaves the path `parent`, both by branch.

    `token_ids` stand at `position`; none where the path draws that token too. `text` is all that
    the path has of an answer.
    """
    return {
        "branch": event.branch,
        "parent": parent,
        "position": event.position,
        "token_ids": list(event.token_ids),
        "text": event.text,
        **thoughts(event.reasoning),
        "finish_reason": event.finish_reason,
    }


def path_record(path: Path) -> dict[str, Any]:
    """What became of a path, as a JSON object; scores in nats, bits or probabilities."""
    record = {**asdict(path), "token_ids": list(path.token_ids), "scores": dict(path.scores)}
    del record["reasoning_content"]
    return {**record, **thoughts(path.reasoning_content)}


def settled_record(event: Settled) -> dict[str, Any]:
    """How the answer was chosen, as a JSON object, with all `paths`."""
    return {
        "policy": event.policy,
        "chosen": event.chosen,
        "tokens": event.tokens,
        "narrowed": event.narrowed,
        "votes": [asdict(vote) | {"branches": list(vote.branches)} for vote in event.votes],
        "paths": [path_record(path) for path in event.paths],
    }
