"""Pictures: a sampler's regions with a model's tokens in them, and metrics of traces side by side.

matplotlib is no dependency of the package: whoever asks for a picture has it.
"""

import importlib.util
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mlx_entropix.cli.alignment import Alignment
from mlx_entropix.errors import UsageError
from mlx_entropix.sampling import PRESETS, Metrics, Quadrant, SamplerConfig
from mlx_entropix.sampling.calibration import quadrants_of
from mlx_entropix.sampling.metrics import ABOUT

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from mlx_entropix.engine.fitting import Calibration, Collected

_SUFFIXES = (".png", ".svg")


def check_plot(name: str) -> None:
    """Raise `UsageError` where the picture cannot be drawn, before anything is computed."""
    path = Path(name).expanduser()
    if path.suffix.lower() not in _SUFFIXES:
        raise UsageError(f"The plot {path} is neither .png nor .svg. Give a name that ends so.")
    if not path.parent.is_dir():
        raise UsageError(f"There is no folder {path.parent} for the plot. Name one that exists.")
    if importlib.util.find_spec("matplotlib") is None:
        raise UsageError(
            "The plot needs matplotlib, which is not installed. Install it, for example with "
            "`uv pip install matplotlib`, or leave out --plot."
        )


COLOURS = {
    Quadrant.FLOWING: "#4B5563",
    Quadrant.TREADING: "#B45309",
    Quadrant.EXPLORING: "#0072B2",
    Quadrant.RESAMPLING: "#A21C6E",
    Quadrant.ADAPTIVE: "#64748B",
}
_RIGHT, _TOP = 12.0, 32.0  # bits, bits²


def draw_regions(axes: "Axes", collected: "Collected", config: SamplerConfig, title: str) -> None:
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
        label = f"{quadrant.glyph}  {quadrant.name}, {np.mean(chosen):.0%}"
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


def draw_before_and_after(path: Path, model: str, result: "Calibration") -> None:
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


# After Okabe and Ito, told apart under the common colour deficiencies; and no two lines alike.
_COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#000000", "#E69F00", "#56B4E9")
_LINES = ("-", "--", "-.", ":")
_LABEL_HEIGHT = 0.07  # of a panel's height


def draw(
    name: str,
    alignment: Alignment,
    labels: list[str],
    curves: dict[str, list[list[dict[str, Any]]]],
) -> None:
    """Draw each metric's moving mean with its band. Raises `UsageError`."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    columns = min(2, len(curves))
    rows = math.ceil(len(curves) / columns)
    figure = Figure(figsize=(6.4 * columns, 3.2 * rows), layout="constrained")
    panels = iter(figure.subplots(rows, columns, squeeze=False).flat)
    for (metric, files), panel in zip(curves.items(), panels, strict=False):
        _draw_metric(panel, metric, files, labels)
        panel.set_xlabel(_axis(alignment))
        if alignment.kind != "start":
            panel.axvline(0, color="#888888", linewidth=0.8)
    for panel in panels:  # those that are left
        panel.set_axis_off()
    path = Path(name).expanduser()
    try:
        with mpl.rc_context({"svg.hashsalt": "compare"}):
            figure.savefig(path, dpi=150)
    except OSError as error:
        raise UsageError(
            f"The plot {path} cannot be written ({error.strerror}). Name another place."
        ) from None


def _draw_metric(
    panel: Any, metric: str, files: list[list[dict[str, Any]]], labels: list[str]
) -> None:
    for i, points in enumerate(files):
        color, line = _COLORS[i % len(_COLORS)], _LINES[i % len(_LINES)]
        at = [point["position"] for point in points]
        mean = [point["mean"] for point in points]
        panel.plot(at, mean, line, color=color, linewidth=1.6)
        edges = [
            (
                point["mean"] if point["low"] is None else point["low"],
                point["mean"] if point["high"] is None else point["high"],
            )
            for point in points
        ]
        lows, highs = zip(*edges, strict=True)
        panel.fill_between(at, lows, highs, color=color, alpha=0.15, linewidth=0)
    _label_lines(panel, files, labels)
    unit = "nats" if metric == "logprob" else getattr(ABOUT, metric).unit
    panel.set_title(f"{metric}, {unit}" if unit else metric, loc="left", fontsize="medium")
    panel.spines[["top", "right"]].set_visible(False)


def _label_lines(panel: Any, files: list[list[dict[str, Any]]], labels: list[str]) -> None:
    """Write each label where its line ends, moved up where it would cover the one below."""
    bottom, top = panel.get_ylim()
    lowest = -math.inf
    for i in sorted(range(len(files)), key=lambda i: files[i][-1]["mean"]):
        end = files[i][-1]
        lowest = max(end["mean"], lowest + _LABEL_HEIGHT * (top - bottom))
        panel.annotate(
            labels[i],
            (end["position"], lowest),
            xytext=(4, 0),
            textcoords="offset points",
            color=_COLORS[i % len(_COLORS)],
            va="center",
            annotation_clip=False,
        )


def _axis(alignment: Alignment) -> str:
    window = f"mean of the last {alignment.window} tokens, with 95 % band"
    if alignment.kind == "phrase":
        return f"tokens from “{alignment.phrase}” · {window}"
    return f"tokens from the {'first' if alignment.kind == 'start' else 'last'} · {window}"
