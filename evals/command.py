"""The command line; without a command, a run of all on the test split and its report."""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from argparse import Namespace
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from evals.questions import SPLITS
from mlx_entropix.cli.command import ArgumentParser, add_debug, run
from mlx_entropix.errors import EvalError

if TYPE_CHECKING:
    from evals.arms import Arm

OUT = Path("evals/results/run.jsonl")
REPORT = Path("evals/results")
MOST_SEEDS = 100


def main(argv: list[str] | None = None) -> int:
    """Run the command and return its exit code: 0 done, 2 bad input, 130 interrupted."""
    options = _parser().parse_args(_with_command(sys.argv[1:] if argv is None else argv))
    return run(
        lambda: options.command(options),
        options,
        what="the evaluation",
        interrupted="interrupted. The same command goes on from here.",
    )


def _with_command(argv: list[str]) -> list[str]:
    """Options without a command are those of the whole evaluation."""
    if not argv or (argv[0].startswith("-") and argv[0] not in ("-h", "--help")):
        return ["all", *argv]
    return argv


def _parser() -> ArgumentParser:
    parser = ArgumentParser(prog="python -m evals", description=__doc__)
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    whole = commands.add_parser("all", help="run and report (the default)")
    _add_run_options(whole)
    whole.add_argument(
        "--report",
        type=Path,
        default=REPORT,
        metavar="DIR",
        help=f"where the report goes ({REPORT})",
    )
    whole.set_defaults(command=_all)

    asked = commands.add_parser("run", help="ask and write the answers")
    _add_run_options(asked)
    asked.set_defaults(command=_run)

    report = commands.add_parser("report", help="tables and pictures")
    report.add_argument("results", nargs="+", type=Path, metavar="FILE", help="files of answers")
    report.add_argument("--out", type=Path, default=REPORT, metavar="DIR", help=f"({REPORT})")
    report.add_argument("--data", type=Path, metavar="DIR", help="where the public sets are")
    report.add_argument("--best_plain", metavar="ARM", help="the plain arm to compare to")
    report.set_defaults(command=_report)

    tune = commands.add_parser("tune", help="choose values on the dev split")
    _add_run_options(tune, OUT.with_name("tune.jsonl"), seeds=1)
    tune.add_argument(
        "--candidates",
        action="append",
        default=[],
        metavar="NAME=FILE",
        help="trials of another arm: a JSON list of configurations",
    )
    tune.add_argument("--tuned", type=Path, metavar="FILE", help="(evals/tuned.toml)")
    tune.set_defaults(command=_tune, split="dev")

    tune = commands.add_parser("tune_forks", help="choose values of forks on the dev split")
    _add_run_options(tune, OUT.with_name("tune_forks.jsonl"), seeds=1)
    tune.add_argument("--tuned", type=Path, metavar="FILE", help="(evals/tuned_forks.toml)")
    tune.set_defaults(command=_tune_forks)

    tokenizer = commands.add_parser("tokenizer", help="write a tokenizer for lm-eval")
    tokenizer.add_argument("folder", type=Path, metavar="DIR", help="where to")
    tokenizer.add_argument("--model", metavar="PATH", help="whose (the bundled one's)")
    tokenizer.set_defaults(command=_tokenizer)

    listed = commands.add_parser(
        "questions", help="write questions as `calibrate --tune` reads them"
    )
    listed.add_argument("--out", type=Path, required=True, metavar="FILE", help="JSON Lines")
    listed.add_argument("--split", choices=SPLITS, default="dev", help="which questions (dev)")
    listed.add_argument("--tasks", metavar="A,B", help="which tasks (all that are by default)")
    listed.add_argument("--limit", type=_positive(), metavar="N", help="at most so many a task")
    listed.add_argument("--data", type=Path, metavar="DIR", help="where the public sets are")
    listed.set_defaults(command=_questions)

    fetch = commands.add_parser("fetch", help="download the public sets")
    fetch.add_argument("--data", type=Path, metavar="DIR", help="where to (evals/data)")
    fetch.set_defaults(command=_fetch)
    for command in commands.choices.values():
        add_debug(command)
    return parser


def _add_run_options(parser: ArgumentParser, out: Path = OUT, seeds: int = 3) -> None:
    from mlx_entropix.prompts import SYSTEM_PROMPT

    add = parser.add_argument
    add("--out", type=Path, default=out, metavar="FILE", help=f"answers, JSON Lines ({out})")
    add("--tasks", metavar="A,B", help="which tasks (all that are by default and here)")
    if out == OUT:  # tuning has its own
        add("--arms", metavar="A,B", help="which arms (all)")
        add("--arm", action="append", default=[], metavar="NAME=FILE", help="another arm")
        add("--split", choices=SPLITS, default="test", help="which questions (test)")
    add(
        "--seeds",
        type=_positive(MOST_SEEDS),
        default=seeds,
        metavar="N",
        help=f"of arms that draw ({seeds})",
    )
    add("--limit", type=_positive(), metavar="N", help="at most so many questions a task")
    add("--data", type=Path, metavar="DIR", help="where the public sets are (evals/data)")
    add("--system", default=SYSTEM_PROMPT, metavar="TEXT", help='the system prompt; "" for none')
    add("--model", metavar="PATH", help="a folder, a .gguf file or a repo id (the bundled one)")
    add("--url", metavar="URL", help="ask a server of the OpenAI API instead")
    add("--api_key", default="none", metavar="KEY", help="the server's key")
    add("--max_rows", type=_positive(1024), default=48, metavar="N", help="rows at once (48)")
    add("--workers", type=_positive(256), metavar="N", help="processes (one a core)")


