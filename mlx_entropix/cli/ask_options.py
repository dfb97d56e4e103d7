"""The options of the command `ask`, and which of them contradict each other."""

import argparse
import json
import sys
from argparse import Namespace
from typing import Any

from mlx_entropix.choices import EXTRACTORS, FORKS, MOST_PATHS, ROWS_AT_ONCE
from mlx_entropix.cli.command import (
    ArgumentParser,
    add_base_values,
    add_changes,
    add_debug,
    add_model,
    add_sampler,
    add_speculation,
    check_model,
    check_sampler,
    check_speculation,
    whole_number,
)
from mlx_entropix.cli.on_ranks import add_parallel, alone
from mlx_entropix.installed import PROMPTS_CSV, called
from mlx_entropix.prompts import SYSTEM_PROMPT
from mlx_entropix.ranks.launch import DATA, PIPELINE, TENSOR
from mlx_entropix.window import LONGEST_WINDOW

_EPILOG = """\
examples:
  {me}                                    chat, in a terminal
  {me} "What is entropy?"                 one answer
  git diff | {me} --input - --system "Review this change."
  {me} --input "Once upon" --raw --sampler frog --seed 7
  {me} --prompts --trace run.jsonl        five prompts, every token recorded
  {me} --fork entropy --input "Which is larger, 9.9 or 9.11?"
  {me} --score essay.txt                  each token's metrics, and the perplexity
  {me} --prompt_csv roles.csv --rows 16 --json > answers.jsonl

Hyphens and underscores in options are the same. Exit codes: 0 done, 1 failed while running,
2 bad usage or bad input, 130 interrupted.
"""


