"""Metrics over tokens, by matplotlib."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from mlx_entropix.errors import UsageError
from mlx_entropix.notebook.seen import SeenToken
from mlx_entropix.sampling.metrics import ABOUT, Metrics
from mlx_entropix.sampling.quadrants import FROM_SUREST
from mlx_entropix.sampling.tint import COLOURS

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_MOST_NAMED = 60  # so many words fit under a plot
_GREY = "#8C8C94"


def plot(tokens: Sequence[SeenToken], metrics: Sequence[str]) -> "Figure":
    """A figure with a panel for each of the metrics; see `Shown.plot`."""
    for name in metrics:
        if name not in Metrics._fields:
            raise UsageError(
                f"There is no metric {name!r}. Choose from {', '.join(Metrics._fields)}."
            )
    if not metrics:
        raise UsageError(f"plot needs a metric: {', '.join(Metrics._fields)}.")
    try:
        from matplotlib import pyplot  # which tells a notebook how to show figures
    except ImportError:
        raise UsageError(
            "plot needs matplotlib, which is not installed: pip install matplotlib."
        ) from None
    width = min(16.0, max(6.0, 0.16 * len(tokens)))
    figure, axes = pyplot.subplots(
        len(metrics),
        figsize=(width, 0.6 + 1.7 * len(metrics)),
        sharex=True,
        squeeze=False,
        layout="constrained",
    )
    for name, (panel,) in zip(metrics, axes, strict=True):
        _draw(panel, tokens, name)
    last = axes[-1, 0]
    if len(tokens) <= _MOST_NAMED:
        names = [token.name.strip() or repr(token.name)[1:-1] for token in tokens]
        last.set_xticks(range(len(tokens)), [_plain(name) for name in names], rotation=90)
    else:
        last.set_xlabel("token")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    if handles:
        figure.legend(handles, labels, loc="outside upper left", ncols=5, frameon=False)
    pyplot.close(figure)  # shown once, where it is returned
    return figure


def _draw(panel: Any, tokens: Sequence[SeenToken], name: str) -> None:
    """One metric: a grey line, and a point a token in the colour of its quadrant."""
    values = [_value(token, name) for token in tokens]
    panel.plot(range(len(tokens)), values, color=_GREY, linewidth=0.8, zorder=1)
    for quadrant in (*FROM_SUREST, None):
        at = [i for i, token in enumerate(tokens) if token.quadrant is quadrant]
        if not at:
            continue
        colour = COLOURS.get(quadrant)
        panel.scatter(
            at,
            [values[i] for i in at],
            s=14,
            color=_GREY if colour is None else f"#{colour.light:06X}",
            label=None if quadrant is None else quadrant.name.lower(),
            zorder=2,
        )
    unit = getattr(ABOUT, name).unit
    panel.set_ylabel(name.replace("_", " ") + (f"\n{unit}" if unit else ""))
    panel.set_xlim(-0.5, len(tokens) - 0.5)
    panel.spines[["top", "right"]].set_visible(False)


def _value(token: SeenToken, name: str) -> float:
    value = getattr(token.metrics, name) if token.metrics is not None else None
    return math.nan if value is None else value


def _plain(text: str) -> str:
    """Text that matplotlib does not take for a formula."""
    return text.replace("$", r"\$")
