"""How a command says that something went wrong."""

import re
import sys

from mlx_entropix.cli.console import make_console

# The end of a sentence: not the point of "Llama 3.2" nor of ".gguf".
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+(?=[A-Z`])")


def print_error(message: str, *, no_color: bool | None = None) -> None:
    """Write `error: what is wrong` to stderr, and on the next line what to do.

    The first sentence of `message` says what is wrong, the rest what to do. `error:` is red in a
    terminal, unless `no_color` or NO_COLOR says otherwise.
    """
    from rich.text import Text

    console = make_console(sys.stderr, no_color=bool(no_color))
    problem, *remedy = _SENTENCE_END.split(message.strip(), maxsplit=1)
    console.print(Text("error: ", "bold red") + Text(problem, "default"))
    for line in remedy:
        console.print(Text(line))
