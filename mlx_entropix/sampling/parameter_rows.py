"""Configurations as rows of numbers, so that rows with different ones share a step.

A row of parameters holds, one after the other:

- HEADER_WIDTH numbers, in the order of `Header`;
- for FLOWING, TREADING, EXPLORING, RESAMPLING the open intervals in which the six metrics, their
  means and their slopes must lie: 18 lower ends, then 18 upper ends. A step in which no row looks
  back compares the metrics alone;
- for each quadrant and each of temperature, top_p, top_k, min_p the numbers of a formula (see
  formulas.py): the constant, six coefficients, six shifts, the minimum, the maximum. They are NaN
  for FLOWING, which makes no draw.

A row of the plain sampler has intervals that nothing lies in and formulas that change nothing.
"""

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import mlx.core as mx

from mlx_entropix.choices import MOST_RANKS
from mlx_entropix.sampling.config import PlainConfig, SamplerConfig
from mlx_entropix.sampling.formulas import (
    LEVELS,
    MEAN,
    PARAMETERS,
    SLOPE,
    Exploring,
    Flowing,
    QuadrantConfig,
    Resampling,
    Treading,
)
from mlx_entropix.sampling.metrics import ATTENTION, Metrics
from mlx_entropix.sampling.quadrants import Quadrant

RowConfig = SamplerConfig | PlainConfig

CANDIDATES = 128  # ranks that are looked at; more than the entropy sampler ever keeps
METRICS = len(Metrics._fields)
JUDGED = tuple(name + kind for kind in ("", MEAN, SLOPE) for name in Metrics._fields)
FORMULA_WIDTH = 1 + 2 * METRICS + 2

# What holds whatever the configuration says.
_RANGES = {"temperature": (0, math.inf), "top_p": (0, 1), "top_k": (1, MOST_RANKS), "min_p": (0, 1)}


class Header(NamedTuple):
    """The first numbers of parameter rows, each (B, 1) float32."""

    temperature: mx.array
    top_p: mx.array
    top_k: mx.array
    min_p: mx.array
    min_tokens_to_keep: mx.array
    draws: mx.array
    clarifying_token: mx.array  # −1 for none
    plain: mx.array  # 1 for the plain sampler
    top_n_sigma: mx.array  # 0 for none
    p_less: mx.array  # 1 where that filter is on
    min_entropy_gain: mx.array  # bits, 0 for none
    xtc_probability: mx.array  # 0 for never
    xtc_threshold: mx.array
    attention_per_doubling: mx.array  # bits of attention entropy
    attention_keys: mx.array  # log2 of the number of keys that it is counted from
    window: mx.array  # how many of the last tokens means and slopes are of


HEADER_WIDTH = len(Header._fields)
BOUNDS = slice(HEADER_WIDTH, HEADER_WIDTH + 4 * 2 * len(JUDGED))
QUADRANT_WIDTH = len(PARAMETERS) * FORMULA_WIDTH
FORMULAS = slice(BOUNDS.stop, BOUNDS.stop + len(Quadrant) * QUADRANT_WIDTH)


def header(rows: mx.array) -> Header:
    """The header of parameter rows (B, P)."""
    return Header(*mx.split(rows[:, :HEADER_WIDTH], HEADER_WIDTH, axis=-1))


def parameter_rows(
    configs: Sequence[RowConfig], clarifying_token: int, attends: bool = True
) -> mx.array:
    """One row of numbers a configuration: (B, P) float32.

    `clarifying_token` is the id that TREADING emits; −1, or an id outside the vocabulary, makes
    TREADING always draw. Where the model does not attend, no condition on attention holds.
    """
    rows = [_row(config, clarifying_token, attends) for config in configs]
    return mx.array(rows, dtype=mx.float32)


def candidate_count(configs: Sequence[RowConfig], vocabulary_size: int) -> int:
    """How many ranks a step has to look at, so that no row's filter could keep more."""
    most = max((_most_kept(config, vocabulary_size) for config in configs), default=0)
    return min(vocabulary_size, max(CANDIDATES, most))


def _most_kept(config: RowConfig, vocabulary_size: int) -> int:
    limited = not isinstance(config, PlainConfig) or 0 < config.top_k <= MOST_RANKS
    if limited or config.temperature <= 0:
        return CANDIDATES
    if config.min_entropy_gain <= 0:
        return vocabulary_size
    # A token of probability 2^−bits adds bits · 2^−bits, and fewer than 2^bits are likelier.
    bits = 2
    while bits * 0.5**bits >= config.min_entropy_gain and 2**bits < vocabulary_size:
        bits += 1
    return int(2**bits)


