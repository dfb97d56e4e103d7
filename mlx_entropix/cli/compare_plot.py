"""The picture of `mlx-entropix compare`: a metric along aligned positions, a line a file."""

import importlib.util
import math
from pathlib import Path
from typing import Any

from mlx_entropix.cli.comparison import Alignment
from mlx_entropix.errors import UsageError

# After Okabe and Ito, told apart under the common colour deficiencies; and no two lines alike.
_COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#000000", "#E69F00", "#56B4E9")
_LINES = ("-", "--", "-.", ":")
_LABEL_HEIGHT = 0.07  # of a panel's height
_SUFFIXES = (".png", ".svg")
_UNITS = {"entropy": "bits", "varentropy": "bits²", "logprob": "nats"}


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
    unit = _UNITS.get(metric.rpartition("_")[2])
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
