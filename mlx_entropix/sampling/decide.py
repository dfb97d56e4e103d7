"""From metrics to a quadrant and to the parameters of a draw, for all rows at once."""

from typing import NamedTuple

import mlx.core as mx

from mlx_entropix.sampling.config import SamplerConfig
from mlx_entropix.sampling.formulas import PARAMETERS
from mlx_entropix.sampling.metrics import Metrics
from mlx_entropix.sampling.quadrants import Quadrant
from mlx_entropix.sampling.rows import (
    BOUNDS,
    FORMULA_WIDTH,
    FORMULAS,
    METRICS,
    QUADRANT_WIDTH,
    header,
    parameter_rows,
)


class Parameters(NamedTuple):
    """The parameters of a draw, each (B,) float32; NaN where no draw is made."""

    temperature: mx.array
    top_p: mx.array
    top_k: mx.array
    min_p: mx.array


def decide(
    metrics: mx.array, rows: mx.array, visible: mx.array | None = None
) -> tuple[mx.array, mx.array]:
    """What rows of parameters (B, P) answer to metrics (B, 6).

    `visible` (B, 1) is the number of keys that the attention was spread over; without it the
    conditions take attention entropy as it is. Returns the quadrant (B, 1) int32, the first whose
    metrics all lie inside its open intervals, else ADAPTIVE; and (B, 4) float32, the parameters
    that it asks for, in the order of `Parameters`: NaN in FLOWING, and a temperature of 0, which a
    base temperature of 0 always gives, means the likeliest token.
    """
    bounds = rows[:, BOUNDS].reshape(-1, 4, 2, METRICS)
    values = metrics[:, None]
    judged = values if visible is None else _as_at_fixed_length(metrics, rows, visible)[:, None]
    inside = mx.all((judged > bounds[:, :, 0]) & (judged < bounds[:, :, 1]), axis=-1)  # (B, 4)
    first = mx.where(inside, mx.arange(4), Quadrant.ADAPTIVE.value)
    quadrant = mx.min(first, axis=-1, keepdims=True)

    formulas = rows[:, FORMULAS].reshape(-1, len(Quadrant), QUADRANT_WIDTH)
    formula = mx.take_along_axis(formulas, quadrant[:, None], axis=1)
    formula = formula.reshape(-1, len(PARAMETERS), FORMULA_WIDTH)
    coefficients, shifts = formula[..., 1 : 1 + METRICS], formula[..., 1 + METRICS : -2]
    factor = formula[..., 0] + mx.sum(coefficients * values, axis=-1)
    asked = rows[:, : len(PARAMETERS)] * factor + mx.sum(shifts * values, axis=-1)
    asked = mx.clip(asked, formula[..., -2], formula[..., -1])  # (B, 4)
    truncates = quadrant == Quadrant.EXPLORING.value  # the others round half to even
    whole = mx.where(truncates, mx.floor(asked), mx.round(asked))
    asked = mx.where(mx.arange(4) == PARAMETERS.index("top_k"), whole, asked)
    # Minimum and factor of a quadrant must not heat what was asked to be cold.
    cold = (rows[:, :1] <= 0) & (mx.arange(4) == PARAMETERS.index("temperature"))
    return quadrant, mx.where(cold & (asked == asked), 0.0, asked)


def _as_at_fixed_length(metrics: mx.array, rows: mx.array, visible: mx.array) -> mx.array:
    """The metrics (B, 6), attention entropy less what it owes to the number of visible keys."""
    base = header(rows)
    growth = base.attention_per_doubling * (mx.log2(visible) - base.attention_keys)
    is_attention = mx.arange(METRICS) == Metrics._fields.index("attention_entropy")
    return metrics - mx.where(is_attention, growth, 0.0)


def parameter_columns(asked: mx.array) -> Parameters:
    """The parameters (B, 4) one by one."""
    return Parameters(*mx.unstack(asked, axis=-1))


def _decided(metrics: Metrics, config: SamplerConfig) -> tuple[mx.array, mx.array]:
    values = mx.stack(list(metrics), axis=-1).astype(mx.float32)
    rows = mx.repeat(parameter_rows([config], clarifying_token=-1), values.shape[0], axis=0)
    return decide(values, rows)


def classify(metrics: Metrics, config: SamplerConfig) -> mx.array:
    """The quadrant of each row: (B,) int32, values of `Quadrant`."""
    return _decided(metrics, config)[0][:, 0]


def sampling_parameters(metrics: Metrics, config: SamplerConfig) -> Parameters:
    """The parameters that each row's quadrant asks for, each (B,) float32.

    They are NaN in FLOWING, which makes no draw. A temperature of 0 means the likeliest token.
    """
    return parameter_columns(_decided(metrics, config)[1])
