"""The command `tokenize`: what the model is given for a text, token by token."""

import argparse
from argparse import Namespace
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from mlx_entropix.cli.ask_options import variables
from mlx_entropix.cli.command import ArgumentParser, add_debug, run
from mlx_entropix.cli.given_text import check_text, standard_input, system_prompt
from mlx_entropix.errors import UsageError
from mlx_entropix.prompts import Prompt

if TYPE_CHECKING:
    from rich.console import Console

    from mlx_entropix.text import Tokenizer

_EPILOG = """\
examples:
  mlx-entropix tokenize "What is entropy?"
  mlx-entropix tokenize --chat "What is entropy?"       as a question is sent
  mlx-entropix tokenize --special_tokens "<|im_start|>user"
  mlx-entropix tokenize --json < essay.txt

Above each id stands what the token writes: ␣ for a space at its ends, \\n for a line break, \\xf0
for a byte that is a part of a character.
"""


def main(argv: list[str] | None = None) -> int:
    """Run the command and return its exit code: 0 done, 1 failed, 2 bad input, 130 interrupted."""
    parser = make_parser()
    options = parser.parse_args(argv)
    if not options.chat and (options.system is not None or options.chat_template_kwargs):
        parser.error("--system and --chat_template_kwargs are for a chat: add --chat.")
    if options.chat and options.special_tokens:
        parser.error("--chat takes the text as a message, in which names of tokens are text.")
    return run(lambda: _run(options), options)


def make_parser() -> ArgumentParser:
    """The parser of `mlx-entropix tokenize`."""
    parser = ArgumentParser(
        prog="mlx-entropix tokenize",
        description="Show the tokens of a text as the model is given them. No model is loaded.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "text", nargs="?", default="-", metavar="TEXT", help="- or none reads standard input"
    )
    parser.add_argument(
        "--weights_dir",
        "--model",
        metavar="WEIGHTS",
        help="a folder, a .gguf file or a Hugging Face repo id whose tokenizer to take (default: "
        "that of the model that answers by default)",
    )
    parser.add_argument(
        "--chat", action="store_true", help="as a user's message, through the chat template"
    )
    parser.add_argument("--system", metavar="TEXT", help='another system prompt; "" for none')
    parser.add_argument(
        "--chat_template_kwargs",
        type=variables,
        default={},
        metavar="JSON",
        help="more variables of the chat template",
    )
    parser.add_argument(
        "--special_tokens",
        action="store_true",
        help="read names of control tokens in the text as these tokens",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--no_color", action="store_true", help="plain text, as with NO_COLOR set")
    add_debug(parser)
    return parser


def _run(options: Namespace) -> None:
    from mlx_entropix.cli.download import hub_bar
    from mlx_entropix.cli.screen import make_screen
    from mlx_entropix.weights.locate import locate_weights

    screen = make_screen(no_color=options.no_color, quiet=False, is_json=options.json)
    text = standard_input("text", "an argument") if options.text == "-" else options.text
    check_text(text, "The text")
    if not text:
        raise UsageError("The text is empty. Give it at least one character.")
    location = locate_weights(options.weights_dir, hub_bar())
    from mlx_entropix.text import load_tokenizer

    tokenizer = load_tokenizer(location.path)
    if options.chat:
        chat: dict[str, Any] = {"chat_template_kwargs": options.chat_template_kwargs}
        messages = Prompt("text", text, system_prompt(options.system)).messages
        ids, text = tokenizer.chat(messages, **chat), tokenizer.chat_text(messages, **chat)
    else:
        ids = tokenizer.encode(text, control_tokens=options.special_tokens)
    if options.json:
        tokens = [{"id": token_id, "piece": tokenizer.piece(token_id)} for token_id in ids]
        screen.print_json(
            {"model": location.name, "text": text, "count": len(ids), "tokens": tokens}
        )
        return
    _show(screen.answers, tokenizer, ids)
    n, size = len(ids), len(text)
    screen.notes.print(
        f"{n:,} token{'s' * (n != 1)} · {size:,} character{'s' * (size != 1)} · {location.name}",
        style="dim",
    )


class _Cell(NamedTuple):
    piece: str
    id: str
    style: str
    ends_line: bool
    columns: int  # that the piece takes

    @property
    def width(self) -> int:
        """The columns that the cell takes."""
        return max(self.columns, len(self.id)) + 1


def _show(console: "Console", tokenizer: "Tokenizer", ids: Sequence[int]) -> None:
    """What each token writes, with its id below; a line of the text begins a new line."""
    from rich.text import Text

    for line in _lines([_cell(tokenizer, id, at) for at, id in enumerate(ids)], console.width):
        above, below = Text(), Text(style="dim")
        for cell in line:
            above.append(cell.piece, cell.style).append(" " * (cell.width - cell.columns))
            below.append(cell.id.ljust(cell.width))
        above.rstrip()
        below.rstrip()
        console.print(above)
        console.print(below)


def _cell(tokenizer: "Tokenizer", token_id: int, at: int) -> _Cell:
    """A token; neighbours are told apart by their colours, and control tokens by theirs."""
    from rich.cells import cell_len

    from mlx_entropix.cli.screen import visible

    text = tokenizer.token_text(token_id)
    style = ("cyan", "yellow")[at % 2] if tokenizer.is_text(token_id) else "bold magenta"
    word = text.strip(" ")
    before = len(text) - len(text.lstrip(" "))
    shown = "␣" * before + word + "␣" * (len(text) - before - len(word))
    shown = visible(shown.replace("\n", "\\n").replace("\t", "\\t"))
    return _Cell(shown, str(token_id), style, text.endswith("\n"), cell_len(shown))


def _lines(cells: Sequence[_Cell], width: int) -> Iterator[list[_Cell]]:
    """The cells in lines of a console of so many columns."""
    line: list[_Cell] = []
    taken = 0
    for cell in cells:
        if line and taken + cell.width > width + 1:
            yield line
            line, taken = [], 0
        line.append(cell)
        taken += cell.width
        if cell.ends_line:
            yield line
            line, taken = [], 0
    if line:
        yield line
