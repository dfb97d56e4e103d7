"""Fields that clients send and this server does not have: none is ignored that asks for something.

A null, and a value that asks for what is done anyway, pass. Labels of a request pass too: they say
nothing of its answer.
"""

from collections.abc import Collection, Mapping
from difflib import get_close_matches
from typing import Any, ClassVar, Literal, get_args, get_origin

from pydantic import BaseModel, ConfigDict, field_validator, model_validator

from mlx_entropix.server.api_errors import ApiError

Neutral = Mapping[str, tuple[Any, ...]]
"""Values that ask for nothing, by the names of fields; `...` for any."""

_LABELS = frozenset(
    (
        *("user", "metadata", "safety_identifier", "prompt_cache_key", "prompt_cache_retention"),
        *("cache_control", "extra_headers", "guided_decoding_backend"),
        # What Open WebUI's page tells its own server, which hands it on.
        *("background_tasks", "chat_id", "features", "files", "id", "model_item", "params"),
        *("session_id", "tool_servers", "variables"),
    )
)

# Of llama.cpp: they say how another field is meant, which is refused itself where it is not off.
_OF_OTHERS = (
    *("dry_allowed_length", "dry_base", "dry_penalty_last_n", "dry_sequence_breakers"),
    *("dynatemp_exponent", "mirostat_eta", "mirostat_tau", "n_keep"),
)

# What OpenAI's API, vLLM, llama.cpp and mlx-lm call it, and the values that ask for nothing.
_NEUTRAL: Neutral = {
    "ban_eos_token": (False,),
    "best_of": (1,),
    **dict.fromkeys(_OF_OTHERS, (...,)),
    "dry_multiplier": (0,),
    "dynatemp_range": (0,),
    "early_stopping": (False,),
    "echo": (False,),
    "function_call": ("none", "auto"),
    "functions": ([],),
    "id_slot": (-1,),
    "length_penalty": (1,),
    "lora": ([],),
    "mirostat": (0,),
    "modalities": (["text"],),
    "n_probs": (0,),
    "logits_processors": ([],),
    "parallel_tool_calls": (True, False),  # of tools that a request cannot have
    "priority": (0,),
    "reasoning_effort": ("none",),
    "reasoning_format": ("auto", "deepseek"),
    "repeat_penalty": (1,),
    "repetition_penalty_range": (0, -1),  # all tokens, as here
    "response_fields": ([],),
    "return_tokens": (False,),
    "service_tier": ("auto", "default"),
    "spaces_between_special_tokens": (True, False),  # there never are any
    "store": (False,),
    "suffix": ("",),
    "thinking_token_budget": (-1,),
    "timings_per_token": (False,),
    "tool_choice": ("none", "auto"),
    "tools": ([],),
    "typical_p": (1,),
    "use_beam_search": (False,),
    "verbosity": ("medium",),
}

# What there is in place of what OpenAI's API has given up, and of other servers' names.
_INSTEAD = {
    "functions": "tools",
    "function_call": "tool_choice",
    "ban_eos_token": "ignore_eos",
    "conversation": "previous_response_id",
    "max_new_tokens": "max_tokens",
    "n_cmpl": "n",
    "n_predict": "max_tokens",
    "n_probs": "logprobs",
    "repeat_penalty": "repetition_penalty",
    "return_tokens": "return_token_ids",
}


class Part(BaseModel):
    """Part of a request."""

    model_config = ConfigDict(strict=True, extra="ignore", allow_inf_nan=False)


def only_kinds(*kinds: str) -> Any:
    """A check of the field `type`, which says of a part of another kind what it is."""

    def check(kind: Any) -> Any:
        if isinstance(kind, str) and kind not in kinds:
            raise ValueError(f"it can only be {' or '.join(kinds)} here. Leave {kind} out.")
        return kind

    return field_validator("type", mode="before")(check)


class WholePart(Part):
    """Part of a request of which nothing is ignored.

    A field that it does not have passes with one of its `neutral` values, with any for `...`. Where
    it is of another kind, that is what has to be told, and not the fields which that kind has.
    """

    neutral: ClassVar[Neutral] = {}

    @model_validator(mode="before")
    @classmethod
    def _asks_for_nothing_else(cls, given: Any) -> Any:
        if isinstance(given, Mapping) and (kind := cls.model_fields.get("type")):
            kinds = get_args(kind.annotation) if get_origin(kind.annotation) is Literal else ()
            if kinds and given.get("type", kinds[0]) not in kinds:
                return given
        known = {*cls.model_fields, *(field.alias for field in cls.model_fields.values())}
        for name, value in given.items() if isinstance(given, Mapping) else ():
            if name not in known and _asks(value, cls.neutral.get(name, ())):
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
        if _INSTEAD.get(name) in known:
            reason += f"; {_INSTEAD[name]} is"
        elif name in neutral:
            values = " or ".join(map(repr, neutral[name]))
            reason += f", but as null or {values}, which ask for nothing"
        elif close := get_close_matches(name, known, n=1, cutoff=0.7):
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
        if name not in known and name not in _LABELS and _asks(value, neutral.get(name, ()))
    ]


def _asks(value: Any, neutral: tuple[Any, ...]) -> bool:
    """Whether a value asks for something: it is no null and none of the `neutral` ones."""
    return value is not None and ... not in neutral and not any(_equal(value, x) for x in neutral)


def _equal(value: Any, neutral: Any) -> bool:
    """Whether JSON has the same: true is not 1."""
    return isinstance(value, bool) == isinstance(neutral, bool) and value == neutral
