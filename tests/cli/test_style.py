"""How strongly a word is tinted, and what a terminal makes of it."""

import io
import json
from itertools import pairwise
from pathlib import Path

import pytest
from rich.color import Color
from rich.console import Console

from mlx_entropix.cli.style import PLAIN_HUE, legend, style_of
from mlx_entropix.sampling import Quadrant
from mlx_entropix.sampling.tint import LOST_BITS, SURE_BITS, strength

CASES = json.loads((Path(__file__).parents[1] / "data" / "tint_cases.json").read_text("utf-8"))
TINTED = [Quadrant.TREADING, Quadrant.EXPLORING, Quadrant.RESAMPLING, None]
SYSTEMS = ["truecolor", "256", "standard"]


def luminance(color):
    parts = (part / 255 for part in color.get_truecolor())
    lin = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * lin[0] + 0.7152 * lin[1] + 0.0722 * lin[2]


def contrast(color, ground):
    darker, lighter = sorted((luminance(color), luminance(Color.parse(ground))))
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("case", CASES)
def test_the_cases_that_the_page_has_too(case):
    found = strength(case["logits_entropy"], case["logprob"])
    assert found == pytest.approx(case["strength"], abs=1e-9)


def test_the_strength_grows_evenly_between_its_ends():
    bits = [SURE_BITS + (LOST_BITS - SURE_BITS) * k / 9 for k in range(10)]
    assert [strength(b, 0) for b in bits] == pytest.approx([k / 9 for k in range(10)])
    assert strength(-1e9, 0) == 0
    assert strength(0, -1e9) == 1


@pytest.mark.parametrize("system", [*SYSTEMS, None])
@pytest.mark.parametrize("quadrant", [*Quadrant, None])
def test_a_sure_word_is_plain_whatever_its_quadrant(quadrant, system):
    assert not style_of(quadrant, 0, system)


@pytest.mark.parametrize("system", SYSTEMS)
@pytest.mark.parametrize("quadrant", TINTED)
def test_the_strength_is_seen_in_three_steps_or_more(quadrant, system):
    styles = [style_of(quadrant, share / 10, system) for share in range(1, 11)]
    marks = [(bool(style.underline), bool(style.bold)) for style in styles]
    assert marks == sorted(marks)
    assert set(marks) == {(False, False), (True, False), (True, True)}
    assert len(set(styles)) == (10 if system == "truecolor" else 3)
    assert not any(style.dim for style in styles)


@pytest.mark.parametrize("system", SYSTEMS)
def test_a_hue_says_one_quadrant(system):
    for share in (0.05, 0.5, 1):
        colors = {style_of(quadrant, share, system).color for quadrant in TINTED}
        assert len(colors) == len(TINTED)


def test_truecolor_grows_in_even_steps(monkeypatch):
    monkeypatch.delenv("COLORFGBG", raising=False)
    colors = [style_of(None, share / 4, "truecolor").color.triplet for share in range(1, 5)]
    reds = [color.red for color in colors]
    assert reds == sorted(reds, reverse=True)
    steps = [a - b for a, b in pairwise(reds)]
    assert max(steps) - min(steps) <= 1
    assert colors[-1] == PLAIN_HUE.unknown


@pytest.mark.parametrize("system", ["truecolor", "256"])
@pytest.mark.parametrize(
    ("told", "grounds"),
    [
        ("", ["#ffffff", "#000000"]),
        ("0;15", ["#ffffff"]),
        ("15;0", ["#161618"]),
        ("x", ["#000000"]),
    ],
)
def test_every_tint_can_be_read(monkeypatch, told, grounds, system):
    monkeypatch.setenv("COLORFGBG", told)
    # Half-way between white and black is 4.58 to 1 against either; 256 colours hit it less well.
    least = 4.3 if system == "truecolor" else 3.5
    for quadrant in TINTED:
        for share in (0.01, 0.3, 0.6, 1):
            color = style_of(quadrant, share, system).color
            for ground in grounds:
                assert contrast(color, ground) >= least, (quadrant, share, ground)


def test_adaptive_is_a_faint_line_and_no_colour():
    for share in (0.1, 1):
        style = style_of(Quadrant.ADAPTIVE, share, "truecolor")
        assert style.underline
        assert style.dim
        assert style.color is None


def test_flowing_is_plain_text_even_where_the_token_surprises():
    assert not style_of(Quadrant.FLOWING, 1, "truecolor")


@pytest.mark.parametrize("quadrants", [True, False])
def test_the_legend_is_one_line_that_says_what_strength_means(quadrants):
    out = io.StringIO()
    console = Console(file=out, width=80, force_terminal=True, color_system="standard")
    console.print(legend(console, quadrants=quadrants))
    assert out.getvalue().count("\n") == 1
    line = legend(console, quadrants=quadrants).plain
    assert "strong" in line
    assert "sure" in line
    assert all((q.name.lower() in line) == quadrants for q in Quadrant)
