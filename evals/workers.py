"""A model in this process, or in several that each have one thread of the BLAS.

Two processes of one thread are 1.3 times as fast as one of two threads: the sampler and all else
that is no matrix product run side by side too.
"""

import multiprocessing
import os
import queue
import signal
from collections.abc import Iterator, Sequence
from multiprocessing.process import BaseProcess
from typing import Any

from evals.plan import Job
from evals.records import Record
from mlx_entropix.errors import EvalError

_Block = Sequence[Job]


class InProcess:
    """Answers with a model that is loaded already."""

    def __init__(self, model: Any, tokenizer: Any, system: str, max_rows: int):
        self.model, self.tokenizer = model, tokenizer
        self.system, self.max_rows = system, max_rows

    def __call__(self, blocks: Sequence[_Block]) -> Iterator[Record]:
        """Answer block after block, each by an engine of its own."""
        from evals.answering import PREFIX_BYTES, answer_jobs
        from mlx_entropix.engine import Engine

        for block in blocks:
            engine = Engine(
                self.model,
                self.tokenizer,
                max_rows=self.max_rows,
                prefix_cache_bytes=PREFIX_BYTES,
            )
            yield from answer_jobs(engine, block, self.system)


class Workers:
    """Answers with `count` processes that load a model each; block i is the i mod count-th's."""

    def __init__(self, weights: str | None, system: str, max_rows: int, count: int):
        self.weights, self.system, self.max_rows = weights, system, max_rows
        self.count = count

    def __call__(self, blocks: Sequence[_Block]) -> Iterator[Record]:
        """Answer the blocks. Raises EvalError where a process fails."""
        context = multiprocessing.get_context("spawn")
        results: Any = context.Queue()
        shares = [blocks[i :: self.count] for i in range(min(self.count, len(blocks)))]
        processes = [
            context.Process(
                target=_work,
                args=(self.weights, self.system, self.max_rows, share, results),
                daemon=True,
            )
            for share in shares
        ]
        threads = os.environ.get("OPENBLAS_NUM_THREADS")
        os.environ["OPENBLAS_NUM_THREADS"] = "1"  # read when the child loads its BLAS
        try:
            for process in processes:
                process.start()
        finally:
            if threads is None:
                del os.environ["OPENBLAS_NUM_THREADS"]
            else:
                os.environ["OPENBLAS_NUM_THREADS"] = threads
        try:
            yield from _results(results, processes)
        finally:
            for process in processes:
                process.terminate()
            for process in processes:
                process.join()


def _results(results: Any, processes: Sequence[BaseProcess]) -> Iterator[Record]:
    """What the processes send, until each has said that it is done."""
    left = len(processes)
    while left:
        try:
            kind, content = results.get(timeout=1)
        except queue.Empty:
            if any(process.exitcode for process in processes):
                raise EvalError(
                    "A worker process ended early, perhaps for lack of memory; "
                    "try fewer --workers or --max_rows."
                ) from None
            continue
        if kind == "record":
            yield content
        elif kind == "error":
            raise EvalError(content)
        else:
            left -= 1


def _work(
    weights: str | None, system: str, max_rows: int, blocks: Sequence[_Block], results: Any
) -> None:
    """A worker process: load the model, send records. Ends where its parent has gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent hears it and ends us
    try:
        from mlx_entropix import load

        answer = InProcess(*load(weights), system, max_rows)
        parent = multiprocessing.parent_process()
        for record in answer(blocks):
            results.put(("record", record))
            if parent is not None and not parent.is_alive():
                return
        results.put(("done", None))
    except Exception as error:
        results.put(("error", f"A worker failed: {type(error).__name__}: {error}"))
