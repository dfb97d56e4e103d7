"""Compilation where it pays."""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

import mlx.core as mx

P = ParamSpec("P")
R = TypeVar("R")


def compiled_on_metal(function: Callable[P, R]) -> Callable[P, R]:
    """`mx.compile` a function for a Mac's GPU, where it saves kernel launches.

    Elsewhere each fused expression takes a run of a slow compiler, at the first run on a machine:
    on a CPU the system's C++ compiler, up to a second each, with CUDA NVIDIA's, three to ten. The
    sampler has about 40, and they would save less than a millisecond of a step. So there the
    function runs as it stands.
    """
    compiled = mx.compile(function)

    @wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        on_metal = mx.metal.is_available() and mx.default_device().type == mx.DeviceType.gpu
        return compiled(*args, **kwargs) if on_metal else function(*args, **kwargs)

    return run
