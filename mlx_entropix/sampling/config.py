"""The configuration of a sampler: immutable, validated, and described by its own JSON Schema."""

from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any, NamedTuple, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails, PydanticCustomError

from mlx_entropix.choices import CHANGES, MOST_RANKS, RANGES
from mlx_entropix.errors import ConfigError
from mlx_entropix.sampling.formulas import (
    LEVELS,
    Adaptive,
    Exploring,
    Flowing,
    Resampling,
    Treading,
)
from mlx_entropix.sampling.metrics import Metrics
from mlx_entropix.sampling.trends import LONGEST_WINDOW

MOST_DRAWS = 32


def _value(default: float, lowest: float, highest: float, text: str) -> Any:
    return Field(default=default, ge=lowest, le=highest, description=text)


def _threshold(default: float, highest: float, unit: str) -> Any:
    text = f"A border of the quadrants, in {unit}; their conditions say which side counts."
    return Field(default=default, ge=0, le=highest, description=text)


class Fault(NamedTuple):
    """One mistake in a configuration: where, why, and which fields disagree, if several do."""

    path: tuple[str | int, ...]
    reason: str
    among: tuple[str, ...] = ()  # names below `path`

    def __str__(self) -> str:
        field = ".".join(map(str, self.path))
        return f"{field}: {self.reason}" if field else self.reason


class ConfigModel(BaseModel):
    """Shared behaviour of all configurations: immutable, checked, changed by `override`."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    def override(self, partial: dict[str, Any]) -> Self:
        """A copy with some fields changed.

        `partial` may be nested, as {"temperature": 0.5, "adaptive": {"top_k_maximum": 40}}; what
        it does not name stays. Raises ConfigError, which names every field at fault and what it
        allows.
        """
        try:
            return self.model_validate(_merged(self.model_dump(), partial))
        except ValidationError as error:
            faults = faults_of(error, type(self))
            raise ConfigError("; ".join(map(str, faults)), faults) from None


class Changes(ConfigModel):
    """What either sampler may be asked for beside its own: penalties before it, filters in it.

    The penalties change the logits before anything is made of them, the metrics and the quadrant
    included. What the filters would leave nothing of, they leave the best token of.
    """

    repetition_penalty: float = _value(
        1,
        *CHANGES["repetition_penalty"],
        "The logit of each token that is in the prompt or the answer is divided by this, or "
        "multiplied where it is negative; 1 changes nothing (arXiv:1909.05858).",
    )
    presence_penalty: float = _value(
        0,
        *CHANGES["presence_penalty"],
        "Taken off the logit of each token that is in the answer.",
    )
    frequency_penalty: float = _value(
        0,
        *CHANGES["frequency_penalty"],
        "Taken off the logit of a token for each time that it is in the answer.",
    )
    top_n_sigma: float = _value(
        0,
        *CHANGES["top_n_sigma"],
        "Tokens are kept whose logit lies at most so many standard deviations (of all logits) "
        "under the best one; 0 keeps all (top-nσ, arXiv:2411.07641).",
    )
    p_less: bool = Field(
        default=False,
        description="Keep the tokens that are at least as likely as two draws are to be equal, "
        "that is the sum of all squared probabilities (p-less, arXiv:2509.23234).",
    )
    min_entropy_gain: float = _value(
        0,
        *CHANGES["min_entropy_gain"],
        "Tokens are kept, likeliest first, until one adds fewer bits than this to the entropy, "
        "−p·log2 p of the draw's probabilities; 0 keeps all.",
    )
    xtc_probability: float = _value(
        0,
        *CHANGES["xtc_probability"],
        "How often, of all draws, the likeliest choices are excluded (XTC).",
    )
    xtc_threshold: float = _value(
        0.1,
        *CHANGES["xtc_threshold"],
        "Of the kept tokens that are likelier than this, XTC leaves only the least likely; the "
        "end of an answer and a line break always stay.",
    )

    @property
    def penalizes(self) -> bool:
        """Whether the logits depend on the tokens that came before."""
        return (self.repetition_penalty, self.presence_penalty, self.frequency_penalty) != (1, 0, 0)


class BaseValues(Changes):
    """What the quadrants start from."""

    temperature: float = _value(
        0.666,
        *RANGES["temperature"],
        "Base temperature of a draw; 0 takes the likeliest token, whatever the quadrant.",
    )
    top_p: float = _value(
        0.90, *RANGES["top_p"], "Base probability mass of the likeliest tokens that is kept."
    )
    top_k: int = _value(27, *RANGES["top_k"], "Base number of likeliest tokens that are kept.")
    min_p: float = _value(
        0.03, *RANGES["min_p"], "Base probability, relative to the best token's, to be kept."
    )
    min_tokens_to_keep: int = _value(
        2,
        1,
        MOST_RANKS,
        "So many tokens are kept whatever top_p, min_p and min_entropy_gain say.",
    )
    n_adaptive_samples: int = _value(
        5,
        1,
        MOST_DRAWS,
        "How many tokens the ADAPTIVE quadrant draws, to keep the likeliest of them.",
    )
    attention_entropy_per_doubling: float = _value(
        0,
        0,
        1,
        "Bits of attention entropy that come with each doubling of the visible keys; the "
        "conditions see the entropy as it would be over attention_entropy_keys of them.",
    )
    attention_entropy_keys: int = _value(
        64,
        1,
        1_000_000,
        "The visible keys that attention_entropy_per_doubling counts from.",
    )
    window: int = _value(
        8,
        1,
        LONGEST_WINDOW,
        "Over how many of the answer's last tokens conditions take a metric's mean and slope.",
    )


class Thresholds(ConfigModel):
    """Three borders for each metric, to which the quadrants' conditions refer by name."""

    low_logits_entropy_threshold: float = _threshold(0.1, 20, "bits")
    medium_logits_entropy_threshold: float = _threshold(3.0, 20, "bits")
    high_logits_entropy_threshold: float = _threshold(5.0, 20, "bits")
    low_logits_varentropy_threshold: float = _threshold(0.1, 100, "bits²")
    medium_logits_varentropy_threshold: float = _threshold(3.0, 100, "bits²")
    high_logits_varentropy_threshold: float = _threshold(5.0, 100, "bits²")
    low_attention_entropy_threshold: float = _threshold(1.6, 20, "bits")
    medium_attention_entropy_threshold: float = _threshold(3.0, 20, "bits")
    high_attention_entropy_threshold: float = _threshold(5.0, 20, "bits")
    low_attention_varentropy_threshold: float = _threshold(0.25, 100, "bits²")
    medium_attention_varentropy_threshold: float = _threshold(0.8, 100, "bits²")
    high_attention_varentropy_threshold: float = _threshold(1.5, 100, "bits²")
    low_agreement_threshold: float = _threshold(0.0022, 1, "units of attention weight")
    medium_agreement_threshold: float = _threshold(0.003, 1, "units of attention weight")
    high_agreement_threshold: float = _threshold(0.0038, 1, "units of attention weight")
    low_interaction_strength_threshold: float = _threshold(6.06, 1000, "nats")
    medium_interaction_strength_threshold: float = _threshold(6.4, 1000, "nats")
    high_interaction_strength_threshold: float = _threshold(7.0, 1000, "nats")

    def threshold(self, level: str, metric: str) -> float:
        """The border named `level` (low, medium or high) of a metric."""
        return float(getattr(self, f"{level}_{metric}_threshold"))

    @model_validator(mode="after")
    def _thresholds_in_order(self) -> Self:
        for metric in Metrics._fields:
            low, medium, high = (self.threshold(level, metric) for level in LEVELS)
            if not low <= medium <= high:
                names = tuple(f"{level}_{metric}_threshold" for level in LEVELS)
                raise PydanticCustomError(
                    "thresholds_in_order",
                    "the thresholds of {metric} must not fall from low to high: {values}",
                    {
                        "metric": metric,
                        "values": f"low {low:g}, medium {medium:g}, high {high:g}",
                        "among": names,
                    },
                )
        return self


