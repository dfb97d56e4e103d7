"""The terminal's face of the download: arguments, progress bars, what is said at the end."""

import shlex
from argparse import ArgumentTypeError, Namespace
from pathlib import Path
from typing import Any

from mlx_entropix.cli.command import ArgumentParser, add_debug, run
from mlx_entropix.installed import called
from mlx_entropix.weights.locate import WEIGHTS_FOLDER

DEFAULT_MODEL_ID = "meta-llama/Llama-3.2-1B-Instruct"

_EPILOG = """\
Only the files that are needed are fetched. An interrupted download goes on where it stopped when
the same command is run again. For a gated model, accept its licence on its page first, then log in
with `hf auth login` or set HF_TOKEN.
"""


def main(argv: list[str] | None = None) -> int:
    """Run the command and return its exit code: 0 done, 1 failed, 2 bad input, 130 interrupted."""
    arguments = make_parser().parse_args(argv)
    return run(
        lambda: _run(arguments),
        arguments,
        what="the download",
        interrupted="interrupted. Run the same command again: it resumes where it stopped.",
    )


def make_parser() -> ArgumentParser:
    """The parser of `mlx_download_weights.py`."""
    parser = ArgumentParser(
        prog=called("download"),
        description="Download a model from the Hugging Face hub.",
        epilog=_EPILOG,
    )
    parser.add_argument(
        "--model_id",
        "--checkpoint",
        default=DEFAULT_MODEL_ID,
        metavar="ID",
        help="the model, as its page is called (default: %(default)s)",
    )
    parser.add_argument(
        "--out_dir",
        type=_folder,
        metavar="FOLDER",
        help="where to put it (default: weights/ and the last part of the model's id)",
    )
    parser.add_argument(
        "--weight_dir",
        type=_folder,
        metavar="FOLDER",
        help="where the default of --out_dir is, in place of weights/",
    )
    parser.add_argument(
        "--convert_to_mlx",
        action="store_true",
        help="changes nothing: weights are read as they come from the hub",
    )
    parser.add_argument("--revision", help="a branch, a tag or a commit (default: main)")
    parser.add_argument(
        "--file", metavar="NAME", help="one .gguf file, of a repo that has several of them"
    )
    add_debug(parser)
    return parser


def _folder(text: str) -> Path:
    if not text.strip():
        raise ArgumentTypeError("the name of a folder belongs here")
    return Path(text).expanduser()


def _run(arguments: Namespace) -> None:
    path = _download(arguments)
    print(f"The weights are in {path}. Run them:")
    print(f'  {called("ask")} --weights_dir {shlex.quote(str(path))} --input "Who are you?"')


def _download(arguments: Namespace) -> Path:
    from huggingface_hub.utils import logging

    from mlx_entropix.weights.hub import download_weights

    if not arguments.debug:
        logging.set_verbosity_error()  # its warnings of each retry would garble the bar
    parent = arguments.weight_dir or WEIGHTS_FOLDER
    out_dir = arguments.out_dir or parent / arguments.model_id.rsplit("/", 1)[-1]
    return download_weights(
        arguments.model_id, out_dir, arguments.revision, arguments.file, progress=hub_bar()
    )


def hub_bar() -> Any:
    """The class of a progress bar that shows itself after half a second."""
    # The hub client takes a third of a second to import, which --help does not wait for.
    from huggingface_hub.utils import tqdm

    class Bar(tqdm):
        """A bar of the hub client's, which takes long to import."""

        def __init__(self, *args: object, **kwargs: object) -> None:
            super().__init__(*args, **{"delay": 0.5, **kwargs})

    return Bar
