"""What every command has: a parser, options that several share, and an end with an exit code."""

import argparse
import difflib
import os
import re
import sys
import traceback
from argparse import Namespace
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

from mlx_entropix.backend import backend_error
from mlx_entropix.choices import (
    AUTO,
    CHANGES,
    KV_BITS,
    KV_GROUP_SIZES,
    MOST_BIAS,
    MOST_DRAFTED,
    NAMES,
    RANGES,
)
from mlx_entropix.cli.streams import check_streams, give_up_output, output_error, write_out
from mlx_entropix.cpu.blas import set_threads
from mlx_entropix.errors import EntropixError
from mlx_entropix.installed import version

_LONG_OPTION = re.compile(r"--[A-Za-z][\w-]*(?==|$)")


class ArgumentParser(argparse.ArgumentParser):
    """A parser in which `--max-tokens` is `--max_tokens`, and whose errors say what to do.

    Options are declared with underscores. They have to be written out (no abbreviations), so that a
    new option never changes what an old script means. A usage error exits with code 2.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"allow_abbrev": False, **kwargs})
        self.add_argument(
            "--version",
            action="version",
            version=f"mlx-entropix {version()}",
            help="print the version, and do nothing else",
        )

    def parse_known_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: Any = None
    ) -> tuple[Any, list[str]]:
        """Parse after turning the hyphens in the names of options into underscores."""
        args = list(sys.argv[1:] if args is None else args)
        end = args.index("--") if "--" in args else len(args)
        return super().parse_known_args(
            [*map(_with_underscores, args[:end]), *args[end:]], namespace
        )

    def error(self, message: str) -> NoReturn:
        """Print what is wrong and what to do, and exit with code 2."""
        from mlx_entropix.cli.screen import print_error

        print_error(f"{_sentence(message)} {self._remedy(message)}")
        raise SystemExit(2)

    def _print_message(self, message: str, *_: Any) -> None:
        """Write a help text or the version; argparse would not tell that it could not."""
        write_out(message)

    def _remedy(self, message: str) -> str:
        unknown = re.search(r"unrecognized arguments: (--\w+)", message)
        close = unknown and difflib.get_close_matches(unknown[1], self._known_options(), n=1)
        if close:
            return f"Did you mean {close[0]}?"
        return f"Run `{self.prog} --help` for the options."

    def _known_options(self) -> list[str]:
        return [option for action in self._actions for option in action.option_strings]


def _with_underscores(argument: str) -> str:
    option = _LONG_OPTION.match(argument)
    if option is None:
        return argument
    return "--" + option[0][2:].replace("-", "_") + argument[option.end() :]


def _sentence(message: str) -> str:
    """An error of argparse as a sentence: `argument --seed: expected one argument` and the like."""
    message = re.sub(r"^argument ", "", message)
    message = re.sub(r"^unrecognized arguments:", "unknown arguments:", message)
    return message if message.endswith((".", "!", "?")) else f"{message}."


def run(
    work: Callable[[], int | None],
    options: Namespace,
    *,
    what: str = "this",
    interrupted: str | None = None,
) -> int:
    """Do the work of a command and return its exit code: what `work` returns, 0 for None.

    Before it, `--threads` takes effect.

    What goes wrong is said in a sentence or two on stderr, with a traceback under --debug. An error
    has its own exit code; one that nobody foresaw, of which the sentence says that `what` failed,
    has 1. Ctrl-C ends with 130, and with `interrupted` if that is to be said.
    """
    no_color = getattr(options, "no_color", False)
    if getattr(options, "threads", None):
        set_threads(options.threads)
    try:
        check_streams()
        code = work() or 0
        sys.stdout.flush()
        return code
    except KeyboardInterrupt:
        if interrupted is not None:
            _print_error(interrupted, no_color)
        return 130
    except BrokenPipeError:  # the reader of our output has gone, as `head` does
        give_up_output()
        return 1
    except Exception as raised:
        if options.debug:
            traceback.print_exc()
        known = backend_error(raised) if isinstance(raised, ImportError) else None
        error = known or output_error(raised) or raised
        if isinstance(error, EntropixError):
            _print_error(str(error), no_color)
            return error.exit_code
        _print_error(
            f"{what} failed in an unforeseen way ({type(error).__name__}: {error}). "
            "Run the same command with --debug to see where.",
            no_color,
        )
        return 1


def _print_error(message: str, no_color: bool) -> None:
    from mlx_entropix.cli.screen import print_error

    print_error(message, no_color=no_color)


def add_debug(group: Any) -> None:
    """`--debug`, which every command has."""
    group.add_argument("--debug", action="store_true", help="show a traceback with an error")


def add_model(group: Any) -> None:
    """`--weights_dir`, also called `--model`, what changes it, and `--threads` that compute it."""
    group.add_argument(
        "--weights_dir",
        "--model",
        "--model_path",
        metavar="WEIGHTS",
        help="a folder, a .gguf file or a Hugging Face repo id (default: "
        "weights/Llama-3.2-1B-Instruct if it is there, else the bundled SmolLM2-135M-Instruct)",
    )
    group.add_argument(
        "--adapter_path", metavar="FOLDER", help="a LoRA adapter for it, as mlx-lm trains them"
    )
    group.add_argument(
        "--kv_bits",
        type=int,
        choices=KV_BITS,
        metavar="N",
        help="keep keys and values of past tokens in 2, 4 or 8 bits (default: as they are)",
    )
    group.add_argument(
        "--kv_group_size",
        type=int,
        choices=KV_GROUP_SIZES,
        metavar="N",
        help="how many of them share a scale: 32, 64 or 128 (default: 64)",
    )
    group.add_argument(
        "--threads",
        type=whole_number(1),
        metavar="N",
        help="threads that compute a product where there is no GPU (default: as many as there are "
        "cores that nobody else keeps busy)",
    )


def check_model(parser: ArgumentParser, options: Namespace) -> None:
    """Exit where the options of `add_model` contradict each other."""
    if options.kv_group_size and not options.kv_bits:
        parser.error("--kv_group_size is for a KV cache of few bits, so it needs --kv_bits N.")


def check_adapter(options: Namespace) -> None:
    """Look at the adapter before a model is fetched or loaded. Raises `WeightsError`."""
    if options.adapter_path:
        from mlx_entropix.weights.adapter_config import read_adapter_config

        read_adapter_config(Path(options.adapter_path).expanduser())


def loading(options: Namespace) -> dict[str, Any]:
    """What was said of how to load the model, for `load_from` and for records of answers."""
    said = {"adapter_path": options.adapter_path, "kv_bits": options.kv_bits}
    if options.kv_bits:
        said["kv_group_size"] = options.kv_group_size or 64
    return {name: value for name, value in said.items() if value is not None}


def add_sampler(group: Any, use: str) -> None:
    """Which sampler: `use` says for what."""

    *most, last = (name + " (fitted to the model)" * (name == AUTO) for name in NAMES)
    group.add_argument(
        "--sampler",
        metavar="NAME",
        help=f"{use}{', '.join(most)} or {last} (default: {AUTO})",
    )
    group.add_argument("--normal", action="store_true", help="the plain sampler: --sampler normal")
    group.add_argument(
        "--entropix",
        dest="sampler",
        action="store_const",
        const="entropix",
        help="the published sampler: --sampler entropix",
    )
    group.add_argument(
        "--sampler_config",
        metavar="FILE",
        help="TOML or JSON with values that replace the preset's (docs/config.md)",
    )
    group.add_argument(
        "--print_config",
        action="store_true",
        help="print the sampler's values as such a file, and do nothing else",
    )


def add_base_values(group: Any) -> None:
    """What a sampler starts from, in place of the preset's values."""
    for name, (lowest, highest) in RANGES.items():
        number = int if name == "top_k" else float
        group.add_argument(
            f"--{name}",
            type=number,
            metavar="N" if number is int else "X",
            help=f"base {name.replace('_', '-')}, {lowest} to {highest}",
        )


