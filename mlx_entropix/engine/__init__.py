"""Rows of one batch: what asks for a generation, what carries it out, what comes of it."""

from mlx_entropix.engine.engine import Engine
from mlx_entropix.engine.events import (
    Alternative,
    Event,
    PromptProgress,
    PromptScored,
    PromptToken,
    Request,
    RowDropped,
    RowFailed,
    RowForked,
    Summary,
    TokenEvent,
)
from mlx_entropix.engine.generate import (
    encode_prompt,
    generate,
    load,
    load_from,
    stream_generate,
    stream_request,
)
from mlx_entropix.engine.policy import Drop, Fork, Policy, Propose
from mlx_entropix.engine.trace import result_record, token_record

__all__ = [
    "Alternative",
    "Drop",
    "Engine",
    "Event",
    "Fork",
    "Policy",
    "PromptProgress",
    "PromptScored",
    "PromptToken",
    "Propose",
    "Request",
    "RowDropped",
    "RowFailed",
    "RowForked",
    "Summary",
    "TokenEvent",
    "encode_prompt",
    "generate",
    "load",
    "load_from",
    "result_record",
    "stream_generate",
    "stream_request",
    "token_record",
]
