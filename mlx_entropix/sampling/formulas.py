"""What each quadrant does, as data: when it is taken, and how it changes the base parameters.

A parameter of a quadrant is

    clip(base · (constant + Σ coefficient · metric) + Σ shift · metric, minimum, maximum)

and the name of a field says which number of that formula it is: `temperature_constant`,
`temperature_agreement` (the coefficient of that metric), `top_p_shift_attention_entropy`,
`top_k_minimum`. A constant that a quadrant does not have is 1, a coefficient 0. The defaults are
those of the entropix sampler, https://github.com/xjdr-alt/entropix.
"""

from typing import Annotated, Any, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from mlx_entropix.choices import MOST_RANKS, RANGES
from mlx_entropix.sampling.metrics import Metrics

PARAMETERS = tuple(RANGES)
LEVELS = ("low", "medium", "high")

MEAN, SLOPE = "_mean", "_slope"  # of a metric, over the last tokens
_METRIC = "|".join(Metrics._fields)
_NUMBER = r"[0-9]+(\.[0-9]+)?"
_BORDER = rf"{'|'.join(LEVELS)}|{_NUMBER}"
_OF_A_VALUE = rf"({_METRIC})({MEAN})? [<>] ({_BORDER})"
_OF_A_SLOPE = rf"({_METRIC}){SLOPE} [<>] ({_BORDER}|-{_NUMBER})"


def _slopes_have_numbers(condition: str) -> str:
    name, _, border = condition.split()
    if name.endswith(SLOPE) and border in LEVELS:
        raise ValueError(
            f"a slope has no threshold named {border}; compare it with a number of the metric's "
            f"unit per token, as in {name} > 0.2"
        )
    return condition


Condition = Annotated[
    str,
    Field(
        pattern=rf"^({_OF_A_VALUE}|{_OF_A_SLOPE})$",
        description="A metric, or its mean or slope over the last window tokens (as "
        "logits_entropy_mean), < or >, and which of the metric's three thresholds, or a number; "
        "a slope is compared with a number, which may be negative.",
        examples=[
            "logits_entropy > medium",
            "logits_varentropy < 2.5",
            "attention_entropy_mean > high",
            "logits_entropy_slope < -0.2",
        ],
    ),
    AfterValidator(_slopes_have_numbers),
]
Conditions = tuple[Condition, ...]


def _when(*conditions: str) -> Any:
    text = "The quadrant is taken when all of these hold and no quadrant before it was taken."
    return Field(default=conditions, min_length=1, max_length=12, description=text)


def _constant(parameter: str, default: float) -> Any:
    text = f"What the base {parameter} is multiplied by where every metric is 0."
    return Field(default=default, ge=0, le=5, description=text)


def _coefficient(parameter: str, metric: str, default: float, limit: float) -> Any:
    text = f"What a unit of {metric} adds to the factor of the base {parameter}."
    return Field(default=default, ge=-limit, le=limit, description=text)


def _limit(which: str, parameter: str, default: float, low: float, high: float) -> Any:
    text = f"The {which} {parameter} that this quadrant uses."
    return Field(default=default, ge=low, le=high, description=text)


