"""The face of `mlx-entropix calibrate`: fit the sampler's thresholds to a model."""

import argparse
import datetime
import shlex
import sys
import time
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from mlx_entropix.cli.command import (
    ArgumentParser,
    add_debug,
    add_model,
    check_adapter,
    check_model,
    loading,
    run,
    whole_number,
)
from mlx_entropix.installed import called

if TYPE_CHECKING:
    from mlx_entropix.cli.screen import Screen
    from mlx_entropix.engine.fitting import Calibration, Tuning
    from mlx_entropix.sampling import SamplerConfig
    from mlx_entropix.sampling.config_file import Provenance

_EPILOG = """\
examples:
  {me}                         the model that answers by default
  {me} --model weights/Llama-3.2-1B-Instruct --out my.toml
  {me} --prompt_csv mine.csv --target FLOWING=0.6 --target TREADING=0.02
  {me} --tune questions.jsonl  and fit what each quadrant does

The model answers the prompts; thresholds are chosen jointly so that the quadrants get their target
shares of its tokens, and again on answers made with those thresholds. Every third prompt is held
out: what is printed was measured there. Without --out the preset is kept where the sampler `auto`
finds it. The file of --tune holds questions, one JSON object a line:
{{"question": "What is 2 + 3?", "answers": ["5", "five"]}}.
"""


def main(argv: list[str] | None = None) -> int:
    """Run the command and return its exit code: 0 done, 1 failed, 2 bad input, 130 interrupted."""
    words = list(sys.argv[1:] if argv is None else argv)
    parser = make_parser()
    options = parser.parse_args(words)
    check_model(parser, options)
    if options.adapter_path and not options.out:
        parser.error(
            "What is fitted to a model with an adapter is not for the model alone: name a file "
            "with --out, for --sampler_config."
        )
    return run(
        lambda: _run(options, words), options, interrupted="interrupted. Nothing was written."
    )


def make_parser() -> ArgumentParser:
    """The parser of `mlx-entropix calibrate`."""
    from mlx_entropix.sampling.calibration import TARGETS

    parser = ArgumentParser(
        prog=called("calibrate"),
        description="Fit the thresholds of the entropy sampler to a model.",
        epilog=_EPILOG.format(me=called("calibrate")),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_model(parser)
    parser.add_argument(
        "--out", metavar="FILE", help="where to write the preset, as TOML (default: for `auto`)"
    )
    parser.add_argument(
        "--prompt_csv", metavar="PATH", help="prompts with the columns act,prompt (default: ours)"
    )
    shares = ", ".join(f"{name}={share:g}" for name, share in TARGETS.items())
    parser.add_argument(
        "--target",
        type=_share,
        action="append",
        default=[],
        metavar="NAME=SHARE",
        help=f"the share of a quadrant, 0 to 1; may be repeated (default: {shares})",
    )
    parser.add_argument(
        "--rounds", type=whole_number(1), default=2, metavar="N", help="fits (default: %(default)s)"
    )
    parser.add_argument(
        "--max_tokens",
        type=whole_number(8),
        default=80,
        metavar="N",
        help="the longest answer, in tokens (default: %(default)s)",
    )
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="(default: %(default)s)")
    parser.add_argument(
        "--logits_only",
        action="store_true",
        help="parameters follow the logits alone, not the attention",
    )
    parser.add_argument(
        "--tune", metavar="FILE", help="questions with answers, to fit what each quadrant does"
    )
    parser.add_argument(
        "--trials",
        type=whole_number(1),
        default=8,
        metavar="N",
        help="how many settings --tune tries (default: %(default)s)",
    )
    parser.add_argument("--plot", metavar="FILE", help="a picture, as .png or .svg")
    add_debug(parser)
    return parser


def _share(text: str) -> tuple[str, float]:
    from mlx_entropix.sampling.calibration import TARGETS

    name, _, share = text.partition("=")
    if name.upper() not in TARGETS:
        raise argparse.ArgumentTypeError(f"{name!r} is none of {', '.join(TARGETS)}")
    try:
        value = float(share)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{share!r} is no share, write one as 0.1") from None
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{share} is no share, it lies from 0 to 1")
    return name.upper(), value


