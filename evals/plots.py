"""Pictures: colours that people with any colour vision can tell apart, names beside the lines."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")

from matplotlib import pyplot as plt

from evals.comparison import GREEDY, Line
from evals.intervals import Estimate

# Okabe and Ito's palette, without its yellow, which is too light on white, and with two of Tol's.
COLOURS = (
    "#000000",
    "#0072B2",
    "#D55E00",
    "#009E73",
    "#CC79A7",
    "#56B4E9",
    "#E69F00",
    "#882255",
    "#999933",
)
MARKS = ("o", "s", "^", "D", "v", "P", "X", "<", ">")
STYLE: Any = {
    "figure.dpi": 150,
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#e0e0e0",
}


def plot_accuracy(lines: Sequence[Line], path: Path) -> None:
    """Accuracy over the tokens of an answer; an arm's votes are joined to its single answers."""
    families: dict[str, list[Line]] = {}
    for line in lines:
        families.setdefault(line.arm.name.partition(", vote of ")[0], []).append(line)
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(figsize=(8, 5), layout="constrained")
        ends = []
        for number, (name, members) in enumerate(families.items()):
            colour, mark = COLOURS[number % len(COLOURS)], MARKS[number % len(MARKS)]
            x = [line.arm.tokens_an_answer for line in members]
            y = [100 * line.pooled.value for line in members]
            errors = [100 * 1.96 * line.pooled.error for line in members]
            axes.errorbar(
                x, y, errors, color=colour, marker=mark, lw=1.2, capsize=2, elinewidth=0.7
            )
            if name == GREEDY:
                axes.axhline(y[0], color=colour, lw=0.8, ls=":")
            ends.append((y[-1], x[-1], name, colour))
        _label(axes, ends)
        axes.set_xlabel("completion tokens of an answer (of a vote: of all its answers)")
        axes.set_ylabel("right answers, %")
        axes.set_title("Accuracy over tokens spent, 95 % intervals", loc="left")
        axes.set_xlim(left=0)
        figure.savefig(path)
        plt.close(figure)


def plot_aurocs(values: Mapping[str, Estimate], path: Path) -> None:
    """A dot and an interval for each number that may know a wrong answer."""
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(figsize=(7, 0.5 + 0.36 * len(values)), layout="constrained")
        names = list(values)[::-1]
        for height, name in enumerate(names):
            value = values[name]
            known = value.low > 0.5 or value.high < 0.5
            colour = COLOURS[1] if known else "#777777"
            axes.plot([value.low, value.high], [height, height], color=colour, lw=2)
            axes.plot([value.value], [height], "o", color=colour)
            axes.annotate(
                f"{value.value:.2f}", (value.value, height), (0, 5), **_OFFSET, ha="center"
            )
        axes.set_yticks(range(len(names)), names)
        axes.set_ylim(-0.6, len(names) - 0.2)
        axes.axvline(0.5, color="#000000", lw=0.8, ls=":")
        axes.set_xlabel("AUROC against “this answer is wrong”; 0.5 is chance")
        figure.savefig(path)
        plt.close(figure)


def plot_reliability(curves: Mapping[str, Sequence[tuple[float, Estimate]]], path: Path) -> None:
    """How often answers are wrong in each tenth of a metric, a small picture a metric.

    A curve is the median of the metric in each tenth, and the share of wrong answers.
    """
    columns = 3
    rows = -(-len(curves) // columns)
    with plt.rc_context({**STYLE, "font.size": 8}):
        figure, grid = plt.subplots(
            rows, columns, figsize=(9, 2.4 * rows), sharey=True, squeeze=False, layout="constrained"
        )
        for axes in grid.flat[len(curves) :]:
            axes.axis("off")
        for axes, (name, points) in zip(grid.flat, curves.items(), strict=False):
            x = [median for median, _ in points]
            y = [100 * value.value for _, value in points]
            errors = [100 * 1.96 * value.error for _, value in points]
            axes.errorbar(x, y, errors, color=COLOURS[1], marker="o", ms=3, lw=1.2, elinewidth=0.7)
            axes.set_title(name, loc="left")
            axes.set_ylim(0, 100)
        for axes in grid[:, 0]:
            axes.set_ylabel("wrong answers, %")
        figure.savefig(path)
        plt.close(figure)


_OFFSET: dict[str, Any] = {"textcoords": "offset points", "fontsize": 8}


def _label(axes: Any, ends: Sequence[tuple[float, float, str, str]]) -> None:
    """Names right of the lines' ends, moved up where they would lie on each other."""
    low, high = axes.get_ylim()
    step, last = (high - low) / 24, low - (high - low)
    right = max(x for _, x, _, _ in ends)
    for y, x, name, colour in sorted(ends):
        last = max(y, last + step)
        axes.annotate(
            name,
            (x, y),
            (right * 1.04, last),
            color=colour,
            va="center",
            arrowprops={"arrowstyle": "-", "color": colour, "lw": 0.4},
        )
    axes.set_xlim(right=right * 1.35)