class QuadrantConfig(BaseModel):
    """What all quadrants share: immutable, no unknown fields, limits in order."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @model_validator(mode="after")
    def _limits_in_order(self) -> Self:
        for parameter in PARAMETERS:
            low = getattr(self, f"{parameter}_minimum", None)
            high = getattr(self, f"{parameter}_maximum", None)
            if low is not None and high is not None and low > high:
                raise PydanticCustomError(
                    "limits_in_order",
                    "{minimum} ({low}) is greater than {maximum} ({high})",
                    {
                        "minimum": (minimum := f"{parameter}_minimum"),
                        "maximum": (maximum := f"{parameter}_maximum"),
                        "low": f"{low:g}",
                        "high": f"{high:g}",
                        "among": (minimum, maximum),
                    },
                )
        return self


class Flowing(QuadrantConfig):
    """Low entropy, low varentropy: the most likely token, without a draw."""

    when: Conditions = _when("logits_entropy < low", "logits_varentropy < low")


class Treading(QuadrantConfig):
    """High entropy, low varentropy: the clarifying token, or a warmer draw right after it."""

    when: Conditions = _when("logits_entropy > medium", "logits_varentropy < low")
    clarifies: bool = Field(
        default=True,
        description="Whether the clarifying token is emitted; without it every token is drawn.",
    )
    temperature_constant: float = _constant("temperature", 1.3)
    temperature_attention_entropy: float = _coefficient("temperature", "attention entropy", 0.2, 10)
    temperature_maximum: float = _limit("highest", "temperature", 1.5, 0, 5)


class Exploring(QuadrantConfig):
    """Low entropy, high varentropy: a warmer draw from more candidates (top_k is truncated)."""

    when: Conditions = _when("logits_entropy < high", "logits_varentropy > high")
    temperature_constant: float = _constant("temperature", 1.2)
    temperature_interaction_strength: float = _coefficient(
        "temperature", "interaction strength", 0.3, 10
    )
    temperature_maximum: float = _limit("highest", "temperature", 1.5, 0, 5)
    top_k_constant: float = _constant("top_k", 1.5)  # 1 + 0.5 · (1 − agreement)
    top_k_agreement: float = _coefficient("top_k", "agreement", -0.5, 1000)
    top_k_minimum: int = _limit("lowest", "top_k", 5, 1, MOST_RANKS)


class Resampling(QuadrantConfig):
    """High entropy, high varentropy: a hot draw from a narrower nucleus."""

    when: Conditions = _when("logits_entropy > high", "logits_varentropy > high")
    temperature_constant: float = _constant("temperature", 2.0)
    temperature_attention_varentropy: float = _coefficient(
        "temperature", "attention varentropy", 0.5, 10
    )
    temperature_minimum: float = _limit("lowest", "temperature", 2.0, 0, 5)
    top_p_shift_attention_entropy: float = Field(
        default=-0.2,
        ge=-1,
        le=1,
        description="What a bit of attention entropy adds to the base top_p.",
    )
    top_p_minimum: float = _limit("lowest", "top_p", 0.5, 0, 1)


class Adaptive(QuadrantConfig):
    """Everything in between: parameters that follow the metrics, and the best of several draws."""

    temperature_constant: float = _constant("temperature", 1.0)
    temperature_logits_entropy: float = _coefficient("temperature", "logits entropy", 0.3, 10)
    temperature_logits_varentropy: float = _coefficient("temperature", "logits varentropy", 0.3, 10)
    temperature_attention_entropy: float = _coefficient("temperature", "attention entropy", 0.2, 10)
    temperature_attention_varentropy: float = _coefficient(
        "temperature", "attention varentropy", 0.2, 10
    )
    temperature_agreement: float = _coefficient("temperature", "agreement", -0.2, 1000)
    temperature_minimum: float = _limit("lowest", "temperature", 0.0, 0, 5)
    temperature_maximum: float = _limit("highest", "temperature", 100.0, 0, 100)
    top_p_constant: float = _constant("top_p", 1.0)
    top_p_attention_varentropy: float = _coefficient("top_p", "attention varentropy", 0.1, 10)
    top_p_minimum: float = _limit("lowest", "top_p", 0.1, 0, 1)
    top_p_maximum: float = _limit("highest", "top_p", 1.0, 0, 1)
    top_k_constant: float = _constant("top_k", 1.0)
    top_k_interaction_strength: float = _coefficient("top_k", "interaction strength", 0.3, 10)
    top_k_agreement: float = _coefficient("top_k", "agreement", -0.2, 1000)
    top_k_minimum: int = _limit("lowest", "top_k", 1, 1, MOST_RANKS)
    top_k_maximum: int = _limit("highest", "top_k", MOST_RANKS, 1, MOST_RANKS)
    min_p_constant: float = _constant("min_p", 1.0)
    min_p_logits_entropy: float = _coefficient("min_p", "logits entropy", -0.5, 10)
    min_p_logits_varentropy: float = _coefficient("min_p", "logits varentropy", -0.5, 10)
    min_p_minimum: float = _limit("lowest", "min_p", 0.01, 0, 1)
    min_p_maximum: float = _limit("highest", "min_p", 0.5, 0, 1)
