"""The command line: `run`, `report`, `tune`, `fetch`; without one, a run of all and its report."""

import argparse
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

from evals.errors import EvalError

OUT = Path("evals/results/run.jsonl")
MOST_SEEDS = 100


def main(argv: list[str] | None = None) -> int:
    """Run the command and return its exit code: 0 done, 2 bad input, 130 interrupted."""
    options = _parser().parse_args(_with_command(sys.argv[1:] if argv is None else argv))
    try:
        options.command(options)
    except KeyboardInterrupt:
        print("Interrupted. The same command goes on from here.", file=sys.stderr)
        return 130
    except BrokenPipeError:
        return 1
    except Exception as error:
        if not _is_explained(error):
            raise
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def _is_explained(error: Exception) -> bool:
    """Whether an error's message is a sentence for the user."""
    from mlx_entropix.model.errors import WeightsError
    from mlx_entropix.text import PromptError

    return isinstance(error, EvalError | WeightsError | PromptError)


def _with_command(argv: list[str]) -> list[str]:
    """Options without a command are those of the whole evaluation."""
    if not argv or (argv[0].startswith("-") and argv[0] not in ("-h", "--help")):
        return ["all", *argv]
    return argv


def _parser() -> ArgumentParser:
    parser = ArgumentParser(prog="python -m evals", description=__doc__, allow_abbrev=False)
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    whole = commands.add_parser("all", help="run and report (the default)", allow_abbrev=False)
    _add_run_options(whole)
    whole.add_argument("--report", type=Path, metavar="DIR", help="where the report goes")
    whole.set_defaults(command=_all)

    run = commands.add_parser("run", help="ask and write the answers", allow_abbrev=False)
    _add_run_options(run)
    run.set_defaults(command=_run)

    fetch = commands.add_parser("fetch", help="download the public sets", allow_abbrev=False)
    fetch.add_argument("--data", type=Path, metavar="DIR", help="where to (evals/data)")
    fetch.set_defaults(command=_fetch)
    return parser


def _add_run_options(parser: ArgumentParser) -> None:
    from mlx_entropix.prompts import SYSTEM_PROMPT

    add = parser.add_argument
    add("--out", type=Path, default=OUT, metavar="FILE", help=f"answers, JSON Lines ({OUT})")
    add("--tasks", metavar="A,B", help="which tasks (all that are by default and here)")
    add("--arms", metavar="A,B", help="which arms (all)")
    add("--arm", action="append", default=[], metavar="NAME=FILE", help="another arm, JSON or TOML")
    add("--seeds", type=_positive(MOST_SEEDS), default=3, metavar="N", help="of arms that draw (3)")
    add("--limit", type=_positive(), metavar="N", help="at most so many questions a task")
    add("--split", choices=("dev", "test"), default="test", help="which questions (test)")
    add("--data", type=Path, metavar="DIR", help="where the public sets are (evals/data)")
    add("--system", default=SYSTEM_PROMPT, metavar="TEXT", help='the system prompt; "" for none')
    add("--model", metavar="PATH", help="a folder, a .gguf file or a repo id (the bundled one)")
    add("--url", metavar="URL", help="ask a server of the OpenAI API instead")
    add("--api_key", default="none", metavar="KEY", help="the server's key")
    add("--max_rows", type=_positive(1024), default=48, metavar="N", help="rows at once (48)")
    add("--workers", type=_positive(256), metavar="N", help="processes (one a core)")


def _positive(most: int = 10**9) -> object:
    def number(text: str) -> int:
        value = int(text) if text.isdecimal() else 0
        if not 1 <= value <= most:
            raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 to {most:,}")
        return value

    return number


def _all(options: Namespace) -> None:
    _run(options)


def _run(options: Namespace) -> None:
    from rich.console import Console

    from evals.arms import choose_arms
    from evals.plan import Plan
    from evals.runner import Answerer, default_workers, run_plan
    from evals.tasks import choose_tasks
    from evals.workers import Workers
    from mlx_entropix.model.locate import locate_weights

    if options.data is not None and not options.data.is_dir():
        raise EvalError(f"--data {options.data} is no folder; name the one with the public sets.")
    arms = choose_arms(options.arms, options.arm)
    tasks = choose_tasks(options.tasks, options.split, options.limit, options.data)
    answer: Answerer
    if options.url:
        from evals.remote import Server

        server = Server(options.url, options.api_key, options.model, options.system)
        name, answer = server.name, server
        server.check(arms)
    else:
        name = locate_weights(options.model).name
        workers = options.workers or default_workers()
        answer = Workers(options.model, options.system, options.max_rows, workers)
    plan = Plan(
        tuple(tasks),
        tuple(arms),
        options.seeds,
        options.system,
        name,
        options.split,
        options.max_rows,
    )
    console = Console(stderr=True)
    count = run_plan(plan, options.out, answer, console)
    print(f"{count:,} answers in {options.out}")


def _fetch(options: Namespace) -> None:
    from evals.public import fetch
    from evals.tasks import DATA

    for path in fetch(options.data or DATA):
        print(path)
