"""Pictures of a sampler's regions and a model's tokens, entropy against varentropy.

matplotlib is no dependency of the package: whoever asks for a picture has it.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mlx_entropix.cli.style import GLYPHS
from mlx_entropix.engine.calibrate import Calibration, Collected
from mlx_entropix.sampling import PRESETS, Metrics, Quadrant, SamplerConfig
from mlx_entropix.sampling.calibration import quadrants_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLOURS = {
    Quadrant.FLOWING: "#4B5563",
    Quadrant.TREADING: "#B45309",
    Quadrant.EXPLORING: "#0072B2",
    Quadrant.RESAMPLING: "#A21C6E",
    Quadrant.ADAPTIVE: "#64748B",
}
_RIGHT, _TOP = 12.0, 32.0  # bits, bits²


def draw_regions(axes: "Axes", collected: Collected, config: SamplerConfig, title: str) -> None:
    """Draw the regions of `config` and the tokens in them, each in its quadrant's colour."""
    low, middle, high = (
        config.threshold(level, "logits_entropy") for level in ("low", "medium", "high")
    )
    calm, wild = (config.threshold(level, "logits_varentropy") for level in ("low", "high"))
    regions = [
        (Quadrant.FLOWING, 0, 0, low, calm),
        (Quadrant.TREADING, middle, 0, _RIGHT, calm),
        (Quadrant.EXPLORING, 0, wild, high, _TOP),
        (Quadrant.RESAMPLING, high, wild, _RIGHT, _TOP),
    ]
    axes.set_facecolor("#FAFAFA")
    for quadrant, x0, y0, x1, y1 in regions:
        axes.fill_between([x0, x1], y0, y1, color=COLOURS[quadrant], alpha=0.10, lw=0)
    table = collected.table
    quadrants = quadrants_of(table, config.model_dump())
    x, y = (table.column(name) for name in Metrics._fields[:2])
    for quadrant in Quadrant:
        chosen = quadrants == quadrant
        label = f"{GLYPHS[quadrant]}  {quadrant.name}, {np.mean(chosen):.0%}"
        axes.scatter(
            x[chosen], y[chosen], s=12, color=COLOURS[quadrant], alpha=0.5, lw=0, label=label
        )
    cube_root: Any = (np.cbrt, lambda value: value**3)  # shows the calm corner and the wild one
    axes.set_xscale("function", functions=cube_root)
    axes.set_yscale("function", functions=cube_root)
    axes.set(xlim=(0, _RIGHT), ylim=(0, _TOP))
    for axis, ticks in (
        (axes.xaxis, [0, 0.1, 0.5, 1, 2, 3, 5, 8, 12]),
        (axes.yaxis, [0, 0.1, 0.5, 1, 2, 5, 10, 20, 30]),
    ):
        axis.set_ticks(ticks, labels=[f"{tick:g}" for tick in ticks])
    axes.set_xlabel("entropy of the logits, bits")
    axes.set_ylabel("varentropy of the logits, bits²")
    axes.set_title(title, size=11)
    axes.legend(loc="upper left", fontsize=8, framealpha=0.9)
    axes.spines[["top", "right"]].set_visible(False)


def draw_before_and_after(path: Path, model: str, result: Calibration) -> None:
    """Write a picture of the held-out tokens under the published thresholds and the fitted ones."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(13, 5.6), dpi=130)
    left, right = figure.subplots(1, 2)
    count = f"{result.before.tokens:,} tokens of {model}"
    draw_regions(left, result.before, PRESETS["entropix"], f"Published thresholds: {count}")
    count = f"{result.after.tokens:,} tokens"
    draw_regions(right, result.after, result.config, f"Fitted thresholds: {count}")
    figure.tight_layout()
    figure.savefig(path)
