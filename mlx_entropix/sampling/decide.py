"""From metrics to a quadrant and to the parameters of a draw, for all rows at once."""

from typing import Generic, NamedTuple, TypeVar

import mlx.core as mx

from mlx_entropix.sampling.config import SamplerConfig
from mlx_entropix.sampling.formulas import PARAMETERS
from mlx_entropix.sampling.metrics import Metrics
from mlx_entropix.sampling.parameter_rows import (
    BOUNDS,
    FORMULA_WIDTH,
    FORMULAS,
    JUDGED,
    METRICS,
    QUADRANT_WIDTH,
    header,
    measures_trends,
    parameter_rows,
)
from mlx_entropix.sampling.quadrants import Quadrant
from mlx_entropix.sampling.trends import means_and_slopes, move_on, no_recent

Value = TypeVar("Value")


class Parameters(NamedTuple, Generic[Value]):
    """The parameters of a draw: arrays (B,) float32, NaN where none is made, or numbers."""

    temperature: Value
    top_p: Value
    top_k: Value
    min_p: Value


class Decision(NamedTuple):
    """What rows of parameters answer to metrics."""

    quadrant: mx.array  # (B, 1) int32
    asked: mx.array  # (B, 4) float32, the parameters of the draw, in the order of `Parameters`
    recent: mx.array | None  # (B, 6, W), with the values of this step


def decide(
    metrics: mx.array,
    rows: mx.array,
    visible: mx.array | None = None,
    recent: mx.array | None = None,
) -> Decision:
    """What rows of parameters (B, P) answer to metrics (B, 6).

    `visible` (B, 1) is the number of keys that the attention was spread over; without it the
    conditions take attention entropy as it is. `recent` (B, 6, W) are the values that the
    conditions of earlier tokens saw, see trends.py; None where no row's conditions name a mean or
    a slope.

    The quadrant is the first whose values all lie inside its open intervals, else ADAPTIVE. The
    parameters are NaN in FLOWING; a temperature of 0, which a base temperature of 0 always gives,
    means the likeliest token.
    """
    values = metrics[:, None]
    judged = metrics if visible is None else _as_at_fixed_length(metrics, rows, visible)
    bounds = rows[:, BOUNDS].reshape(-1, 4, 2, len(JUDGED))
    if recent is None:
        bounds = bounds[..., :METRICS]
    else:
        recent = move_on(recent, judged)
        trends = means_and_slopes(recent, header(rows).window)
        judged = mx.concatenate([judged, trends], axis=-1)
    above, below = judged[:, None] > bounds[:, :, 0], judged[:, None] < bounds[:, :, 1]
    inside = mx.all(above & below, axis=-1)  # (B, 4)
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
    return Decision(quadrant, mx.where(cold & (asked == asked), 0.0, asked), recent)


def _as_at_fixed_length(metrics: mx.array, rows: mx.array, visible: mx.array) -> mx.array:
    """The metrics (B, 6), attention entropy less what it owes to the number of visible keys."""
    base = header(rows)
    growth = base.attention_per_doubling * (mx.log2(visible) - base.attention_keys)
    is_attention = mx.arange(METRICS) == Metrics._fields.index("attention_entropy")
    return metrics - mx.where(is_attention, growth, 0.0)


def parameter_columns(asked: mx.array) -> Parameters[mx.array]:
    """The parameters (B, 4) one by one."""
    return Parameters(*mx.unstack(asked, axis=-1))


def _decided(metrics: Metrics, config: SamplerConfig) -> Decision:
    values = mx.stack(list(metrics), axis=-1).astype(mx.float32)
    B = values.shape[0]
    rows = mx.repeat(parameter_rows([config], clarifying_token=-1), B, axis=0)
    return decide(values, rows, recent=no_recent(B) if measures_trends([config]) else None)


def classify(metrics: Metrics, config: SamplerConfig) -> mx.array:
    """The quadrant of each row, as of a first token: (B,) int32, values of `Quadrant`."""
    return _decided(metrics, config).quadrant[:, 0]


def sampling_parameters(metrics: Metrics, config: SamplerConfig) -> Parameters[mx.array]:
    """The parameters that each row's quadrant asks for, as of a first token, each (B,) float32.

    They are NaN in FLOWING, which makes no draw. A temperature of 0 means the likeliest token.
    """
    return parameter_columns(_decided(metrics, config).asked)