class SamplerConfig(Thresholds, BaseValues):
    """The entropy sampler. The defaults are the preset `entropix`."""

    flowing: Flowing = Flowing()
    treading: Treading = Treading()
    exploring: Exploring = Exploring()
    resampling: Resampling = Resampling()
    adaptive: Adaptive = Adaptive()


class PlainConfig(Changes):
    """The plain sampler, as mlx-lm's `make_sampler`.

    Its filters are measured on the distribution before the temperature is applied. The defaults
    are the entropy sampler's base values, so that a comparison shows what adapting them does.
    """

    temperature: float = _value(
        0.666, 0, 5, "Temperature of the draw; 0 takes the likeliest token."
    )
    top_p: float = _value(
        0.90, 0, 1, "Mass of the likeliest tokens that is kept; 0 or 1 keeps all."
    )
    top_k: int = _value(27, 0, 1_000_000, "Number of likeliest tokens kept; 0 keeps all.")
    min_p: float = _value(0.03, 0, 1, "Probability, relative to the best token's, to be kept.")
    min_tokens_to_keep: int = _value(
        1, 1, MOST_RANKS, "So many tokens are kept whatever min_p and min_entropy_gain say."
    )


def faults_of(error: ValidationError, model: type[BaseModel]) -> tuple[Fault, ...]:
    """What is wrong with the values of a model, one fault for each."""
    return tuple(_fault(details, model) for details in error.errors())


def _fault(details: ErrorDetails, model: type[BaseModel]) -> Fault:
    path, reason = details["loc"], details["msg"].removeprefix("Value error, ")
    if details["type"] == "extra_forbidden":
        reason = "there is no such field"
        if nearest := _nearest([str(part) for part in path], model):
            reason += f" (did you mean {nearest}?)"
    elif not isinstance(details["input"], dict | BaseModel):
        reason += f" (given: {details['input']!r})"
    return Fault(path, reason, details.get("ctx", {}).get("among", ()))


def _nearest(path: list[str], model: type[BaseModel]) -> str | None:
    """The field that was meant: of that name in another table, or with a name like it beside it."""
    known = [".".join(names) for names in _field_paths(model)]
    table = ".".join(path[:-1])
    elsewhere = [name for name in known if name.rpartition(".")[2] == path[-1]]
    beside = [name for name in known if name.rpartition(".")[0] == table]
    close = get_close_matches(".".join(path), beside, n=1)
    return next(iter([*elsewhere, *close]), None)


def _field_paths(model: type[BaseModel]) -> Iterator[tuple[str, ...]]:
    for name, field in model.model_fields.items():
        yield (name,)
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from ((name, *rest) for rest in _field_paths(field.annotation))


def _merged(values: dict[str, Any], partial: dict[str, Any]) -> dict[str, Any]:
    merged = dict(values)
    for name, value in partial.items():
        old = values.get(name)
        if isinstance(old, dict) and isinstance(value, dict):
            value = _merged(old, value)
        merged[name] = value
    return merged