def _run(options: Namespace, words: list[str]) -> None:
    from mlx_entropix.cli.download import hub_bar
    from mlx_entropix.cli.screen import LateBar, make_screen, spinner
    from mlx_entropix.prompts import (
        CALIBRATION_CSV,
        SYSTEM_PROMPT,
        create_prompts_from_csv,
        read_questions,
    )
    from mlx_entropix.sampling.auto import user_preset
    from mlx_entropix.sampling.calibration import TARGETS, check_prompts, check_targets
    from mlx_entropix.weights.locate import locate_weights

    targets = check_targets(TARGETS | dict(options.target))
    prompts = create_prompts_from_csv(options.prompt_csv or CALIBRATION_CSV)
    check_prompts(len(prompts))
    if options.plot:
        from mlx_entropix.cli.plots import check_plot

        check_plot(options.plot)
    questions = read_questions(options.tune) if options.tune else []
    check_adapter(options)
    location = locate_weights(options.weights_dir, hub_bar())
    out = Path(options.out).expanduser() if options.out else user_preset(location.name)
    _check_writable(out)
    screen = make_screen(no_color=False, quiet=False, is_json=False)
    with spinner(screen.notices, f"Loading {location.name}"):
        from mlx_entropix.engine import load_from
        from mlx_entropix.engine.fitting import calibrate, tune

        model, tokenizer = load_from(location, **loading(options))
    system = {"role": "system", "content": SYSTEM_PROMPT}
    ids = [tuple(tokenizer.chat([system, {"role": "user", "content": p.user}])) for p in prompts]
    begun = time.perf_counter()
    with LateBar(screen.notices, "Calibrating", 1) as bar:

        def on_tokens(what: str, made: int, most: int) -> None:
            bar.restart(what, most, made, f"{made:,} tokens")

        from mlx_entropix.sampling import PRESETS
        from mlx_entropix.sampling.presets import FITTED

        start = logits_only(FITTED) if options.logits_only else FITTED
        asked = [
            (tuple(tokenizer.chat([system, {"role": "user", "content": q}])), answers)
            for q, answers in questions
        ]
        tunings: list[Tuning] = []

        def tuned(config: "SamplerConfig") -> "SamplerConfig":
            tunings.append(
                tune(
                    model,
                    tokenizer,
                    asked,
                    config,
                    trials=options.trials,
                    seed=options.seed,
                    on_tokens=on_tokens,
                )
            )
            return tunings[0].config

        result = calibrate(
            model,
            tokenizer,
            ids,
            start,
            before=PRESETS["entropix"],
            targets=targets,
            change=tuned if questions else None,
            rounds=options.rounds,
            max_tokens=options.max_tokens,
            seed=options.seed,
            on_tokens=on_tokens,
        )
    seconds = time.perf_counter() - begun
    tuning = tunings[0] if tunings else None
    provenance = _provenance(result, location.name, options, words, targets, tuning)
    _write(out, result.config, provenance)
    _print_result(screen, result, targets, tuning, seconds)
    if options.plot:
        from mlx_entropix.cli.plots import draw_before_and_after

        plot = Path(options.plot).expanduser()
        draw_before_and_after(plot, location.name, result)
        screen.answers.print(f"Picture: {plot}")
    screen.answers.print(f"Preset: {out}")
    if options.out:
        screen.answers.print(f"Use it: {called('ask')} --sampler_config {shlex.quote(str(out))}")
    else:
        screen.answers.print("`--sampler auto`, the default, uses it from now on.")


def _check_writable(out: Path) -> None:
    """Find out before minutes of work whether the preset can be kept. Raises `UsageError`."""
    from mlx_entropix.errors import UsageError

    if out.suffix.lower() != ".toml":
        raise UsageError(f"{out} does not end in .toml. Presets are TOML files.")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with out.open("a", encoding="utf-8"):
            pass
        if not out.stat().st_size:
            out.unlink()
    except OSError as error:
        raise UsageError(
            f"{out} cannot be written ({error.strerror}). Name another file with --out."
        ) from None


