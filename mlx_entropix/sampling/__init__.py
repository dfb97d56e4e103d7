"""The entropy sampler: pure functions of arrays, which know no model and no tokenizer.

Read metrics.py and trends.py (how sure the model is, and was), quadrants.py, formulas.py and
config.py (what the sampler does about it, as data), presets.py, config_file.py, parameter_rows.py
and decide.py (the same on the device, for rows with different configurations), ranks.py and
sampler.py (which token).
"""

from mlx_entropix.errors import ConfigError
from mlx_entropix.sampling.chances import Chances
from mlx_entropix.sampling.changed import Changed, changed_logits
from mlx_entropix.sampling.config import BaseValues, PlainConfig, SamplerConfig, Thresholds
from mlx_entropix.sampling.config_file import ConfigFile, Provenance, config_toml, read_config_file
from mlx_entropix.sampling.decide import Parameters, classify, sampling_parameters
from mlx_entropix.sampling.keys import position_key
from mlx_entropix.sampling.metrics import Metrics, calculate_metrics, self_certainty
from mlx_entropix.sampling.parameter_rows import (
    Filters,
    candidate_count,
    draw_count,
    filters_of,
    measures_trends,
    parameter_rows,
)
from mlx_entropix.sampling.presets import PRESETS, SAMPLERS
from mlx_entropix.sampling.quadrants import Quadrant
from mlx_entropix.sampling.sampler import (
    Numbers,
    Sampled,
    filtered_probabilities,
    sample,
    sample_rows,
)
from mlx_entropix.sampling.score import most_attended, score_rows
from mlx_entropix.sampling.trends import no_recent

__all__ = [
    "PRESETS",
    "SAMPLERS",
    "BaseValues",
    "Chances",
    "Changed",
    "ConfigError",
    "ConfigFile",
    "Filters",
    "Metrics",
    "Numbers",
    "Parameters",
    "PlainConfig",
    "Provenance",
    "Quadrant",
    "Sampled",
    "SamplerConfig",
    "Thresholds",
    "calculate_metrics",
    "candidate_count",
    "changed_logits",
    "classify",
    "config_toml",
    "draw_count",
    "filtered_probabilities",
    "filters_of",
    "measures_trends",
    "most_attended",
    "no_recent",
    "parameter_rows",
    "position_key",
    "read_config_file",
    "sample",
    "sample_rows",
    "sampling_parameters",
    "score_rows",
    "self_certainty",
]
