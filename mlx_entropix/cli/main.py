"""The console script `mlx-entropix`: one word that says what to do, then that command's options."""

import sys
from importlib import import_module

_COMMANDS = {
    "ask": ("ask", "one prompt, a list of prompts, or a chat (the default)"),
    "calibrate": ("calibrate", "fit the sampler's thresholds to a model"),
    "compare": ("compare", "compare traces, with intervals and a picture"),
    "download": ("download", "get the weights of a model"),
    "score": ("score_file", "what the model thinks of each token of a text, and its perplexity"),
    "serve": ("serve", "the HTTP server"),
}


def main(argv: list[str] | None = None) -> int:
    """Run the command that the first argument names, `ask` where it names none.

    Returns its exit code: 0 done, 1 failed, 2 bad usage or bad input, 130 interrupted.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    if words and words[0] in ("-h", "--help"):
        print(_help())
        return 0
    name = "ask"
    if words and not words[0].startswith("-"):
        name = words.pop(0)
    if name not in _COMMANDS:
        from mlx_entropix.cli.screen import print_error

        print_error(f"There is no command {name!r}. Choose one of {', '.join(_COMMANDS)}.")
        return 2
    try:
        module = import_module(f"mlx_entropix.cli.{_COMMANDS[name][0]}")
        return int(module.main(words))
    except ImportError as error:
        from mlx_entropix.backend import backend_error
        from mlx_entropix.cli.screen import print_error

        if (known := backend_error(error)) is None:
            raise
        print_error(str(known))
        return known.exit_code


def _help() -> str:
    width = max(map(len, _COMMANDS))
    lines = [f"  {name:{width}}  {text}" for name, (_, text) in _COMMANDS.items()]
    usage = "usage: mlx-entropix [COMMAND] [options]"
    more = "`mlx-entropix COMMAND --help` lists a command's options."
    return "\n".join([usage, "", "commands:", *lines, "", more])


if __name__ == "__main__":
    sys.exit(main())
