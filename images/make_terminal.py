"""Draw `images/terminal.svg` and `images/forks.svg`: real answers, as the terminal shows them.

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

from mlx_entropix import load
from mlx_entropix.cli.fork_tree import fork_tree
from mlx_entropix.cli.style import legend, token_segments
from mlx_entropix.cli.tally import Tally
from mlx_entropix.cli.wrap import Lines
from mlx_entropix.engine import (
    Engine,
    Event,
    ForkConfig,
    Request,
    Settled,
    encode_prompt,
    fork_config,
    forked,
    stream_request,
)
from mlx_entropix.model.decoder import Decoder
from mlx_entropix.prompts import SYSTEM_PROMPT, Prompt
from mlx_entropix.sampling.auto import auto_sampler
from mlx_entropix.text import Tokenizer

QUESTION = "What is the capital of France, and what is it famous for?"
DIVIDED = "Which is larger, 9.9 or 9.11?"
SEED = 0
MAX_TOKENS = 90, 4096
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
    os.environ["COLORFGBG"] = "15;0"  # a dark terminal, as THEME is
    model, tokenizer = load()
    picture(model, tokenizer, "terminal.svg", f'--input "{QUESTION}"', QUESTION, MAX_TOKENS[0])
    command = f'--fork entropy --input "{DIVIDED}"'
    fork = fork_config("entropy")
    picture(model, tokenizer, "forks.svg", command, DIVIDED, MAX_TOKENS[1], fork)


def picture(
    model: Decoder,
    tokenizer: Tokenizer,
    name: str,
    command: str,
    question: str,
    max_tokens: int,
    fork: ForkConfig | None = None,
) -> None:
    """One answer, and its tree where it forks."""
    prompt = encode_prompt(tokenizer, Prompt("image", question, SYSTEM_PROMPT).messages)
    request = Request(prompt, auto_sampler(model.name, model.weights).config, max_tokens, SEED)
    request = request if fork is None else forked(request, fork)
    tally = Tally.of(request)

    def on_path(event: Event) -> None:
        if isinstance(event, Settled):
            tally.settled = event

    engine = Engine(model, tokenizer, max_rows=fork.paths if fork else 1)
    for event in stream_request(engine, request, on_path=on_path):
        tally.add(event)

    console = Console(
        record=True,
        width=COLUMNS,
        file=io.StringIO(),
        highlight=False,
        force_terminal=True,
        color_system="truecolor",
    )
    console.print(Text.assemble(("$ ", "dim"), f"uv run mlx_main.py {command}"))
    console.print(legend(console, quadrants=True))
    lines = Lines(COLUMNS)
    for event in tally.events:
        segments = lines.add(token_segments(event, console.color_system))
        console.print(Segments(segments), end="", soft_wrap=True)
    console.print(Segments(lines.end()), end="", soft_wrap=True)
    console.print()
    console.print(tally.closing_lines(COLUMNS, color_system=console.color_system))
    if fork is not None and tally.settled is not None:
        console.print(fork_tree(tally.settled, fork, COLUMNS))
    svg = console.export_svg(title=model.name, theme=THEME)
    # A picture fetches nothing: it has the reader's own monospaced font.
    svg = re.sub(r"@font-face \{.*?\}", "", svg, flags=re.DOTALL)
    Path(__file__).with_name(name).write_text(svg, encoding="utf-8")


if __name__ == "__main__":
    main()
