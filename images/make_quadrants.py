"""Draws images/entropy_quadrants.png from the metrics of a model's own answers.

    uv run python images/make_quadrants.py

Every dot is a token that the loaded model (the bundled one, if there are no weights) generated
under the default preset for prompts of data/prompts.csv; its place is the entropy and varentropy of
the logits that it was chosen from, and the backgrounds are the regions of the preset.
"""

from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np

from mlx_entropix import PRESETS, load
from mlx_entropix.engine import Engine, Request, TokenEvent
from mlx_entropix.prompts import create_prompts_from_csv
from mlx_entropix.sampling import Quadrant

HERE = Path(__file__).parent
ROWS, TOKENS = 24, 64
COLOURS = {
    Quadrant.FLOWING: "#4B5563",
    Quadrant.TREADING: "#B45309",
    Quadrant.EXPLORING: "#0072B2",
    Quadrant.RESAMPLING: "#A21C6E",
    Quadrant.ADAPTIVE: "#64748B",
}
GLYPHS = {"FLOWING": "~", "TREADING": "ε", "EXPLORING": "Ψ", "RESAMPLING": "!", "ADAPTIVE": "·"}
RIGHT, TOP = 12.0, 32.0  # bits, bits²


def collect() -> tuple[str, list[TokenEvent]]:
    """The tokens of ROWS answers."""
    model, tokenizer = load()
    engine = Engine(model, tokenizer, max_rows=ROWS)
    for i, prompt in enumerate(create_prompts_from_csv(HERE.parent / "data/prompts.csv")[:ROWS]):
        ids = tuple(tokenizer.chat(prompt.messages))
        engine.add(Request(ids, PRESETS["entropix"], TOKENS, seed=i))
    events: list[TokenEvent] = []
    while not engine.idle:
        events += [event for event in engine.step() if isinstance(event, TokenEvent)]
    return model.name, events


def _lower(y: float) -> float:
    """A line of text further down, on the cube root axis."""
    return max(np.cbrt(y) - 0.085, 0.03) ** 3


def draw(name: str, events: list[TokenEvent]) -> None:
    """The picture."""
    config = PRESETS["entropix"]
    low, high = config.low_logits_entropy_threshold, config.high_logits_entropy_threshold
    middle = config.medium_logits_entropy_threshold
    calm, wild = config.low_logits_varentropy_threshold, config.high_logits_varentropy_threshold
    figure, axes = plt.subplots(figsize=(9, 6.2), dpi=150)
    regions = [
        (Quadrant.FLOWING, 0, 0, low, calm),
        (Quadrant.TREADING, middle, 0, RIGHT, calm),
        (Quadrant.EXPLORING, 0, wild, high, TOP),
        (Quadrant.RESAMPLING, high, wild, RIGHT, TOP),
    ]
    axes.set_facecolor("#FAFAFA")
    for quadrant, x0, y0, x1, y1 in regions:
        axes.fill_between([x0, x1], y0, y1, color=COLOURS[quadrant], alpha=0.10, lw=0)
    for quadrant in Quadrant:
        chosen = [event.metrics for event in events if event.quadrant == quadrant]
        x = [m.logits_entropy for m in chosen]
        y = [m.logits_varentropy for m in chosen]
        label = f"{GLYPHS[quadrant.name]}  {quadrant.name}, {len(chosen) / len(events):.0%}"
        axes.scatter(x, y, s=14, color=COLOURS[quadrant], alpha=0.6, lw=0, label=label)
    names = [
        (Quadrant.FLOWING, 0.12, 0.035, "left"),
        (Quadrant.TREADING, 11.7, 0.035, "right"),
        (Quadrant.EXPLORING, 0.0004, 27, "left"),
        (Quadrant.RESAMPLING, 11.7, 27, "right"),
        (Quadrant.ADAPTIVE, 11.7, 1.2, "right"),
    ]
    for quadrant, x, y, side in names:
        axes.text(
            x,
            y,
            f"{GLYPHS[quadrant.name]} {quadrant.name}",
            ha=side,
            va="center",
            weight="bold",
            color=COLOURS[quadrant],
        )
        axes.text(
            x, _lower(y), quadrant.phrase, ha=side, va="center", size=8, color=COLOURS[quadrant]
        )
    cube_root = (np.cbrt, lambda value: value**3)  # shows the calm corner and the wild one
    axes.set_xscale("function", functions=cube_root)
    axes.set_yscale("function", functions=cube_root)
    axes.set(xlim=(0, RIGHT), ylim=(0, TOP))
    for axis, ticks in (
        (axes.xaxis, [0, 0.01, 0.1, 0.5, 1, 2, 3, 5, 8, 12]),
        (axes.yaxis, [0, 0.01, 0.1, 0.5, 1, 2, 5, 10, 20, 30]),
    ):
        axis.set_ticks(ticks, labels=[f"{tick:g}" for tick in ticks])
    axes.set_xlabel("entropy of the logits, bits")
    axes.set_ylabel("varentropy of the logits, bits²")
    axes.set_title(f"{len(events):,} tokens of {name} under the preset `entropix`", size=11)
    axes.legend(loc="center", bbox_to_anchor=(0.16, 0.7), fontsize=8, framealpha=0.9)
    axes.spines[["top", "right"]].set_visible(False)
    figure.tight_layout()
    figure.savefig(HERE / "entropy_quadrants.png")


if __name__ == "__main__":
    draw(*collect())
