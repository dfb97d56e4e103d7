"""The options of `mlx_main.py`, and which of them contradict each other."""

import argparse
from argparse import Namespace

from mlx_entropix.cli.arguments import ArgumentParser
from mlx_entropix.cli.shared_options import (
    add_sampler,
    add_weights,
    check_sampler,
    whole_number,
)
from mlx_entropix.window import LONGEST_WINDOW

DEFAULT_CSV = "data/prompts.csv"
DEFAULT_ROWS = 8

_EPILOG = """\
examples:
  uv run mlx_main.py                                    chat, in a terminal
  uv run mlx_main.py --input "What is entropy?"         one answer
  git diff | uv run mlx_main.py --input - --system "Review this change."
  uv run mlx_main.py --input "Once upon" --raw --sampler frog --seed 7
  uv run mlx_main.py --prompts --trace run.jsonl        five prompts, every token recorded
  uv run mlx_main.py --prompt_csv roles.csv --rows 16 --json > answers.jsonl

Hyphens and underscores in options are the same. Exit codes: 0 done, 1 failed while running,
2 bad usage or bad input, 130 interrupted.
"""


def make_parser() -> ArgumentParser:
    """The parser of `mlx_main.py`."""
    parser = ArgumentParser(
        prog="uv run mlx_main.py",
        usage="%(prog)s [--input TEXT | --prompts | --prompt_csv [PATH]] [options]",
        description="Language models on MLX with an entropy sampler. Without a prompt: a chat.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_prompts(parser)
    add_weights(parser.add_argument_group("model"))
    _add_sampler(parser)
    _add_answer(parser)
    _add_output(parser)
    return parser


def parse(argv: list[str] | None) -> Namespace:
    """The checked options. Exits with code 2 and a sentence where they make no sense."""
    parser = make_parser()
    options = parser.parse_args(argv)
    check_sampler(parser, options)
    problem = _contradiction(options)
    if problem:
        parser.error(problem)
    return options


def is_list(options: Namespace) -> bool:
    """Whether a list of prompts was asked for."""
    return bool(options.prompts or options.prompt_csv)


def _add_prompts(parser: ArgumentParser) -> None:
    group = parser.add_argument_group("what to ask").add_mutually_exclusive_group()
    group.add_argument("--input", metavar="TEXT", help="one prompt; - reads standard input (UTF-8)")
    group.add_argument("--prompts", action="store_true", help="five prompts that come with us")
    group.add_argument(
        "--prompt_csv",
        nargs="?",
        const=DEFAULT_CSV,
        metavar="PATH",
        help=f"the prompts of a CSV file with the columns act,prompt (default: {DEFAULT_CSV})",
    )
    more = parser.add_argument_group("how to ask")
    more.add_argument("--system", metavar="TEXT", help='another system prompt; "" for none')
    more.add_argument("--raw", action="store_true", help="send the text as is, no chat template")
    more.add_argument(
        "--rows",
        type=whole_number(1),
        metavar="N",
        help=f"prompts of a list that are answered at once (default: {DEFAULT_ROWS})",
    )


def _add_sampler(parser: ArgumentParser) -> None:
    group = parser.add_argument_group("sampler")
    add_sampler(group, "")
    group.add_argument("--temperature", type=float, metavar="X", help="base temperature, 0 to 5")
    group.add_argument("--top_p", type=float, metavar="X", help="base top-p, 0 to 1")
    group.add_argument("--top_k", type=int, metavar="N", help="base top-k")
    group.add_argument("--min_p", type=float, metavar="X", help="base min-p, 0 to 1")
    group.add_argument(
        "--seed", type=int, default=0, metavar="N", help="equal seeds, equal answers (default: 0)"
    )


def _add_answer(parser: ArgumentParser) -> None:
    group = parser.add_argument_group("answer")
    group.add_argument(
        "--max_tokens",
        type=whole_number(1),
        default=4096,
        metavar="N",
        help="the longest answer, in tokens (default: %(default)s)",
    )
    group.add_argument(
        "--stop",
        type=not_empty,
        action="append",
        default=[],
        metavar="TEXT",
        help="end the answer before this text; may be given several times",
    )


def _add_output(parser: ArgumentParser) -> None:
    group = parser.add_argument_group("output")
    group.add_argument(
        "--trace", metavar="FILE", help="write every token with its metrics as JSON Lines"
    )
    group.add_argument(
        "--window",
        type=window_size,
        default=0,
        metavar="W",
        help="add to each token of the trace the mean and the slope of every metric over the last W"
        " tokens (default: 0, none)",
    )
    group.add_argument(
        "--json",
        action="store_true",
        help="print one JSON object a prompt, on a line of its own, and nothing else",
    )
    group.add_argument("--quiet", action="store_true", help="print the answer alone")
    group.add_argument("--no_color", action="store_true", help="plain text, as with NO_COLOR set")
    group.add_argument("--debug", action="store_true", help="show a traceback with an error")


def not_empty(text: str) -> str:
    """Text of at least one character, for argparse."""
    if not text:
        raise argparse.ArgumentTypeError("the text is empty, give at least one character")
    return text


def window_size(text: str) -> int:
    """A number of tokens for a window, 0 for none, for argparse."""
    size = whole_number(0)(text)
    if size > LONGEST_WINDOW:
        raise argparse.ArgumentTypeError(
            f"{text} is too large, it must be at most {LONGEST_WINDOW}"
        )
    return size


def _contradiction(options: Namespace) -> str | None:
    chats = options.input is None and not is_list(options)
    if options.raw and options.system is not None:
        return "--raw sends the text as it is, so there is no place for --system."
    if options.window and not options.trace:
        return "--window adds to the trace, so it needs --trace FILE."
    if options.rows is not None and not is_list(options):
        return "--rows is for a list of prompts: --prompts or --prompt_csv."
    if chats and (options.raw or options.json):
        option = "--raw" if options.raw else "--json"
        return f"{option} needs a prompt: --input, --prompts or --prompt_csv."
    return None
