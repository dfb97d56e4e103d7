"""How tokens look in a terminal: the same language as on the web page.

A word is coloured only where the model hesitated, and as strongly as it did. Hue, line and glyph
say the quadrant. The strength grows in three steps that any terminal shows (the hue alone; with an
underline; bold too); where there are colours enough, the hue also grows between them. A weak tint
is not a dim one: a dim blue cannot be read on black. sampling/tint.py has the rule.
"""

import os
from dataclasses import dataclass

from rich.color import Color, ColorSystem, ColorTriplet, blend_rgb
from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from rich.text import Text

from mlx_entropix.cli.screen import visible
from mlx_entropix.engine import PromptToken, TokenEvent
from mlx_entropix.sampling import Quadrant
from mlx_entropix.sampling.quadrants import FROM_SUREST
from mlx_entropix.sampling.tint import COLOURS, LOST_BITS, SURE_BITS, strength

_DIM = Style(dim=True)
_BRIGHT = Style(dim=False)
_FAINT_LINE = Style(dim=True, underline=True)

# From so much strength on a word is underlined, and bold.
_LINE_FROM, _BOLD_FROM = 1 / 3, 2 / 3
# The hue of the weakest tint is seen already; from there it grows in even steps.
_WEAKEST_HUE = 0.35


@dataclass(frozen=True)
class Hue:
    """A colour by its name among a terminal's sixteen, and as RGB on each ground.

    `unknown` is of middle lightness, above 4.3 to 1 against white and against black: few terminals
    say what their background is like.
    """

    name: str
    dark: ColorTriplet
    light: ColorTriplet
    unknown: ColorTriplet


def _hue(quadrant: Quadrant | None, name: str, unknown: int) -> Hue:
    return Hue(name, *(ColorTriplet(*c.to_bytes(3)) for c in (*COLOURS[quadrant], unknown)))


HUES = {
    Quadrant.TREADING: _hue(Quadrant.TREADING, "yellow", 0xBC5A17),
    Quadrant.EXPLORING: _hue(Quadrant.EXPLORING, "bright_blue", 0x167BBC),
    Quadrant.RESAMPLING: _hue(Quadrant.RESAMPLING, "magenta", 0xC6438D),
}
PLAIN_HUE = _hue(None, "cyan", 0x25837B)
"""Under the plain sampler, which has no quadrants."""

# What a hue grows from: a grey as light as the hue itself, so that no tint is hard to read.
_GREYS = Hue("", *(ColorTriplet(grey, grey, grey) for grey in (0xC8, 0x4A, 0x78)))


def token_style(event: TokenEvent, color_system: str | None) -> Style:
    """The style of a token's text, on a console with that `color_system` (rich's names)."""
    return style_of(
        event.quadrant, strength(event.metrics.logits_entropy, event.logprob), color_system
    )


def style_of(quadrant: Quadrant | None, strength: float, color_system: str | None) -> Style:
    """The style that says a quadrant (None: the plain sampler) at a strength of 0 to 1."""
    if strength == 0 or quadrant == Quadrant.FLOWING:
        return Style.null()
    if quadrant == Quadrant.ADAPTIVE:
        return _FAINT_LINE
    hue = PLAIN_HUE if quadrant is None else HUES[quadrant]
    return Style(
        color=_color(hue, strength, color_system),
        underline=strength >= _LINE_FROM or None,
        bold=strength >= _BOLD_FROM or None,
    )


def _color(hue: Hue, strength: float, color_system: str | None) -> Color:
    ground = _ground()
    if color_system == "256":
        return Color.from_triplet(getattr(hue, ground)).downgrade(ColorSystem.EIGHT_BIT)
    if color_system != "truecolor":
        return Color.parse(hue.name)
    share = _WEAKEST_HUE + (1 - _WEAKEST_HUE) * strength
    return Color.from_triplet(blend_rgb(getattr(_GREYS, ground), getattr(hue, ground), share))


def _ground() -> str:
    """The terminal's background, `dark` or `light`, where it is one that says so in COLORFGBG."""
    index = os.environ.get("COLORFGBG", "").rpartition(";")[2]
    if not index.isdigit():
        return "unknown"
    return "light" if index in ("7", "15") else "dark"


def token_segments(
    event: TokenEvent, color_system: str | None, *, thought: str | None = None
) -> list[Segment]:
    """A token's text in its style, for a console with that `color_system`.

    The text is the model's own: it is written as it is, less its control characters. The space
    before a word is not underlined, so that one sees where a token begins. With a `thought` that is
    the text, and where it would be plain it is dim.
    """
    style = token_style(event, color_system)
    if thought is None:
        return _segments(event.text, style)
    return _segments(thought, style or _DIM)


def prompt_segments(text: str, token: PromptToken, color_system: str | None) -> list[Segment]:
    """The same for a token of a prompt, of which `text` is what it added to the prompt's text."""
    if token.metrics is None or token.logprob is None:  # the first, which nothing foretold
        return _segments(text, Style.null())
    unsure = strength(token.metrics.logits_entropy, token.logprob)
    return _segments(text, style_of(token.quadrant, unsure, color_system))


def _segments(text: str, style: Style) -> list[Segment]:
    text = visible(text)
    word = text.lstrip()
    space = text[: len(text) - len(word)]
    return [Segment(part, own) for part, own in ((space, None), (word, style)) if part]


def legend(console: Console, *, quadrants: bool) -> Text:
    """One dim line that says what the tints mean; without `quadrants` there is one hue."""
    if not quadrants:
        line = Text("stronger", style_of(None, 1, console.color_system) + _BRIGHT)
        bits = f"{SURE_BITS:g} to {LOST_BITS:g} bits of entropy or surprise"
        return Text(style=_DIM).append_text(line).append(f" = less sure: {bits}")
    line = Text(style=_DIM)
    for quadrant in FROM_SUREST:
        name = quadrant.name.lower()
        line.append(f"{quadrant.glyph} ").append(
            name, glyph_style(quadrant, console.color_system, line=True)
        )
        line.append("  ")
    return line.append("strong = unsure")


def glyph_style(quadrant: Quadrant, color_system: str | None, *, line: bool = False) -> Style:
    """The style of a quadrant's name or sign, undimmed; underlined only where `line` is wanted."""
    style = style_of(quadrant, 1, color_system)
    if quadrant == Quadrant.ADAPTIVE:
        return style if line else _DIM
    return style + _BRIGHT + (Style.null() if line else Style(underline=False))
