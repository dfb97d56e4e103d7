"""Requests and events as JSON, for other ranks, and back again.

Only what is named here is made of what comes: there is no way to have anything else executed.
"""

import dataclasses
import math
from enum import Enum
from typing import Any

from pydantic import BaseModel

from mlx_entropix.engine import events
from mlx_entropix.engine.events import Request
from mlx_entropix.engine.search import Search, fork_config
from mlx_entropix.engine.token_rules import TokenRules
from mlx_entropix.errors import RankError
from mlx_entropix.sampling import Metrics, Parameters, PlainConfig, Quadrant, SamplerConfig
from mlx_entropix.text import Constraint

_CLASSES: dict[str, Any] = {
    cls.__name__: cls
    for cls in (
        Request,
        TokenRules,
        Constraint,
        SamplerConfig,
        PlainConfig,
        Metrics,
        Parameters,
        Quadrant,
        events.Alternative,
        events.OfModel,
        events.Answered,
        events.Attended,
        events.Chance,
        events.Draw,
        events.Path,
        events.PromptProgress,
        events.PromptScored,
        events.PromptToken,
        events.RowDropped,
        events.RowFailed,
        events.RowForked,
        events.Settled,
        events.Summary,
        events.TokenEvent,
        events.Vote,
    )
}
_KIND = "is"


def encode(value: Any) -> Any:
    """What JSON can express of a value. Raises `RankError` for one of a class not named here."""
    name = type(value).__name__
    if isinstance(value, float) and not math.isfinite(value):
        return {_KIND: "float", "of": str(value)}
    if isinstance(value, Enum):
        return {_KIND: name, "of": value.value}
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Search):
        settings = {
            "config": value.config.model_dump(mode="json"),
            "budget": value.budget,
            "shown": value.shown,
            "before": value.before,
        }
        return {_KIND: "Search", "of": settings}
    if _CLASSES.get(name) is type(value):
        if isinstance(value, BaseModel):
            return {_KIND: name, "of": value.model_dump(mode="json")}
        if dataclasses.is_dataclass(value):
            names = [field.name for field in dataclasses.fields(value)]
        else:
            names = list(value._fields)
        return {_KIND: name, "of": {field: encode(getattr(value, field)) for field in names}}
    if isinstance(value, tuple | list):
        return [encode(item) for item in value]
    if isinstance(value, dict):
        return {_KIND: "dict", "of": {str(key): encode(item) for key, item in value.items()}}
    raise RankError(
        f"A request has a {name}, which cannot be sent to other ranks. Start one process for it."
    )


def decode(record: Any) -> Any:
    """The value of what `encode` gave; sequences are tuples."""
    if isinstance(record, list):
        return tuple(map(decode, record))
    if not isinstance(record, dict):
        return record
    name, of = record[_KIND], record["of"]
    if name == "float":
        return float(of)
    if name == "dict":
        return {key: decode(item) for key, item in of.items()}
    if name == "Search":
        settings = {key: of[key] for key in ("budget", "shown", "before")}
        return Search(fork_config(of["config"]), **settings)
    cls = _CLASSES[name]
    if issubclass(cls, BaseModel):
        return cls.model_validate(of)
    if issubclass(cls, Enum):
        return cls(of)
    return cls(**{field: decode(item) for field, item in of.items()})
