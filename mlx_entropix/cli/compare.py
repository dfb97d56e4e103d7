"""The face of `mlx-entropix compare`: traces side by side, with intervals and a picture."""

import argparse
import difflib
import math
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlx_entropix.cli.command import ArgumentParser, add_debug, run, whole_number
from mlx_entropix.window import LONGEST_WINDOW

if TYPE_CHECKING:
    from rich.table import Table

    from mlx_entropix.cli.alignment import Aligned, Alignment, Estimate

DEFAULT_AROUND = 16  # tokens on either side of a phrase

_EPILOG = """\
examples:
  mlx-entropix ask --prompts --seed 1 --trace a.jsonl
  mlx-entropix ask --prompts --seed 1 --sampler frog --trace b.jsonl
  mlx-entropix compare a.jsonl b.jsonl                  whole answers, paired by their prompts
  mlx-entropix compare a.jsonl b.jsonl --align end --before 32 --plot ends.png
  mlx-entropix compare a.jsonl --phrase "9.9 is" --metric attention_entropy --window 16

Each answer has a position 0: its first token, its last, or a token of a phrase. For each metric:
  mean    over the tokens of the region around position 0
  slope   a token, by least squares, over the W tokens that end at position 0
          (with --align start: over the first W tokens)
  rise    mean of the W tokens before position 0, less the mean of the W tokens before those;
          answers with fewer than 2 W tokens before position 0 have none
All are means over answers, [with a bootstrap interval of 95 %]. A difference is to the first file:
paired where both files answer the same prompts, else unpaired.
Exit codes: 0 done, 2 bad usage or bad input.
"""


