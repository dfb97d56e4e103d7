"""Ranks as processes on the loopback, started as mlx.launch starts them."""

import contextlib
import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.server.running import ROOT


@dataclass
class Started:
    processes: list[subprocess.Popen]
    folder: Path

    def said(self, rank: int) -> str:
        return (self.folder / f"err{rank}").read_text()

    def printed(self, rank: int) -> str:
        return (self.folder / f"out{rank}").read_text()

    def wait(self, seconds: float = 120) -> list[int]:
        """The exit codes, once all have ended by themselves."""
        deadline = time.monotonic() + seconds
        return [process.wait(deadline - time.monotonic()) for process in self.processes]

    def kill(self, rank: int) -> None:
        self.processes[rank].send_signal(signal.SIGKILL)
        self.processes[rank].wait()


def free_ports(count: int) -> int:
    """The first of `count` free ports in a row, with a free one before it, where ranks meet.

    They lie below those that the system gives to whoever asks for any, so none of them goes to
    another test between now and when the ranks listen.
    """
    while True:
        first = random.SystemRandom().randrange(20_000, 32_000)
        try:
            for port in range(first - 1, first + count):
                with socket.socket() as probe:
                    probe.bind(("127.0.0.1", port))
        except OSError:
            continue
        return first


def hosts(count: int) -> str:
    first = free_ports(count)
    return json.dumps([[f"127.0.0.1:{first + rank}"] for rank in range(count)])


@contextlib.contextmanager
def started(
    folder: Path, count: int, *command: str, program: str = "mlx_main.py"
) -> Iterator[Started]:
    """`count` ranks of a program; none of them is left afterwards."""
    (folder / "hosts.json").write_text(hosts(count))
    processes = []
    for rank in range(count):
        own = {"MLX_RANK": str(rank), "MLX_HOSTFILE": str(folder / "hosts.json")}
        with (folder / f"out{rank}").open("wb") as out, (folder / f"err{rank}").open("wb") as err:
            processes.append(
                subprocess.Popen(
                    [sys.executable, program, *command],
                    cwd=ROOT,
                    env=os.environ | own,
                    stdin=subprocess.DEVNULL,
                    stdout=out,
                    stderr=err,
                )
            )
    try:
        yield Started(processes, folder)
    finally:
        for process in processes:
            process.kill()
            process.wait()
