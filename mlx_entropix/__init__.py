"""Entropy-based sampling for language models on MLX.

The names are loaded when they are first used: `import mlx_entropix` alone is quick.
"""

import importlib
import sys
from typing import TYPE_CHECKING, Any

from mlx_entropix.backend import backend_error
from mlx_entropix.cpu.blas import prepare_cpu
from mlx_entropix.descriptors import allow_low_limit

if TYPE_CHECKING:
    from mlx_entropix.engine import analyse, generate, load, stream_generate
    from mlx_entropix.engine.mlx_lm_sampler import make_entropix_sampler
    from mlx_entropix.model.tapped import tap
    from mlx_entropix.prompts import SYSTEM_PROMPT
    from mlx_entropix.sampling import PRESETS, Metrics, PlainConfig, Quadrant, SamplerConfig

if "mlx.core" not in sys.modules:  # afterwards it would be too late
    prepare_cpu()
allow_low_limit()

__all__ = [
    "PRESETS",
    "SYSTEM_PROMPT",
    "Metrics",
    "PlainConfig",
    "Quadrant",
    "SamplerConfig",
    "analyse",
    "generate",
    "load",
    "make_entropix_sampler",
    "stream_generate",
    "tap",
]

_MODULES = dict.fromkeys(("analyse", "generate", "load", "stream_generate"), "engine") | {
    "make_entropix_sampler": "engine.mlx_lm_sampler",
    "tap": "model.tapped",
    "SYSTEM_PROMPT": "prompts",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        module = importlib.import_module(f"{__name__}.{_MODULES.get(name, 'sampling')}")
    except ImportError as error:
        raise backend_error(error) or error from None
    return getattr(module, name)
