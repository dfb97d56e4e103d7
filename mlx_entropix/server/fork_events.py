"""The items of the field `forks`: what becomes of an answer's paths.

Their form is declared in fork_schemas.py.
"""

from collections.abc import Callable
from typing import Any

from mlx_entropix.engine import (
    RowDropped,
    RowForked,
    Settled,
    TokenEvent,
    fork_record,
    settled_record,
    thoughts,
    token_record,
)
from mlx_entropix.server.open_answer import EventOfPath, PathEvents
from mlx_entropix.server.token_schemas import TopLogprob

TopLogprobs = Callable[[TokenEvent], list[TopLogprob]]


def fork_events(
    choice: int, paths: PathEvents, top_logprobs: TopLogprobs | None
) -> list[dict[str, Any]]:
    """What became of the paths of an answer in one step, as a stream reports it.

    Tokens are reported with their `top_logprobs`, where there is such a function.
    """
    settled = paths.settled
    ended = {path.branch: path.finish_reason for path in settled.paths} if settled else {}
    return [
        _fork_event(choice, *item, top_logprobs)
        for item in paths.events
        # A path that the budget has ended may still be the answer: `settled` says so.
        if not (isinstance(item.event, RowDropped) and ended.get(item.branch) == "length")
    ]


def settled_event(choice: int, event: Settled) -> dict[str, Any]:
    """How an answer was chosen."""
    return {"type": "settled", "choice": choice, **settled_record(event)}


def _fork_event(
    choice: int, branch: int, event: EventOfPath, top_logprobs: TopLogprobs | None
) -> dict[str, Any]:
    if isinstance(event, Settled):
        return settled_event(choice, event)
    if isinstance(event, RowForked):
        return {"type": "fork", "choice": choice, **fork_record(event, branch)}
    if isinstance(event, TokenEvent):
        return {
            "type": "token",
            "choice": choice,
            "branch": branch,
            "text": event.text,
            **thoughts(event.reasoning),
            "finish_reason": event.finish_reason,
            **token_record(event),
            **({"top_logprobs": top_logprobs(event)} if top_logprobs else {}),
        }
    reason = "dropped" if isinstance(event, RowDropped) else "failed"
    return {"type": "drop", "choice": choice, "branch": branch, "finish_reason": reason}
