"""Draw `images/terminal.svg`: a real answer of the bundled model, as the terminal shows it.

uv run python images/make_terminal.py
"""

import io
import re
from pathlib import Path

from rich.console import Console
from rich.segment import Segment, Segments
from rich.terminal_theme import TerminalTheme
from rich.text import Text

from mlx_entropix import load, stream_generate
from mlx_entropix.cli.style import legend, token_segments
from mlx_entropix.cli.tally import Tally
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

    console = Console(record=True, width=COLUMNS, file=io.StringIO(), highlight=False)
    console.print(Text.assemble(("$ ", "dim"), f'uv run mlx_main.py --input "{QUESTION}"'))
    console.print(legend())
    for segment in wrapped(tally):
        console.print(segment, end="", soft_wrap=True)
    console.print()
    console.print(tally.closing_lines(COLUMNS))
    svg = console.export_svg(title=model.name, theme=THEME)
    # A picture fetches nothing: it has the reader's own monospaced font.
    svg = re.sub(r"@font-face \{.*?\}", "", svg, flags=re.DOTALL)
    Path(__file__).with_name("terminal.svg").write_text(svg, encoding="utf-8")


def wrapped(tally: Tally) -> list[Segments]:
    """The answer with the line breaks that a terminal makes, which a picture has to make itself."""
    lines, column = [], 0
    for event in tally.events:
        for segment in token_segments(event.text, event.quadrant).segments:
            for character in segment.text:
                if column == COLUMNS and character != "\n":
                    lines.append(Segments([Segment.line()]))
                    column = 0
                lines.append(Segments([Segment(character, segment.style)]))
                column = 0 if character == "\n" else column + 1
    return lines


if __name__ == "__main__":
    main()
