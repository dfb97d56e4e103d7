"""A low limit of open files, which mlx-lm would not be imported under.

`mlx_lm.utils` asks for up to 4,096 files as it is imported. Where an administrator allows fewer,
that is a ValueError, and nothing of mlx-lm can be used.
"""

import resource
from collections.abc import Callable

_ASKED_BY_MLX_LM = 4096


def allow_low_limit() -> None:
    """Where fewer files are allowed than mlx-lm asks for, let it have what is allowed."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < _ASKED_BY_MLX_LM:
        resource.setrlimit = _up_to(hard, resource.setrlimit)


def _up_to(hard: int, real: Callable[[int, tuple[int, int]], None]) -> Callable[..., None]:
    def setrlimit(kind: int, limits: tuple[int, int]) -> None:
        if kind == resource.RLIMIT_NOFILE:
            limits = min(limits[0], hard), min(limits[1], hard)
        real(kind, limits)

    return setrlimit