def logits_only(config: "SamplerConfig") -> "SamplerConfig":
    """The configuration with all that follows the attention taken out of its formulas."""
    from mlx_entropix.sampling import Metrics

    attention = Metrics._fields[2:]
    changes: dict = {}
    for quadrant, values in config.model_dump().items():
        if not isinstance(values, dict):
            continue
        found = {name: 0 for name in values if name.endswith(attention)}
        if found:
            changes[quadrant] = found
    return config.override(changes)


def _provenance(
    result: "Calibration",
    name: str,
    options: Namespace,
    words: list[str],
    targets: dict[str, float],
    tuning: "Tuning | None",
) -> "Provenance":
    """How the preset came about, for its file."""
    from mlx_entropix.sampling.config_file import Provenance

    evidence = "Shares: held-out prompts. Borders: 95 % bootstrap intervals over prompts."
    tokens = result.tokens
    if tuning is not None:
        tokens += tuning.tokens
        chosen = tuning.trials[tuning.chosen]
        evidence += (
            f" Tuned on {options.tune}, the best of {len(tuning.trials)} trials:"
            f" {chosen.accuracy:.1%} right there, {tuning.greedy:.1%} without draws."
        )
    return Provenance(
        model=name.split("/")[-1],
        date=datetime.date.today().isoformat(),
        command=shlex.join(["mlx-entropix", "calibrate", *words]),
        data=options.prompt_csv or "calibration.csv, which comes with the package",
        targets={**targets, "ADAPTIVE": round(1 - sum(targets.values()), 6)},
        shares={quadrant: round(share, 4) for quadrant, share in result.shares_after.items()},
        evidence=evidence,
        borders={
            border: (float(f"{low:.4g}"), float(f"{high:.4g}"))
            for border, (low, high) in result.intervals.items()
            if "_logits_" in border
        },
        tokens=tokens,
    )


def _print_result(
    screen: "Screen",
    result: "Calibration",
    targets: dict[str, float],
    tuning: "Tuning | None",
    seconds: float,
) -> None:
    from rich.table import Table

    shares = Table("quadrant", "target", "before", "after", title="Shares on held-out prompts")
    for column in shares.columns[1:]:
        column.justify = "right"
    for name, after in result.shares_after.items():
        target = targets.get(name, 1 - sum(targets.values()))
        shares.add_row(
            name.lower(), f"{target:.1%}", f"{result.shares_before[name]:.1%}", f"{after:.1%}"
        )
    borders = Table("threshold", "fitted", "95 % interval", title="Thresholds (bits, bits²)")
    for name, value in result.fit.borders.items():
        if "_logits_" in name:
            low, high = result.intervals[name]
            borders.add_row(
                name.removesuffix("_threshold"), f"{value:.3g}", f"{low:.3g}–{high:.3g}"
            )
    screen.answers.print(shares)
    screen.answers.print(borders)
    for note in result.fit.notes:
        screen.answers.print(note)
    if tuning is not None:
        screen.answers.print(_trials_table(tuning))
    tokens = result.tokens + (tuning.tokens if tuning else 0)
    rounds = f"{result.rounds} round{'s' * (result.rounds != 1)}"
    screen.answers.print(f"{tokens:,} tokens, {rounds}, {seconds:.0f} s")


def _trials_table(tuning: "Tuning") -> object:
    from rich.table import Table

    names = list(tuning.trials[0].values)
    table = Table(
        *(name.removesuffix(".temperature_constant")[:9] for name in names),
        "drawn at",
        "right",
        title=f"Trials ({tuning.greedy:.1%} right without draws)",
    )
    for number, trial in enumerate(tuning.trials):
        table.add_row(
            *(f"{trial.values[name]:.2f}" for name in names),
            f"{trial.warmth:.2f}",
            f"{trial.accuracy:.1%}",
            style="bold" if number == tuning.chosen else None,
        )
    return table


def _write(out: Path, config: "SamplerConfig", provenance: "Provenance") -> None:
    from mlx_entropix.sampling.config_file import config_toml

    text = config_toml(config, "entropix", fitted=provenance, only_changes=True)
    part = out.with_name(out.name + ".part")
    part.write_text(text, encoding="utf-8")
    part.replace(out)  # a preset that was there stays whole until the new one is
