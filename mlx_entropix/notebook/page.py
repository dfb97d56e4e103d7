"""Tokens as a piece of HTML: tinted text, a legend, and a card for the token one points at.

It stands alone: no script, no network, nothing to load. All text is escaped. The card takes the
place of the legend below the text, so it covers no line and needs no room of its own. Where a host
drops style sheets, the text is left.
"""

import math
from collections import Counter
from collections.abc import Sequence
from html import escape

from mlx_entropix.notebook.seen import SeenToken
from mlx_entropix.sampling import Quadrant
from mlx_entropix.sampling.metrics import ABOUT
from mlx_entropix.sampling.quadrants import FROM_SUREST
from mlx_entropix.sampling.tint import COLOURS, LOST_BITS, SURE_BITS, strength

_MOST_CARDS = 1000  # of more tokens only those have cards that are tinted
_MOST_ALTERNATIVES = 6
_PLAIN = "none"  # the class of tokens without a quadrant

# Jupyter, VS Code, Colab and Sphinx say each in their own way that the ground is dark.
_DARK = (
    '[data-jp-theme-light="false"] .mlxe, .vscode-dark .mlxe, '
    'html[theme="dark"] .mlxe, [data-theme="dark"] .mlxe'
)

_RULES = """
.mlxe { position: relative; font: 15px/1.75 system-ui, sans-serif; padding-bottom: 132px }
.mlxe-text { white-space: pre-wrap; overflow-wrap: anywhere; max-width: 44em; max-height: 60vh; overflow-y: auto }
.mlxe-aside { opacity: .62 }
.mlxe-t { border-radius: 3px; cursor: default }
.mlxe-t:hover, .mlxe-t:focus { outline: 2px solid var(--accent) }
.mlxe-w { border-radius: 3px; text-decoration: underline 2px var(--hue); text-underline-offset: .28em;
  background: color-mix(in oklab, var(--hue) calc(10% + 25% * var(--s)), transparent) }
.mlxe-w.adaptive { background: none; text-decoration-thickness: 1px }
.mlxe-w.treading { text-decoration-style: dashed }
.mlxe-w.resampling { text-decoration-style: wavy; text-decoration-thickness: 1.5px }
.mlxe-w.none { text-decoration: none }
.mlxe-note, .mlxe-legend, .mlxe-card { font-size: 12px; line-height: 18px }
.mlxe-note, .mlxe-legend { opacity: .75 }
.mlxe-legend { position: absolute; left: 0; right: 0; top: calc(100% - 124px) }
.mlxe-legend > span { margin-right: 1.2em; white-space: nowrap }
.mlxe-card { display: none; position: absolute; left: 0; right: 0; top: calc(100% - 124px); height: 112px;
  overflow: auto; padding: 5px 10px; border-radius: 6px; background: var(--card); color: var(--ink);
  border: 1px solid var(--line); gap: 4px 20px; white-space: normal; font-variant-numeric: tabular-nums }
.mlxe-t:hover > .mlxe-card { display: flex; z-index: 2 }
.mlxe-t:focus > .mlxe-card { display: flex; z-index: 1 }
.mlxe-card > span { flex: none; max-width: 15em }
.mlxe-card .mlxe-grid { display: grid; grid-template-columns: auto auto; column-gap: 10px; max-width: none;
  align-content: start }
.mlxe-grid > :nth-child(even) { text-align: right }
.mlxe-card code { font-size: 14px; font-weight: 600; background: none; color: inherit }
"""  # noqa: E501


def page(tokens: Sequence[SeenToken], note: str) -> str:
    """The tokens as HTML, with a `note` (plain text) on the whole below them."""
    tinted = [_tinted(token) for token in tokens]
    everywhere = len(tokens) <= _MOST_CARDS
    body = "".join(
        _token(token, number, share, with_card=everywhere or share > 0)
        for number, (token, share) in enumerate(zip(tokens, tinted, strict=True), start=1)
    )
    if not everywhere:
        note += " · cards for the tinted tokens"
    return (
        f'<div class="mlxe"><style>{_styles()}</style><div class="mlxe-text">{body}</div>'
        f'<div class="mlxe-note">{escape(note)}</div>{_legend(tokens)}</div>'
    )


def _styles() -> str:
    """The rules, with the colours of light and dark grounds."""
    hues = {
        _PLAIN if quadrant is None else quadrant.name.lower(): colour
        for quadrant, colour in COLOURS.items()
    }
    light = "".join(f"--{name}: #{colour.light:06X}; " for name, colour in hues.items())
    dark = "".join(f"--{name}: #{colour.dark:06X}; " for name, colour in hues.items())
    return (
        f".mlxe {{ {light}--card: #FFFFFF; --ink: #1C1C1F; --line: #E6E6E2; --accent: #2F5FD0 }}\n"
        f"{_DARK} {{ {dark}--card: #232326; --ink: #ECECEE; --line: #3A3A40; --accent: #8FB0FF }}"
        f"{_RULES}" + "".join(f".mlxe .{name} {{ --hue: var(--{name}) }}\n" for name in hues)
    )