def _positive(most: int = 10**9) -> Callable[[str], int]:
    def number(text: str) -> int:
        value = int(text) if text.isdecimal() else 0
        if not 1 <= value <= most:
            raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 to {most:,}")
        return value

    return number


def _all(options: Namespace) -> None:
    _run(options)
    _write_report([options.out], options.report, options.data, None)


def _run(options: Namespace) -> None:
    from evals.arms import choose_arms
    from evals.fork_trials import fork_arms

    fitted = _fitted(options)
    arms = choose_arms(options.arms, options.arm, fitted, fork_arms(fitted))
    _ask(options, arms, options.split)


def _fitted(options: Namespace) -> list[Arm]:
    """The arm `auto`, where a preset is fitted to the model that is asked in this process."""
    from evals.arms import fitted_arms
    from mlx_entropix.weights.locate import locate_weights

    if options.url:
        return []
    location = locate_weights(options.model)
    return fitted_arms(location.name, location.path)


def _ask(options: Namespace, arms: Sequence[Arm], split: str) -> None:
    """Ask what the options say of those arms, into `options.out`."""
    from rich.console import Console

    from evals.plan import Plan
    from evals.runner import Answerer, default_workers, run_plan
    from evals.tasks import choose_tasks
    from evals.workers import Workers

    if options.data is not None and not options.data.is_dir():
        raise EvalError(f"--data {options.data} is no folder; name the one with the public sets.")
    tasks = choose_tasks(options.tasks, split, options.limit, options.data)
    answer: Answerer
    if options.url:
        from evals.remote import Server

        server = Server(
            options.url, options.api_key, options.model, options.system, options.max_rows
        )
        server.check(arms)
        name, answer = server.name, server
    else:
        from mlx_entropix.weights.locate import locate_weights

        name = locate_weights(options.model).name
        count = options.workers or default_workers()
        answer = Workers(options.model, options.system, options.max_rows, count)
    plan = Plan(
        tuple(tasks), tuple(arms), options.seeds, options.system, name, split, options.max_rows
    )
    total = run_plan(plan, options.out, answer, Console(stderr=True))
    print(f"{total:,} answers in {options.out}")


def _report(options: Namespace) -> None:
    _write_report(options.results, options.out, options.data, options.best_plain)


def _write_report(files: Sequence[Path], out: Path, data: Path | None, plain: str | None) -> None:
    from evals.arms import best_plain
    from evals.report import write_report

    print(write_report(files, out, data, plain or best_plain()))


def _tune(options: Namespace) -> None:
    from evals.arms import TUNED
    from evals.records import read_answers
    from evals.tune import TRIALS, as_toml, read_candidates, trial_arms

    trials = {**TRIALS, **dict(map(read_candidates, options.candidates))}
    _ask(options, trial_arms(trials), "dev")
    command = shlex.join(["python", "-m", "evals", *sys.argv[1:]])
    path = options.tuned or TUNED
    header, records = read_answers(options.out)
    path.write_text(as_toml(header, records, trials, command, date.today()), encoding="utf-8")
    print(path)


def _tune_forks(options: Namespace) -> None:
    from evals.fork_trials import TUNED_FORKS, as_toml, fork_trial_arms
    from evals.records import read_answers

    _ask(options, fork_trial_arms(_fitted(options)), "dev")
    command = shlex.join(["python", "-m", "evals", *sys.argv[1:]])
    path = options.tuned or TUNED_FORKS
    path.write_text(as_toml(*read_answers(options.out), command, date.today()), encoding="utf-8")
    print(path)


def _questions(options: Namespace) -> None:
    """Write the questions of a split whose answers can be found in a text without knowing more."""
    from evals.tasks import choose_tasks

    lines = [
        json.dumps({"question": task.prompt(question), "answers": list(question.answers)})
        for task, questions in choose_tasks(
            options.tasks, options.split, options.limit, options.data
        )
        if task.rule in ("last_number", "words", "yes_no")
        for question in questions
    ]
    options.out.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(f"{len(lines):,} questions in {options.out}")


def _fetch(options: Namespace) -> None:
    from evals.public import fetch
    from evals.tasks import DATA

    for path in fetch(options.data or DATA):
        print(path)


def _tokenizer(options: Namespace) -> None:
    from evals.tokenizer_folder import write_tokenizer
    from mlx_entropix import load

    write_tokenizer(load(options.model)[1], options.folder)
    print(options.folder)
