"""Rows of one batch: what asks for a generation, what carries it out, what comes of it."""

from mlx_entropix.engine.engine import Engine
from mlx_entropix.engine.events import (
    Alternative,
    Answered,
    Event,
    Path,
    PromptProgress,
    PromptScored,
    PromptToken,
    Request,
    RowDropped,
    RowFailed,
    RowForked,
    Settled,
    Summary,
    TokenEvent,
    Vote,
)
from mlx_entropix.engine.generate import (
    encode_prompt,
    generate,
    load,
    load_draft,
    load_from,
    stream_generate,
    stream_request,
)
from mlx_entropix.engine.policy import Batch, Policy
from mlx_entropix.engine.ranked import engine_on, replay
from mlx_entropix.engine.search import ForkConfig, Search, fork_config, forked
from mlx_entropix.engine.spread import SpreadEngine, answer_for
from mlx_entropix.engine.trace import (
    fork_record,
    path_record,
    result_record,
    settled_record,
    token_record,
)

__all__ = [
    "Alternative",
    "Answered",
    "Batch",
    "Engine",
    "Event",
    "ForkConfig",
    "Path",
    "Policy",
    "PromptProgress",
    "PromptScored",
    "PromptToken",
    "Request",
    "RowDropped",
    "RowFailed",
    "RowForked",
    "Search",
    "Settled",
    "SpreadEngine",
    "Summary",
    "TokenEvent",
    "Vote",
    "answer_for",
    "encode_prompt",
    "engine_on",
    "fork_config",
    "fork_record",
    "forked",
    "generate",
    "load",
    "load_draft",
    "load_from",
    "path_record",
    "replay",
    "result_record",
    "settled_record",
    "stream_generate",
    "stream_request",
    "token_record",
]