def _tinted(token: SeenToken) -> float:
    """How strongly a token is tinted, 0 to 1."""
    if token.metrics is None or token.logprob is None or token.quadrant is Quadrant.FLOWING:
        return 0.0
    return strength(token.metrics.logits_entropy, token.logprob)


def _token(token: SeenToken, number: int, share: float, *, with_card: bool) -> str:
    """One token; the space before a word is not tinted, so that one sees where it begins."""
    text = token.text
    if not text and not token.aside:
        return ""  # a part of a character, which comes with a later token
    word = text.lstrip()
    space, word = escape(text[: len(text) - len(word)]), escape(word or token.name * (not text))
    if share > 0 and word:
        look = f'class="mlxe-w {_class_of(token.quadrant)}" style="--s:{share:.2f}"'
        word = f"<span {look}>{word}</span>"
    aside = " mlxe-aside" if token.aside else ""
    stop = ' tabindex="0"' if share > 0 else ""
    card = _card(token, number) if with_card else ""
    return f'{space}<span class="mlxe-t{aside}"{stop}>{word}{card}</span>'


def _class_of(quadrant: Quadrant | None) -> str:
    return _PLAIN if quadrant is None else quadrant.name.lower()


def _card(token: SeenToken, number: int) -> str:
    """All that is known of a token."""
    blocks = [_what(token, number)]
    if token.metrics is not None and token.logprob is not None:
        rows = [
            (name.replace("_", " "), _with_unit(value, getattr(ABOUT, name).unit))
            for name, value in token.metrics._asdict().items()
        ]
        blocks.append(_grid([*rows[:2], ("log-probability", _with_unit(token.logprob, "nats"))]))
        blocks.append(_grid(rows[2:]))
    if token.parameters is not None:
        drawn = token.parameters._asdict().items()
        blocks.append(_grid([(name.replace("_", " "), _number(value)) for name, value in drawn]))
    if token.alternatives:
        others = token.alternatives[:_MOST_ALTERNATIVES]
        blocks.append(_grid([(_visible(text), _percent(logprob)) for text, logprob in others]))
    return f'<span class="mlxe-card">{"".join(f"<span{b}</span>" for b in blocks)}</span>'


def _what(token: SeenToken, number: int) -> str:
    """The token, how likely it was, and what the sampler made of it."""
    likely = "" if token.logprob is None else f" {_percent(token.logprob)}"
    rank = "" if token.rank is None else f", rank {token.rank}"
    lines = [f"<code>{escape(_visible(token.text or token.name))}</code>{likely}{rank}"]
    if token.quadrant is not None:
        name = f"{token.quadrant.glyph} <b>{token.quadrant.name}</b>"
        lines.append(f"{name} – {escape(token.quadrant.phrase)}")
    if token.metrics is None:
        lines.append("Nothing foretold it.")
    elif token.drawn and token.parameters is None:
        lines.append("No draw was made here.")
    lines.append(f"token {number}, position {token.position}")
    return ">" + "<br>".join(lines)


def _grid(rows: Sequence[tuple[str, str]]) -> str:
    cells = "".join(f"<span>{escape(a)}</span><span>{escape(b)}</span>" for a, b in rows)
    return f' class="mlxe-grid">{cells}'


def _legend(tokens: Sequence[SeenToken]) -> str:
    """What the colours mean, and how many tokens are of each quadrant."""
    counts = Counter(token.quadrant for token in tokens if token.quadrant is not None)
    total = sum(counts.values())
    parts = []
    for quadrant in FROM_SUREST if total else ():
        name = quadrant.name.lower()
        of = "" if quadrant is Quadrant.FLOWING else f'class="mlxe-w {name}" style="--s:1"'
        share = f"{100 * counts[quadrant] / total:.0f} %"
        title = escape(quadrant.phrase)
        parts.append(
            f'<span title="{title}">{quadrant.glyph} <span {of}>{name}</span> {share}</span>'
        )
    ramp = "".join(
        f'<span class="mlxe-w {_PLAIN}" style="--s:{k / 4}">&nbsp;&nbsp;</span>' for k in range(5)
    )
    bits = f"{SURE_BITS:g} to {LOST_BITS:g} bits of entropy or surprise"
    parts.append(f"<span>{'stronger: less sure,' if total else f'{ramp} less sure:'} {bits}</span>")
    return f'<div class="mlxe-legend">{"".join(parts)}<br>Point at a word for its numbers.</div>'


def _with_unit(value: float | None, unit: str) -> str:
    return "–" if value is None else f"{_number(value)} {unit}".rstrip()


def _number(value: float) -> str:
    return f"{value:.3g}".replace("-", "−")


def _percent(logprob: float) -> str:
    share = 100 * math.exp(logprob)
    if 0 < share < 1:
        return "<0.1 %" if share < 0.1 else f"{share:.1f} %"
    return f"{share:.0f} %"


_SIGNS = {ord(" "): "␣", ord("\n"): "⏎", ord("\t"): "⇥", ord("\r"): "␍"}


def _visible(text: str) -> str:
    return text.translate(_SIGNS)
