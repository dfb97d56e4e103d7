"""Events as the plain objects that a trace file and the HTTP API hold."""

from typing import Any

from mlx_entropix.engine.events import TokenEvent
from mlx_entropix.window import MetricWindow


def token_record(event: TokenEvent, window: MetricWindow | None = None) -> dict[str, Any]:
    """One token as a JSON object.

    `position` is the index of the token in the whole sequence; `logprob` is in nats, entropies in
    bits, varentropies in bits². The parameters are None where no draw was made, `quadrant` is None
    under the plain sampler. A `window` of the row's tokens so far takes in this one, and what it
    says is added.
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
        **({"window": window.add(metrics)} if window is not None else {}),
    }


def result_record(text: str, last: TokenEvent) -> dict[str, Any]:
    """A finished row as a JSON object: its whole text and what it took."""
    took = last.summary
    assert took is not None, "the event is not the last of its row"
    return {
        "text": text,
        "finish_reason": last.finish_reason,
        "prompt_tokens": took.prompt_tokens,
        "completion_tokens": took.completion_tokens,
        "prompt_tps": took.prompt_tps,
        "generation_tps": took.generation_tps,
        "peak_memory_gb": took.peak_memory_gb,
    }