def draw_count(configs: Sequence[RowConfig]) -> int:
    """How many tokens the row that draws most may draw in a step; at least 1."""
    return max((c.n_adaptive_samples for c in configs if isinstance(c, SamplerConfig)), default=1)


class Filters(NamedTuple):
    """Which filters some row of a step has, beside those that every sampler has."""

    sigma: bool = False
    p_less: bool = False
    gain: bool = False
    xtc: bool = False


NO_FILTERS = Filters()


def filters_of(configs: Sequence[RowConfig]) -> Filters:
    """The filters that these configurations ask for."""
    return Filters(
        any(config.top_n_sigma > 0 for config in configs),
        any(config.p_less for config in configs),
        any(config.min_entropy_gain > 0 for config in configs),
        any(config.xtc_probability > 0 for config in configs),
    )


def measures_trends(configs: Sequence[RowConfig]) -> bool:
    """Whether a row's conditions name the mean or the slope of a metric."""
    return any(
        condition.split()[0] not in Metrics._fields
        for config in configs
        if isinstance(config, SamplerConfig)
        for quadrant in _with_conditions(config)
        for condition in quadrant.when
    )


def _with_conditions(
    config: SamplerConfig,
) -> tuple[Flowing | Treading | Exploring | Resampling, ...]:
    return config.flowing, config.treading, config.exploring, config.resampling


@lru_cache(maxsize=1024)
def _row(config: RowConfig, clarifying_token: int, attends: bool) -> tuple[float, ...]:
    base = (config.temperature, config.top_p, config.top_k, config.min_p, config.min_tokens_to_keep)
    xtc = config.xtc_probability, config.xtc_threshold
    filters = (config.top_n_sigma, float(config.p_less), config.min_entropy_gain, *xtc)
    if isinstance(config, PlainConfig):
        never = [math.inf] * len(JUDGED) + [-math.inf] * len(JUDGED)
        unchanged = [1.0] + [0.0] * (2 * METRICS) + [-math.inf, math.inf]
        formulas = unchanged * (len(Quadrant) * len(PARAMETERS))
        return (*base, 1, clarifying_token, 1, *filters, 0, 0, 1, *never * 4, *formulas)
    changes = (config.treading, config.exploring, config.resampling, config.adaptive)
    bounds = [
        end
        for quadrant in _with_conditions(config)
        for end in _bounds(config, quadrant.when, attends)
    ]
    formulas = [math.nan] * QUADRANT_WIDTH
    formulas += [x for quadrant in changes for p in PARAMETERS for x in _formula(quadrant, p)]
    clarifying = clarifying_token if config.treading.clarifies else -1
    attention = config.attention_entropy_per_doubling, math.log2(config.attention_entropy_keys)
    conditions = (*attention, config.window, *bounds)
    return (*base, config.n_adaptive_samples, clarifying, 0, *filters, *conditions, *formulas)


def _bounds(config: SamplerConfig, conditions: tuple[str, ...], attends: bool) -> list[float]:
    lower = dict.fromkeys(JUDGED, -math.inf)
    upper = dict.fromkeys(JUDGED, math.inf)
    for condition in conditions:
        name, side, level = condition.split()
        metric = name.removesuffix(MEAN)
        if not attends and name.removesuffix(SLOPE).removesuffix(MEAN) in ATTENTION:
            lower[name] = math.inf  # never
            continue
        border = config.threshold(level, metric) if level in LEVELS else float(level)
        if side == ">":
            lower[name] = max(lower[name], border)
        else:
            upper[name] = min(upper[name], border)
    return [*lower.values(), *upper.values()]


def _formula(quadrant: QuadrantConfig, parameter: str) -> list[float]:
    def number(suffix: str, default: float) -> float:
        return float(getattr(quadrant, f"{parameter}_{suffix}", default))

    lowest, highest = _RANGES[parameter]
    return [
        number("constant", 1),
        *(number(metric, 0) for metric in Metrics._fields),
        *(number(f"shift_{metric}", 0) for metric in Metrics._fields),
        number("minimum", lowest),
        number("maximum", highest),
    ]