def make_parser() -> ArgumentParser:
    """The parser of `mlx_main.py`."""
    parser = ArgumentParser(
        prog=called("ask"),
        usage="%(prog)s [TEXT | --input TEXT | --score FILE | --prompts | --prompt_csv [PATH]] "
        "[options]",
        description="Language models on MLX with an entropy sampler. Without a prompt: a chat.",
        epilog=_EPILOG.format(me=called("ask")),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_prompts(parser)
    model = parser.add_argument_group("model")
    add_model(model)
    add_parallel(model, TENSOR, PIPELINE, DATA)
    _add_sampler(parser)
    _add_answer(parser)
    _add_forks(parser)
    _add_output(parser)
    return parser


def parse(argv: list[str] | None) -> Namespace:
    """The checked options. Exits with code 2 and a sentence where they make no sense."""
    parser = make_parser()
    words = list(sys.argv[1:] if argv is None else argv)
    if words and (words[0] == "-" or not words[0].startswith("-")):
        words.insert(0, "--input")  # `mlx-entropix "What is entropy?"`
    options = parser.parse_args(words)
    check_model(parser, options)
    check_sampler(parser, options)
    check_speculation(parser, options)
    problem = _contradiction(options)
    if problem:
        parser.error(problem)
    return options


def is_list(options: Namespace) -> bool:
    """Whether a list of prompts was asked for."""
    return bool(options.prompts or options.prompt_csv)


def _add_prompts(parser: ArgumentParser) -> None:
    group = parser.add_argument_group("what to ask").add_mutually_exclusive_group()
    group.add_argument(
        "--score",
        metavar="FILE",
        help="no answer, but what the model thinks of each token of a text; - reads standard input",
    )
    group.add_argument("--input", metavar="TEXT", help="one prompt; - reads standard input (UTF-8)")
    group.add_argument("--chat", action="store_true", help="a chat, as without a prompt")
    group.add_argument("--prompts", action="store_true", help="five prompts that come with us")
    group.add_argument(
        "--prompt_csv",
        nargs="?",
        const=str(PROMPTS_CSV),
        metavar="PATH",
        help="the prompts of a CSV file with the columns act,prompt; - reads standard input "
        "(default: the project's data/prompts.csv)",
    )
    more = parser.add_argument_group("how to ask")
    more.add_argument(
        "--system",
        metavar="TEXT",
        help=f'the system prompt; "" for none (default: "{SYSTEM_PROMPT}")',
    )
    more.add_argument(
        "--chat_template_kwargs",
        type=variables,
        default={},
        metavar="JSON",
        help="more variables of the model's chat template, such as '{\"enable_thinking\": false}'",
    )
    more.add_argument(
        "--style",
        choices=("thinking", "roles"),
        help="thinking: a system prompt by which a model reasons aloud; roles: each prompt of a "
        "CSV file comes after two turns that give the model the role in its column act",
    )
    more.add_argument(
        "--prefill",
        type=not_empty,
        metavar="TEXT",
        help="how the answer begins; what is shown is what comes after it",
    )
    more.add_argument("--raw", action="store_true", help="send the text as is, no chat template")
    more.add_argument(
        "--rows",
        type=whole_number(1),
        metavar="N",
        help=f"prompts of a list that are answered at once (default: {ROWS_AT_ONCE})",
    )


def _add_sampler(parser: ArgumentParser) -> None:
    group = parser.add_argument_group("sampler")
    add_sampler(group, "")
    add_base_values(group)
    add_changes(group)
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
    group.add_argument(
        "--json_schema",
        type=not_empty,
        metavar="FILE",
        help="answer with JSON that is valid by this schema: a file, or the schema itself",
    )
    group.add_argument(
        "--stop_repeats",
        type=whole_number(2),
        default=0,
        metavar="N",
        help="end an answer that says the same N times in a row (default: never; docs/config.md)",
    )
    add_speculation(group)


def _add_forks(parser: ArgumentParser) -> None:
    group = parser.add_argument_group(
        "forks", "several paths for one answer, and which of them it is (docs/forks.md)"
    )
    group.add_argument("--fork", type=policy, metavar="POLICY", help=", ".join(FORKS))
    group.add_argument(
        "--paths",
        type=whole_number(1),
        metavar="N",
        help=f"the most paths that are written at once, 1 to {MOST_PATHS} (default: the policy's)",
    )
    group.add_argument(
        "--budget",
        type=whole_number(1),
        metavar="N",
        help="the most tokens of all paths together (default: --max_tokens for each)",
    )
    group.add_argument(
        "--extract",
        metavar="RULE",
        help=f"what of a path paths vote on: {', '.join(EXTRACTORS)} (default: the policy's)",
    )
    group.add_argument(
        "--fork_config",
        metavar="FILE",
        help="TOML or JSON with the policy and its values, which options take precedence over",
    )


def _add_output(parser: ArgumentParser) -> None:
    group = parser.add_argument_group("output")
    group.add_argument(
        "--trace", metavar="FILE", help="write every token with its metrics as JSON Lines"
    )
    group.add_argument(
        "--resume",
        metavar="FILE",
        help="go on with a list that was interrupted: leave out the prompts whose answers are in "
        "this trace, and add the others to it",
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
        "--show_prompt",
        action="store_true",
        help="show the prompt's own tokens in their colours too, before the answer",
    )
    group.add_argument(
        "--attended",
        type=whole_number(0),
        default=0,
        metavar="N",
        help="add to each token the N positions that the last layer looked at most (default: 0)",
    )
    group.add_argument(
        "--json",
        action="store_true",
        help="print one JSON object a prompt, on a line of its own, and nothing else",
    )
    group.add_argument("--quiet", action="store_true", help="print the answer alone")
    group.add_argument("--no_color", action="store_true", help="plain text, as with NO_COLOR set")
    add_debug(group)


def not_empty(text: str) -> str:
    """Text of at least one character, for argparse."""
    if not text:
        raise argparse.ArgumentTypeError("the text is empty, give at least one character")
    return text


def policy(text: str) -> str:
    """The name of a policy of forks, for argparse."""
    if text not in FORKS:
        raise argparse.ArgumentTypeError(
            f"there is no policy {text!r}, choose one of {', '.join(FORKS)}"
        )
    return text


def variables(text: str) -> dict[str, Any]:
    """A JSON object, for argparse."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise argparse.ArgumentTypeError(
            f"{text!r} is no JSON object, write one such as '{{\"enable_thinking\": false}}'"
        )
    return value


def window_size(text: str) -> int:
    """A number of tokens for a window, 0 for none, for argparse."""
    size = whole_number(0)(text)
    if size > LONGEST_WINDOW:
        raise argparse.ArgumentTypeError(
            f"{text} is too large, it must be at most {LONGEST_WINDOW}"
        )
    return size


def _contradiction(options: Namespace) -> str | None:
    chats = options.input is None and options.score is None and not is_list(options)
    if options.score is not None:
        unused = ("system", "fork", "fork_config", "paths", "budget", "extract", "window", "stop")
        for name in (*unused, "json_schema", "raw", "show_prompt"):
            if getattr(options, name):
                return f"--score writes no answer and takes the text as it is, without --{name}."
    if options.show_prompt and options.input is None:
        return "--show_prompt is for one prompt: --input TEXT."
    if options.attended and not (options.trace or options.resume or options.json):
        return "--attended adds to what --json and --trace write, so it needs one of them."
    if options.raw and options.system is not None:
        return "--raw sends the text as it is, so there is no place for --system."
    if options.style and options.raw:
        return "--raw sends the text as it is, so there is no place for --style."
    if options.style == "thinking" and options.system is not None:
        return "--style thinking is a system prompt, so there is no place for --system."
    if options.style == "roles" and options.prompt_csv is None:
        return "--style roles is for the prompts of a CSV file: --prompt_csv."
    if options.raw and options.prefill:
        return "--raw has no answer of its own to begin: write --prefill's text behind the prompt."
    if options.raw and options.chat_template_kwargs:
        return "--raw uses no chat template, so there is no place for --chat_template_kwargs."
    if options.resume and options.trace:
        return "--resume goes on with its own trace, so there is no place for --trace."
    if options.resume and not is_list(options):
        return "--resume is for a list of prompts: --prompts or --prompt_csv."
    if options.window and not (options.trace or options.resume):
        return "--window adds to the trace, so it needs --trace FILE."
    if options.rows is not None and not is_list(options):
        return "--rows is for a list of prompts: --prompts or --prompt_csv."
    if problem := alone(options):
        return problem
    if options.parallel == DATA and not is_list(options):
        return "--parallel data spreads a list over ranks: give --prompts or --prompt_csv."
    if options.parallel == DATA and (options.fork or options.fork_config):
        return "--parallel data has one path an answer. To fork, use --parallel tensor."
    if options.fork is None and options.fork_config is None:
        for name in ("paths", "budget", "extract"):
            if getattr(options, name) is not None:
                return f"--{name} is for answers that fork: --fork POLICY or --fork_config FILE."
    if chats and (options.raw or options.json):
        option = "--raw" if options.raw else "--json"
        return f"{option} needs a prompt: --input, --prompts or --prompt_csv."
    return None
