"""Fields that clients send and this server does not have: none is ignored that asks for something.

A null, and a value that asks for what is done anyway, pass. Labels of a request pass too: they say
nothing of its answer.
"""

from collections.abc import Collection, Mapping
from difflib import get_close_matches
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, model_validator

from mlx_entropix.server.api_errors import ApiError

Neutral = Mapping[str, tuple[Any, ...]]
"""Values that ask for nothing, by the names of fields."""

_LABELS = frozenset(
    (
        *("user", "metadata", "safety_identifier", "prompt_cache_key", "prompt_cache_retention"),
        *("cache_control", "extra_headers"),
        # What Open WebUI's page tells its own server, which hands it on.
        *("background_tasks", "chat_id", "features", "files", "id", "model_item", "params"),
        *("session_id", "tool_servers", "variables"),
    )
)

# What OpenAI's API, vLLM, llama.cpp and mlx-lm call it, and the values that ask for nothing.
_NEUTRAL: Neutral = {
    "add_generation_prompt": (True,),
    "bad_words": ([],),
    "ban_eos_token": (False,),
    "best_of": (1,),
    "cache_prompt": (True,),
    "dry_multiplier": (0,),
    "dynatemp_range": (0,),
    "early_stopping": (False,),
    "echo": (False,),
    "function_call": ("none", "auto"),
    "functions": ([],),
    "id_slot": (-1,),
    "ignore_eos": (False,),
    "include_stop_str_in_output": (False,),
    "length_penalty": (1,),
    "min_tokens": (0,),
    "mirostat": (0,),
    "modalities": (["text"],),
    "n_probs": (0,),
    "parallel_tool_calls": (True, False),  # of tools that a request cannot have
    "reasoning_effort": ("none",),
    "repeat_penalty": (1,),
    "repetition_penalty_range": (0, -1),  # all tokens, as here
    "return_token_ids": (False,),
    "service_tier": ("auto", "default"),
    "skip_special_tokens": (True,),
    "stop_token_ids": ([],),
    "store": (False,),
    "suffix": ("",),
    "timings_per_token": (False,),
    "tool_choice": ("none", "auto"),
    "tools": ([],),
    "typical_p": (1,),
    "use_beam_search": (False,),
    "verbosity": ("medium",),
}

# What OpenAI's API has in place of what it has given up.
_NEWER = {"functions": "tools", "function_call": "tool_choice"}


class Part(BaseModel):
    """Part of a request."""

    model_config = ConfigDict(strict=True, extra="ignore", allow_inf_nan=False)


class WholePart(Part):
    """Part of a request of which nothing is ignored.

    A field that it does not have passes with one of its `neutral` values, with any for `...`.
    """

    neutral: ClassVar[Neutral] = {}

    @model_validator(mode="before")
    @classmethod
    def _asks_for_nothing_else(cls, given: Any) -> Any:
        known = {*cls.model_fields, *(field.alias for field in cls.model_fields.values())}
        for name, value in given.items() if isinstance(given, Mapping) else ():
            values = cls.neutral.get(name, ())
            passes = value is None or ... in values or any(_equal(value, one) for one in values)
            if name not in known and not passes:
                raise ValueError(f"{name} is not supported here. Leave it out.")
        return given


class Body(Part):
    """A request's body, of which nothing is ignored.

    `neutral` are the values that ask for nothing, for an API whose fields have names of their own.
    """

    neutral: ClassVar[Neutral] = _NEUTRAL

    @model_validator(mode="before")
    @classmethod
    def _asks_for_nothing_else(cls, given: Any) -> Any:
        if isinstance(given, dict):
            _refuse_unsupported(given, cls.model_fields, cls.neutral)
        return given


def _refuse_unsupported(
    given: Mapping[str, Any],
    known: Collection[str],
    neutral: Neutral,
) -> None:
    """Raise the 400 that names a field that is not `known` and asks for something."""
    for name in _unsupported(given, known, neutral):
        reason = f"{name} is not supported here"
        if name in _NEWER and _NEWER[name] in known:
            reason += f"; {_NEWER[name]} is"
        elif name in neutral:
            values = " or ".join(map(repr, neutral[name]))
            reason += f", but as null or {values}, which ask for nothing"
        elif close := get_close_matches(name, known, n=1):
            reason += f" (did you mean {close[0]}?)"
        raise ApiError(400, f"{reason}. Leave it out.", param=name, code="unsupported_field")


def _unsupported(
    given: Mapping[str, Any],
    known: Collection[str],
    neutral: Neutral,
) -> list[str]:
    """The names of fields that are not `known` and ask for something."""
    return [
        name
        for name, value in given.items()
        if name not in known
        and name not in _LABELS
        and value is not None
        and not any(_equal(value, one) for one in neutral.get(name, ()))
    ]


def _equal(value: Any, neutral: Any) -> bool:
    """Whether JSON has the same: true is not 1."""
    return isinstance(value, bool) == isinstance(neutral, bool) and value == neutral
