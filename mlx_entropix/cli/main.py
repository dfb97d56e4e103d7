"""The console script `mlx-entropix`: one word that says what to do, then that command's options."""

import difflib
import sys
from importlib import import_module

from mlx_entropix.cli.streams import keep_streams, write_out
from mlx_entropix.installed import version

_COMMANDS = {
    "ask": ("ask", "one prompt, a list of prompts, or a chat (the default)"),
    "batch": ("ask", "a list of prompts: the CSV file that is named, or the one that comes along"),
    "calibrate": ("calibrate", "fit the sampler's thresholds to a model"),
    "chat": ("ask", "a chat, in a terminal"),
    "compare": ("compare", "compare traces, with intervals and a picture"),
    "download": ("download", "get the weights of a model"),
    "score": ("score_file", "what the model thinks of each token of a text, and its perplexity"),
    "serve": ("serve", "the HTTP server, with its web page"),
    "tokenize": ("tokenize", "the tokens of a text, or of a chat through the chat template"),
}


def main(argv: list[str] | None = None) -> int:
    """Run the command that the first argument names; without one, the arguments are those of `ask`.

    Returns its exit code: 0 done, 1 failed, 2 bad usage or bad input, 130 interrupted.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    if words and words[0] in ("-h", "--help"):
        write_out(_help() + "\n")
        return 0
    if words and words[0] == "--version":
        write_out(f"mlx-entropix {version()}\n")
        return 0
    name = "ask"
    if words and words[0] in _COMMANDS:
        name = words.pop(0)
    elif words and (close := _misspelt(words[0])):
        from mlx_entropix.cli.screen import print_error

        print_error(
            f"There is no command {words[0]!r}. Did you mean {close}? A prompt of that one word: "
            f"--input {words[0]}"
        )
        return 2
    if name == "batch":
        words.insert(0, "--prompt_csv")
    elif name == "chat":
        words.append("--chat")
    try:
        module = import_module(f"mlx_entropix.cli.{_COMMANDS[name][0]}")
        is_server = name == "serve" and argv is None  # whose process is ours
        if is_server:
            keep_streams()
        code = int(module.main(words))
        if is_server:  # it has to end at once
            module.leave(code)
        return code
    except ImportError as error:
        from mlx_entropix.backend import backend_error
        from mlx_entropix.cli.screen import print_error

        if (known := backend_error(error)) is None:
            raise
        print_error(str(known))
        return known.exit_code


def _misspelt(word: str) -> str | None:
    """The command that a first word is nearly the name of; an option is no command."""
    if word.startswith("-"):
        return None
    close = difflib.get_close_matches(word, _COMMANDS, n=1, cutoff=0.7)
    return close[0] if close else None


def _help() -> str:
    width = max(map(len, _COMMANDS))
    lines = [f"  {name:{width}}  {text}" for name, (_, text) in _COMMANDS.items()]
    usage = (
        'usage: mlx-entropix "What is entropy?" [options]\n       mlx-entropix [COMMAND] [options]'
    )
    more = "`mlx-entropix COMMAND --help` lists a command's options."
    return "\n".join([usage, "", "commands:", *lines, "", more])


if __name__ == "__main__":
    sys.exit(main())
