"""How the quadrants look in a terminal: the same language as on the web page.

Colour is kept for the tokens where the model hesitated. FLOWING is plain text.
"""

from rich.segment import Segment, Segments
from rich.style import Style
from rich.text import Text

from mlx_entropix.cli.console import visible
from mlx_entropix.sampling import Quadrant

GLYPHS = {
    Quadrant.FLOWING: "~",
    Quadrant.ADAPTIVE: "·",
    Quadrant.TREADING: "ε",
    Quadrant.EXPLORING: "Ψ",
    Quadrant.RESAMPLING: "!",
}

STYLES = {
    Quadrant.FLOWING: Style(),
    Quadrant.ADAPTIVE: Style(color="bright_black", underline=True),
    Quadrant.TREADING: Style(color="yellow", underline=True),
    Quadrant.EXPLORING: Style(color="blue", underline=True),
    Quadrant.RESAMPLING: Style(color="magenta", underline=True),
}

_DIM = Style(dim=True)
_BRIGHT = Style(dim=False)


def token_segments(text: str, quadrant: Quadrant | None) -> Segments:
    """A token's text in the style of its quadrant, for printing with `end=""`.

    The text is the model's own: it is written as it is, less its control characters. The space
    before a word is not underlined, so that one sees where a token begins.
    """
    text = visible(text)
    word = text.lstrip()
    space = text[: len(text) - len(word)]
    style = STYLES[quadrant] if quadrant is not None else None
    return Segments([Segment(part, own) for part, own in ((space, None), (word, style)) if part])


def legend() -> Text:
    """One dim line that names the quadrants, each in its own style."""
    line = Text(style=_DIM)
    for quadrant, glyph in GLYPHS.items():
        line.append("  " if line else "")
        line.append(f"{glyph} ").append(quadrant.name.lower(), STYLES[quadrant] + _BRIGHT)
    return line