def add_changes(group: Any) -> None:
    """What either sampler may be asked for beside its own."""
    for name, (lowest, highest) in CHANGES.items():
        group.add_argument(
            f"--{name}", type=float, metavar="X", help=f"{_CHANGES[name]}, {lowest} to {highest}"
        )
    group.add_argument(
        "--p_less",
        action="store_true",
        default=None,
        help="keep tokens at least as likely as two draws are to be equal",
    )
    group.add_argument(
        "--logit_bias",
        type=_bias,
        action="append",
        default=[],
        metavar="ID=X",
        help=f"add X to the logit of a token, {-MOST_BIAS} to {MOST_BIAS}; `mlx-entropix tokenize` "
        "shows ids; may be repeated",
    )


_CHANGES = {
    "repetition_penalty": "divide the logits of tokens in prompt and answer",
    "presence_penalty": "take off the logits of tokens in the answer",
    "frequency_penalty": "the same for each time that they are there",
    "top_n_sigma": "keep logits so many standard deviations below the best, 0 for all",
    "min_entropy_gain": "keep tokens that add so many bits to the entropy each, 0 for all",
    "xtc_probability": "how often the likeliest choices are excluded",
    "xtc_threshold": "from which probability on, but the least likely of them",
}


def _bias(text: str) -> tuple[int, float]:
    """A type for argparse: a token's id and what is added to its logit."""
    token_id, _, bias = text.partition("=")
    try:
        pair = int(token_id), float(bias)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no token's id with a bias, such as 504=-100"
        ) from None
    if pair[0] < 0 or not -MOST_BIAS <= pair[1] <= MOST_BIAS:
        raise argparse.ArgumentTypeError(
            f"{text!r}: an id is not negative, and a bias is from {-MOST_BIAS} to {MOST_BIAS}"
        )
    return pair


def check_sampler(parser: ArgumentParser, options: Namespace) -> None:
    """Exit where the options of `add_sampler` contradict each other."""
    if options.normal and options.sampler not in (None, "normal"):
        parser.error(f"--normal and --sampler {options.sampler} contradict each other.")


def add_speculation(group: Any) -> None:
    """How much is guessed ahead."""
    group.add_argument(
        "--speculate",
        type=_drafted,
        default=MOST_DRAFTED,
        metavar="off|N",
        help="tokens that are guessed ahead at most and verified in one step, where that is "
        "faster; the answer is the same (default: %(default)s)",
    )
    group.add_argument(
        "--draft_model",
        metavar="WEIGHTS",
        help="a smaller model with the same tokens, which guesses too: as for --model",
    )


def check_speculation(parser: ArgumentParser, options: Namespace) -> None:
    """Exit where a draft model cannot be used whatever it is."""
    if options.draft_model and not options.speculate:
        parser.error("--draft_model guesses tokens ahead, and --speculate off wants no guesses.")
    if options.draft_model and "MLX_RANK" in os.environ:
        parser.error("--draft_model is for a single machine: several ranks guess no tokens ahead.")


def _drafted(text: str) -> int:
    """A type for argparse: the most tokens of a draft, 0 for none."""
    return 0 if text == "off" else whole_number(1)(text)


def whole_number(at_least: int) -> Callable[[str], int]:
    """A type for argparse: a whole number of at least so much."""

    def number(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number") from None
        if value < at_least:
            raise argparse.ArgumentTypeError(f"{text} is too small, it must be at least {at_least}")
        return value

    return number
