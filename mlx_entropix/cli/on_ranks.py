"""A command on several ranks: rank 0 does it, the others compute their share of the model.

Every rank is started with the same command line. Rank 0 alone reads prompts, writes answers, takes
signals and listens for clients. What goes wrong on another rank is told to rank 0, which says it
and ends all.
"""

import contextlib
import os
import signal
import sys
import time
import traceback
from argparse import Namespace
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from mlx_entropix.cli.command import loading, run
from mlx_entropix.errors import EntropixError
from mlx_entropix.ranks.launch import DATA, PIPELINE, TENSOR, launched

if TYPE_CHECKING:
    from mlx_entropix.ranks.join import Ranks

_SHARES = {
    TENSOR: "every layer",
    PIPELINE: "the layers, some on each, where mlx-lm can",
    DATA: "the prompts of a list, each with the whole model",
}


def add_parallel(group: Any, *shares: str) -> None:
    """`--parallel`, with what ranks may share in a command."""
    listed = "; ".join(f"{name}: {_SHARES[name]}" for name in shares)
    group.add_argument(
        "--parallel",
        choices=shares,
        help=f"what ranks of mlx.launch share. {listed} (docs/distributed.md; default: {TENSOR})",
    )


def alone(options: Namespace) -> str | None:
    """What is wrong where one process is to share something with others: a sentence."""
    if options.parallel and "MLX_RANK" not in os.environ:
        return "--parallel is for several ranks: mlx.launch starts them (docs/distributed.md)."
    return None


@contextlib.contextmanager
def first_rank_alone() -> Iterator[None]:
    """On ranks other than 0, which see the same options: nothing is said, here or on stdout."""
    if os.environ.get("MLX_RANK", "0") == "0":
        yield
        return
    silence = open(os.devnull, "w")  # noqa: SIM115  (for as long as the process lives)
    sys.stdout = silence
    with contextlib.redirect_stderr(silence):
        yield


def on_ranks(work: "Callable[[Ranks | None], int | None]", options: Namespace, **said: Any) -> int:
    """Do the work of a command as `run` does, with `said`, and return its exit code.

    On several ranks `work` is done by rank 0, which then ends all of them, this process too; and a
    rank that is gone ends the command with a sentence and the exit code 1.
    """
    met: list[Ranks] = []

    def do() -> int | None:
        launch = None if options.print_config else launched()
        if launch is None:
            return work(None)
        from mlx_entropix.ranks.join import join

        # Ctrl-C reaches all. Once there is a rank 0 to be told by, it is for that one to take.
        met.append(join(launch, _end, options.parallel or TENSOR))
        if launch.rank == 0:
            return work(met[0])
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        return _follow(met[0], options)

    code = run(do, options, **said)
    if met:
        if met[0].rank == 0:
            met[0].close(code)
        # An operation of the device that waits for another rank would hold up an orderly end.
        _end("", code)
    return code


def _follow(ranks: "Ranks", options: Namespace) -> int:
    """Compute this rank's share for as long as rank 0 lives."""
    from mlx_entropix.engine import answer_for, load_from, replay
    from mlx_entropix.engine.ranked import NEWS_SECONDS
    from mlx_entropix.weights.locate import locate_weights

    try:
        location = locate_weights(options.weights_dir)
        model, tokenizer = load_from(location, ranks=ranks, **loading(options))
        return (answer_for if ranks.share == DATA else replay)(ranks, model, tokenizer)
    except Exception as error:
        if options.debug:
            traceback.print_exc()
        if isinstance(error, EntropixError):
            message, code = str(error), error.exit_code
        else:
            message = f"failed in an unforeseen way ({type(error).__name__}: {error})."
            code = 1
            time.sleep(NEWS_SECONDS)
        ranks.tell("failed", message, code)
        return code


def _end(message: str, code: int) -> None:
    """End the process at once, wherever it is; an operation that waits cannot be interrupted."""
    with contextlib.suppress(OSError, ValueError):
        if message:
            from mlx_entropix.cli.screen import print_error

            if sys.stderr.isatty():
                sys.stderr.write("\x1b[?25h")  # a progress bar hides the cursor
            print_error(message)
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code)
