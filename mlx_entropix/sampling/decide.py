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
    parameter_rows,
)


class Parameters(NamedTuple):
    """The parameters of a draw, each (B,) float32; NaN where no draw is made."""

    temperature: mx.array
    top_p: mx.array
    top_k: mx.array
    min_p: mx.array


def decide(metrics: mx.array, rows: mx.array) -> tuple[mx.array, mx.array]:
    """What rows of parameters (B, P) answer to metrics (B, 6).

    Returns the quadrant (B, 1) int32, the first whose metrics all lie inside its open intervals,
    else ADAPTIVE; and (B, 4) float32, the parameters that it asks for, in the order of
    `Parameters`: NaN in FLOWING, and a temperature of 0 means the likeliest token.
    """
    bounds = rows[:, BOUNDS].reshape(-1, 4, 2, METRICS)
    values = metrics[:, None]
    inside = mx.all((values > bounds[:, :, 0]) & (values < bounds[:, :, 1]), axis=-1)  # (B, 4)
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
    return quadrant, mx.where(mx.arange(4) == PARAMETERS.index("top_k"), whole, asked)


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
