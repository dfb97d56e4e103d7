"""Compilation where it pays."""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

import mlx.core as mx

P = ParamSpec("P")
R = TypeVar("R")


def compiled_on_gpu(function: Callable[P, R]) -> Callable[P, R]:
    """`mx.compile` a function for a GPU, where it saves kernel launches.

    On a CPU MLX compiles each fused expression with the system's C++ compiler. The sampler has
    about 40, up to a second each at the first run on a machine, and they would save less than a
    millisecond of a step. So a CPU runs the function as it stands.
    """
    compiled = mx.compile(function)

    @wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        on_gpu = mx.default_device().type == mx.DeviceType.gpu
        return compiled(*args, **kwargs) if on_gpu else function(*args, **kwargs)

    return run
