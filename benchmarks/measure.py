"""Timing two sides in turn, and a table of medians and ratios."""

import os
import platform
import statistics
from collections.abc import Callable, Mapping, Sequence
from importlib import metadata

import mlx_entropix  # noqa: F401  (loads the BLAS, ahead of mlx)

import mlx.core as mx  # isort: skip

ROUNDS = 5


def alternate(
    sides: Mapping[str, Callable[[], float]], rounds: int = ROUNDS
) -> dict[str, list[float]]:
    """Run each side once unmeasured, then `rounds` times in turn. Returns their numbers.

    In turn, because what else a machine does changes from minute to minute and must not fall on
    one side alone.
    """
    for side in sides.values():
        side()
    numbers: dict[str, list[float]] = {name: [] for name in sides}
    for turn in range(rounds):
        order = list(sides) if turn % 2 == 0 else list(sides)[::-1]
        for name in order:
            numbers[name].append(sides[name]())
    return numbers


def median_and_range(values: Sequence[float], digits: int = 1) -> str:
    """`15.2 (14.9–15.3)`."""
    low, high = min(values), max(values)
    return f"{statistics.median(values):.{digits}f} ({low:.{digits}f}–{high:.{digits}f})"


def ratio_of_medians(over: Sequence[float], under: Sequence[float]) -> float:
    """The median of one side over the median of the other."""
    return statistics.median(over) / statistics.median(under)


def print_table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """A Markdown table."""
    print("| " + " | ".join(head) + " |")
    print("| " + " | ".join("---" for _ in head) + " |")
    for row in rows:
        print("| " + " | ".join(str(cell) for cell in row) + " |")
    print(flush=True)


def print_machine(numbers: str = f"medians of {ROUNDS} (range)") -> None:
    """One line on where the numbers come from, and what they are."""
    versions = ", ".join(f"{name} {metadata.version(name)}" for name in ("mlx", "mlx-lm"))
    on_gpu = mx.default_device().type == mx.DeviceType.gpu
    gpu = f"{mx.device_info()['device_name']}, " if on_gpu else ""
    print(
        f"{platform.system()} {platform.machine()}, {gpu}{os.cpu_count()} cores, "
        f"Python {platform.python_version()}, {versions}; {numbers}\n"
    )
