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
    HEADER_WIDTH,
    METRICS,
    Header,
    parameter_rows,
)


class Parameters(NamedTuple):
    """The parameters of a draw, each (B,) float32; NaN where no draw is made."""

    temperature: mx.array
    top_p: mx.array
    top_k: mx.array
    min_p: mx.array


def header(rows: mx.array) -> Header:
    """The header of parameter rows (B, P)."""
    return Header(*(rows[:, i] for i in range(HEADER_WIDTH)))


def decide(metrics: mx.array, rows: mx.array) -> tuple[mx.array, Parameters]:
    """The quadrant (B,) int32 of metrics (B, 6), and what parameters it asks for.

    The first quadrant whose metrics all lie inside its open intervals is taken, else ADAPTIVE.
    FLOWING has no formulas of its own: its numbers mean nothing.
    """
    bounds = rows[:, BOUNDS].reshape(-1, 4, 2, METRICS)
    values = metrics[:, None, :]
    inside = mx.all((values > bounds[:, :, 0]) & (values < bounds[:, :, 1]), axis=-1)  # (B, 4)
    missed = mx.cumprod(mx.logical_not(inside).astype(mx.int32), axis=-1)
    quadrant = mx.sum(missed, axis=-1)

    formulas = rows[:, FORMULAS].reshape(-1, 4, len(PARAMETERS), FORMULA_WIDTH)
    which = mx.maximum(quadrant - 1, 0)[:, None, None, None]
    formula = mx.take_along_axis(formulas, which, axis=1)[:, 0]  # (B, 4, FORMULA_WIDTH)
    coefficients, shifts = formula[..., 1 : 1 + METRICS], formula[..., 1 + METRICS : -2]
    factor = formula[..., 0] + mx.sum(coefficients * values, axis=-1)
    asked = rows[:, : len(PARAMETERS)] * factor + mx.sum(shifts * values, axis=-1)
    clipped = mx.clip(asked, formula[..., -2], formula[..., -1])  # (B, 4)
    temperature, top_p, top_k, min_p = (clipped[:, i] for i in range(len(PARAMETERS)))
    truncates = quadrant == Quadrant.EXPLORING.value  # the others round half to even
    top_k = mx.where(truncates, mx.floor(top_k), mx.round(top_k))
    return quadrant, Parameters(temperature, top_p, top_k, min_p)


def _decided(metrics: Metrics, config: SamplerConfig) -> tuple[mx.array, Parameters]:
    values = mx.stack(list(metrics), axis=-1).astype(mx.float32)
    rows = mx.repeat(parameter_rows([config], clarifying_token=-1), values.shape[0], axis=0)
    return decide(values, rows)


def classify(metrics: Metrics, config: SamplerConfig) -> mx.array:
    """The quadrant of each row: (B,) int32, values of `Quadrant`."""
    return _decided(metrics, config)[0]


def sampling_parameters(metrics: Metrics, config: SamplerConfig) -> Parameters:
    """The parameters that each row's quadrant asks for, each (B,) float32.

    They are NaN in FLOWING, which makes no draw. A temperature of 0 means the likeliest token.
    """
    quadrant, asked = _decided(metrics, config)
    flowing = quadrant == Quadrant.FLOWING.value
    return Parameters(*(mx.where(flowing, mx.nan, values) for values in asked))
