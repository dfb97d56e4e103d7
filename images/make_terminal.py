"""Draw `images/terminal.svg`: a real answer of the bundled model, as the terminal shows it.

uv run python images/make_terminal.py
"""

import io
import os
import re
from pathlib import Path

from rich.console import Console
from rich.segment import Segments
from rich.terminal_theme import TerminalTheme
from rich.text import Text

from mlx_entropix import load, stream_generate
from mlx_entropix.cli.style import legend, token_segments
from mlx_entropix.cli.tally import Tally
from mlx_entropix.cli.wrap import Lines
from mlx_entropix.prompts import SYSTEM_PROMPT, Prompt

QUESTION = "What is the capital of France, and what is it famous for?"
SEED = 0
MAX_TOKENS = 90
COLUMNS = 88

# The dark colours of the web page, so that both speak one language.
THEME = TerminalTheme(
    (22, 22, 24),
    (236, 236, 238),
    [
        *((22, 22, 24), (248, 113, 113), (74, 222, 128), (251, 191, 36)),
        *((86, 180, 233), (229, 138, 192), (103, 232, 249), (236, 236, 238)),
    ],
    [
        *((148, 163, 184), (248, 113, 113), (74, 222, 128), (251, 191, 36)),
        *((86, 180, 233), (229, 138, 192), (103, 232, 249), (255, 255, 255)),
    ],
)


def main() -> None:
    """Ask, and save what the terminal would show."""
    tally = Tally()
    model, tokenizer = load()
    messages = Prompt("image", QUESTION, SYSTEM_PROMPT).messages
    for event in stream_generate(model, tokenizer, messages, seed=SEED, max_tokens=MAX_TOKENS):
        tally.add(event)

    os.environ["COLORFGBG"] = "15;0"  # a dark terminal, as THEME is
    console = Console(
        record=True,
        width=COLUMNS,
        file=io.StringIO(),
        highlight=False,
        force_terminal=True,
        color_system="truecolor",
    )
    console.print(Text.assemble(("$ ", "dim"), f'uv run mlx_main.py --input "{QUESTION}"'))
    console.print(legend(console, quadrants=True))
    lines = Lines(COLUMNS)
    for event in tally.events:
        segments = lines.add(token_segments(event, console.color_system))
        console.print(Segments(segments), end="", soft_wrap=True)
    console.print(Segments(lines.end()), end="", soft_wrap=True)
    console.print()
    console.print(tally.closing_lines(COLUMNS, color_system=console.color_system))
    svg = console.export_svg(title=model.name, theme=THEME)
    # A picture fetches nothing: it has the reader's own monospaced font.
    svg = re.sub(r"@font-face \{.*?\}", "", svg, flags=re.DOTALL)
    Path(__file__).with_name("terminal.svg").write_text(svg, encoding="utf-8")


if __name__ == "__main__":
    main()