def make_parser() -> ArgumentParser:
    """The parser of `mlx-entropix compare`."""
    parser = ArgumentParser(
        prog="mlx-entropix compare",
        usage="%(prog)s TRACE [TRACE ...] [options]",
        description="Compare the metrics of traces, which `ask --trace` writes.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("traces", nargs="+", metavar="TRACE", help="a trace with finished answers")
    group = parser.add_argument_group("what to compare")
    group.add_argument(
        "--metric",
        action="append",
        metavar="NAME",
        help="a metric of the trace, or logprob; may be given several times (default: all)",
    )
    group.add_argument(
        "--align",
        choices=("start", "end", "phrase"),
        help="what position 0 of an answer is (default: phrase with --phrase, else start)",
    )
    group.add_argument(
        "--phrase",
        metavar="TEXT",
        help="align at the first place where an answer has this text; others are left out",
    )
    group.add_argument(
        "--anchor",
        choices=("first", "last"),
        default="last",
        help="the token of the phrase that is position 0: the one it begins in, or the one that "
        "completes it (default: last)",
    )
    group.add_argument(
        "--before", type=whole_number(0), metavar="N", help=_around_help("before position 0")
    )
    group.add_argument(
        "--after", type=whole_number(0), metavar="N", help=_around_help("after position 0")
    )
    group.add_argument(
        "--window",
        type=_window,
        default=8,
        metavar="W",
        help=f"tokens of moving means, slopes and rises, 1 to {LONGEST_WINDOW} "
        "(default: %(default)s)",
    )
    group.add_argument(
        "--seed", type=whole_number(0), default=0, metavar="N", help="of the bootstrap (default: 0)"
    )
    output = parser.add_argument_group("output")
    output.add_argument(
        "--plot", metavar="FILE", help="draw the moving means to a .png or .svg; needs matplotlib"
    )
    output.add_argument("--json", action="store_true", help="print one JSON object, curves too")
    output.add_argument("--no_color", action="store_true", help="plain text, as with NO_COLOR set")
    add_debug(output)
    return parser


def _around_help(where: str) -> str:
    return f"tokens of the region {where} (default: {DEFAULT_AROUND} with a phrase, else all)"


def _window(text: str) -> int:
    size = whole_number(1)(text)
    if size > LONGEST_WINDOW:
        raise argparse.ArgumentTypeError(
            f"{text} is too large, it must be at most {LONGEST_WINDOW}"
        )
    return size


def main(argv: list[str] | None = None) -> int:
    """Run the command and return its exit code: 0 done, 2 bad input, 130 interrupted."""
    parser = make_parser()
    options = parser.parse_args(argv)
    options.align = options.align or ("start" if options.phrase is None else "phrase")
    if options.align == "phrase" and not options.phrase:
        parser.error("--align phrase needs the phrase: --phrase TEXT.")
    if options.align != "phrase" and options.phrase is not None:
        parser.error(f"--phrase and --align {options.align} contradict each other.")
    return run(lambda: _run(options), options)


def _run(options: Namespace) -> int:
    from mlx_entropix.cli.alignment import STATISTICS, align, estimates
    from mlx_entropix.cli.screen import make_screen
    from mlx_entropix.cli.trace_file import read_trace

    screen = make_screen(no_color=options.no_color, quiet=False, is_json=options.json)
    metrics, alignment = _metrics(options.metric), _alignment(options)
    if options.plot:
        from mlx_entropix.cli.plots import check_plot

        check_plot(options.plot)
    traces = [read_trace(name, metrics) for name in options.traces]
    for trace in traces:
        if trace.is_cut:
            screen.notice(f"{trace.path}: the last line is cut off, and left out.")
    files = align(traces, alignment)
    found = {
        metric: {name: estimates(files, name, metric, options.seed) for name in STATISTICS}
        for metric in metrics
    }
    curves: dict[str, list[list[dict[str, Any]]]] = {}
    if options.plot or options.json:
        curves = {m: [file.curve(m, options.seed) for file in files] for m in metrics}
    labels = _labels([trace.path for trace in traces])
    if options.json:
        screen.print_json(_record(options, alignment, files, labels, found, curves))
    else:
        for line in _file_lines(files, labels):
            screen.answers.print(line, style="dim")
        for table in _tables(files, labels, found):
            screen.answers.print(table)
    if options.plot:
        from mlx_entropix.cli.plots import draw

        draw(options.plot, alignment, labels, curves)
        screen.notice(f"Drawn to {options.plot}.")
    return 0


def _metrics(asked: Sequence[str] | None) -> list[str]:
    """The names asked for, each once. Raises `UsageError` for one that there is not."""
    from mlx_entropix.errors import UsageError
    from mlx_entropix.sampling import Metrics

    known = [*Metrics._fields, "logprob"]
    for name in asked or []:
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            hint = f"Did you mean {close[0]}?" if close else f"Choose among {', '.join(known)}."
            raise UsageError(f"There is no metric {name!r}. {hint}")
    return list(dict.fromkeys(asked or known))


def _alignment(options: Namespace) -> "Alignment":
    from mlx_entropix.cli.alignment import Alignment

    around = DEFAULT_AROUND if options.align == "phrase" else None
    before = around if options.before is None else options.before
    after = around if options.after is None else options.after
    return Alignment(options.align, options.phrase, options.anchor, before, after, options.window)


def _labels(paths: list[Path]) -> list[str]:
    """Short names of the files; whole paths where those are equal."""
    stems = [path.stem for path in paths]
    return stems if len(set(stems)) == len(stems) else [str(path) for path in paths]


def _file_lines(files: Sequence["Aligned"], labels: list[str]) -> list[str]:
    """Of each file: what was counted, and how it is compared."""
    return [
        " · ".join([f"{label}: {_counted(file)}", *_pairing(files[0], file, labels[0])])
        for file, label in zip(files, labels, strict=True)
    ]


def _counted(file: "Aligned") -> str:
    counted = f"{len(file.answers)} answer{'s' * (len(file.answers) != 1)}"
    out = [f"{file.missing} without the phrase"] * bool(file.missing)
    out += [f"{file.trace.unfinished} unfinished"] * bool(file.trace.unfinished)
    left_out = f" (left out: {', '.join(out)})" if out else ""
    return f"{counted}{left_out} · sampler {file.trace.samplers}"


def _pairing(first: "Aligned", file: "Aligned", label: str) -> list[str]:
    from mlx_entropix.cli.alignment import is_paired

    if file.number == 0:
        return []
    if is_paired(first, file):
        keys = {answer.key for answer in first.answers} & {answer.key for answer in file.answers}
        return [f"{len(keys)} paired with {label} by their prompts"]
    why = "too few pairs" if first.trace.prompts == file.trace.prompts else "other prompts"
    return [f"unpaired ({why} than in {label})" if why == "other prompts" else f"unpaired ({why})"]


def _tables(
    files: Sequence["Aligned"],
    labels: list[str],
    found: dict[str, dict[str, list["Estimate"]]],
) -> list["Table"]:
    """The means with their differences, the slopes, and the rises where there are any."""
    means, slopes, rises = _table("mean"), _table("slope"), _table("rise", "answers")
    if len(files) > 1:
        means.add_column("difference", justify="right", no_wrap=True)
    for metric, of in found.items():
        for i, label in enumerate(labels):
            names = ("" if i else metric, label)
            mean, rise = of["mean"][i], of["rise"][i]
            if len(files) > 1:
                means.add_row(*names, _shown(mean), _shown(mean.difference, signed=True))
            else:
                means.add_row(*names, _shown(mean))
            slopes.add_row(*names, _shown(of["slope"][i], signed=True))
            rises.add_row(*names, _shown(rise, signed=True), str(rise.answers))
    has_rise = any(estimate.answers for of in found.values() for estimate in of["rise"])
    return [means, slopes, *[rises] * has_rise]


def _table(*columns: str) -> "Table":
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("metric", no_wrap=True)
    table.add_column("file", overflow="fold")
    for name in columns:
        table.add_column(name, justify="right", no_wrap=True)
    return table


def _shown(estimate: "Estimate | None", *, signed: bool = False) -> str:
    """A mean with its interval, to two digits or more of the largest number in it."""
    if estimate is None:
        return ""
    if estimate.value is None:
        return "–"
    numbers = [n for n in (estimate.value, estimate.low, estimate.high) if n is not None]
    largest = max(map(abs, numbers)) or 1.0
    decimals = min(max(1 - math.floor(math.log10(largest)), 2), 7)
    value, *interval = (f"{n:{'+' * signed}.{decimals}f}" for n in numbers)
    return f"{value} [{', '.join(interval)}]" if interval else value


def _record(
    options: Namespace,
    alignment: "Alignment",
    files: Sequence["Aligned"],
    labels: list[str],
    found: dict[str, dict[str, list["Estimate"]]],
    curves: dict[str, list[list[dict[str, Any]]]],
) -> dict[str, Any]:
    from mlx_entropix.cli.alignment import is_paired

    return {
        "align": alignment.kind,
        "phrase": alignment.phrase,
        "anchor": alignment.anchor if alignment.kind == "phrase" else None,
        "before": alignment.before,
        "after": alignment.after,
        "window": alignment.window,
        "seed": options.seed,
        "files": [
            {
                "path": str(file.trace.path),
                "label": label,
                "answers": len(file.answers),
                "without_phrase": file.missing,
                "unfinished": file.trace.unfinished,
                "paired": is_paired(files[0], file) if file.number else None,
            }
            for file, label in zip(files, labels, strict=True)
        ],
        "metrics": {
            metric: [
                {
                    **{name: of[name][i].record() for name in of},
                    "curve": curves[metric][i],
                }
                for i in range(len(files))
            ]
            for metric, of in found.items()
        },
    }
