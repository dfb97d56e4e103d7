"""Options that the prompt command and the server have in common."""

import argparse
from argparse import Namespace
from collections.abc import Callable
from typing import Any

from mlx_entropix.cli.arguments import ArgumentParser


def add_weights(group: Any) -> None:
    """`--weights_dir`, also called `--model`."""
    group.add_argument(
        "--weights_dir",
        "--model",
        metavar="WEIGHTS",
        help="a folder, a .gguf file or a Hugging Face repo id (default: "
        "weights/Llama-3.2-1B-Instruct if it is there, else the bundled SmolLM2-135M-Instruct)",
    )


def add_sampler(group: Any, use: str) -> None:
    """Which sampler: `use` says for what."""
    group.add_argument(
        "--sampler",
        metavar="NAME",
        help=f"{use}auto (fitted to the model), entropix, frog or normal (default: auto)",
    )
    group.add_argument("--normal", action="store_true", help="the plain sampler: --sampler normal")
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


def check_sampler(parser: ArgumentParser, options: Namespace) -> None:
    """Exit where the options of `add_sampler` contradict each other."""
    if options.normal and options.sampler not in (None, "normal"):
        parser.error(f"--normal and --sampler {options.sampler} contradict each other.")


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
