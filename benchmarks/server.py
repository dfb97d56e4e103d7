"""Our server against `mlx_lm.server`, with the same weights, in turn, under streaming clients.

uv run python -m benchmarks.server
"""

import asyncio
import contextlib
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import httpx2

from benchmarks.measure import (
    alternate,
    median_and_range,
    print_machine,
    print_table,
    ratio_of_medians,
)

CLIENTS = (1, 4, 8, 16)
SEEDED_CLIENTS = (1, 8)
TOKENS = 64
HISTORY_WORDS = 900  # with the template, some 1,000 tokens
ARRIVALS = 3  # long prompts that come while others are being answered
OURS, THEIRS = "ours", "mlx_lm.server"

_NO_GUESSES = ["--speculate", "off"]
_THEIR_MAIN = "import mlx_entropix; from mlx_lm.server import main; main()"

numbers_of_stories = count()


@dataclass
class Stream:
    """What one client saw: when it asked, when each chunk of text came, how many tokens it was."""

    asked: float
    chunks: list[float] = field(default_factory=list)
    tokens: int = 0

    @property
    def first(self) -> float:
        return self.chunks[0] - self.asked


@dataclass
class Load:
    """What all streams of one side took, over all rounds."""

    streams: list[Stream] = field(default_factory=list)

    def first_tokens(self) -> str:
        values = [stream.first for stream in self.streams]
        return f"{statistics.median(values):.2f} / {percentile_95(values):.2f}"

    def gap(self) -> str:
        gaps = [
            after - before
            for stream in self.streams
            for before, after in zip(stream.chunks, stream.chunks[1:], strict=False)
        ]
        return f"{percentile_95(gaps):.3f}"


def percentile_95(values: list[float]) -> float:
    return (
        statistics.quantiles(values, n=20, method="inclusive")[-1] if len(values) > 1 else values[0]
    )


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def server(command: list[str], port: int) -> Iterator[str]:
    """The URL of a server, once it answers."""
    process = subprocess.Popen(
        [sys.executable, *command, "--port", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=os.environ | {"HF_HUB_OFFLINE": "1"},
    )
    url = f"http://127.0.0.1:{port}"
    try:
        while True:
            if process.poll() is not None:
                raise SystemExit(f"{' '.join(command)} ended with {process.returncode}")
            with contextlib.suppress(httpx2.TransportError):
                if httpx2.get(f"{url}/v1/models").status_code == 200:
                    break
            time.sleep(0.2)
        yield url
    finally:
        process.kill()
        process.wait()


async def ask(
    client: httpx2.AsyncClient, url: str, messages: list[dict], **fields: object
) -> Stream:
    body = {
        "messages": messages,
        "max_tokens": TOKENS,
        "temperature": 0.666,
        "stream": True,
        "stream_options": {"include_usage": True},
        **fields,
    }
    stream = Stream(time.perf_counter())
    while not stream.tokens:
        # mlx_lm.server takes few connections at once and resets the rest; its clients come again.
        with contextlib.suppress(httpx2.TransportError):
            await _read_stream(client, url, body, stream)
    return stream


async def _read_stream(
    client: httpx2.AsyncClient, url: str, body: dict[str, object], stream: Stream
) -> None:
    """Fill in what the client of one request sees."""
    stream.chunks.clear()
    async with client.stream("POST", f"{url}/v1/chat/completions", json=body) as response:
        response.raise_for_status()
        async for line in response.aiter_lines():
            if not line.startswith("data: {"):
                continue
            chunk = json.loads(line[6:])
            if chunk.get("usage"):
                stream.tokens = chunk["usage"]["completion_tokens"]
            if any(choice["delta"].get("content") for choice in chunk["choices"]):
                stream.chunks.append(time.perf_counter())


def story() -> list[dict]:
    """A prompt that no server has seen, whose answer is long."""
    text = f"Write story number {next(numbers_of_stories)} about a lighthouse, as long as you can."
    return [{"role": "user", "content": text}]


def side(url: str, clients: int, load: Load, *, seeded: bool) -> Callable[[], float]:
    """A run of so many clients at once, which returns their tokens a second."""

    async def all_clients() -> list[Stream]:
        limits = httpx2.Limits(max_connections=None)
        async with httpx2.AsyncClient(timeout=600, limits=limits) as client:
            fields = [{"seed": seed} if seeded else {} for seed in range(clients)]
            return await asyncio.gather(*(ask(client, url, story(), **one) for one in fields))

    def run() -> float:
        begin = time.perf_counter()
        streams = asyncio.run(all_clients())
        took = time.perf_counter() - begin
        load.streams += streams
        return sum(stream.tokens for stream in streams) / took

    return run


def throughput(urls: dict[str, str], clients: tuple[int, ...], *, seeded: bool) -> None:
    """Print the table of more and more clients."""
    rates: dict[tuple[str, int], list[float]] = {}
    rows = []
    for number in clients:
        loads = {name: Load() for name in urls}
        sides = {n: side(url, number, loads[n], seeded=seeded) for n, url in urls.items()}
        measured = alternate(sides)
        for name, values in measured.items():
            del loads[name].streams[:number]  # the run before the measured ones
            rates[name, number] = values
            rows.append(
                [
                    number,
                    name,
                    median_and_range(values),
                    f"{ratio_of_medians(values, measured[THEIRS]):.2f}",
                    f"{ratio_of_medians(values, rates[name, clients[0]]):.2f}",
                    loads[name].first_tokens(),
                    loads[name].gap(),
                ]
            )
    seeds = "a seed in every request" if seeded else "no seeds"
    print(f"Streaming clients at once, {seeds}, {TOKENS} tokens each:\n")
    print_table(
        [
            "clients",
            "server",
            "tokens/s, all clients",
            "over mlx_lm.server",
            "over one client",
            "first token, median / p95 (s)",
            "gap, p95 (s)",
        ],
        rows,
    )


def long_story() -> list[dict]:
    """A prompt of about 1,000 tokens that no server has seen."""
    text = f"{next(numbers_of_stories)}. " + "The keeper lit the lamp and wrote. " * (
        HISTORY_WORDS // 7
    )
    return [{"role": "user", "content": text}]


def second_turn(urls: dict[str, str]) -> None:
    """Print how much sooner the answer to a second turn begins."""
    firsts: dict[str, list[float]] = {}

    def conversation(name: str) -> Callable[[], float]:
        async def run() -> float:
            messages = long_story()
            async with httpx2.AsyncClient(timeout=600) as client:
                cold = await ask(client, urls[name], messages, max_tokens=8, seed=0)
                answer = {"role": "assistant", "content": "So it went."}
                messages += [answer, {"role": "user", "content": "And then?"}]
                warm = await ask(client, urls[name], messages, max_tokens=8, seed=0)
            firsts.setdefault(name, []).append(cold.first)
            return warm.first

        return lambda: asyncio.run(run())

    warm = alternate({name: conversation(name) for name in urls})
    firsts = {name: values[1:] for name, values in firsts.items()}  # without the unmeasured run
    print("First token after about 1,000 tokens of history:\n")
    print_table(
        ["server", "first turn (s)", "second turn (s)", "second over first"],
        [
            [
                name,
                median_and_range(firsts[name], 2),
                median_and_range(values, 2),
                f"{ratio_of_medians(values, firsts[name]):.2f}",
            ]
            for name, values in warm.items()
        ],
    )


def long_arrivals(urls: dict[str, str]) -> None:
    """Print how long running answers stand still while long prompts come."""
    arrived: dict[str, list[float]] = {name: [] for name in urls}

    def stand_still(name: str) -> Callable[[], float]:
        async def run() -> float:
            async with httpx2.AsyncClient(timeout=600) as client:
                running = asyncio.gather(*(ask(client, urls[name], story()) for _ in range(4)))
                await asyncio.sleep(1.5)  # they are being written
                coming = [
                    ask(client, urls[name], long_story(), max_tokens=8) for _ in range(ARRIVALS)
                ]
                came = await asyncio.gather(*coming)
                streams = await running
            arrived[name].append(statistics.median(stream.first for stream in came))
            return max(
                after - before
                for stream in streams
                for before, after in zip(stream.chunks, stream.chunks[1:], strict=False)
            )

        return lambda: asyncio.run(run())

    longest = alternate({name: stand_still(name) for name in urls})
    print(f"{ARRIVALS} prompts of about 1,000 tokens come while 4 answers are being written:\n")
    print_table(
        ["server", "longest gap in the 4 (s)", "over mlx_lm.server", "their first tokens (s)"],
        [
            [
                name,
                median_and_range(values, 2),
                f"{ratio_of_medians(values, longest[THEIRS]):.2f}",
                median_and_range(arrived[name][1:], 2),
            ]
            for name, values in longest.items()
        ],
    )


@contextlib.contextmanager
def both_servers() -> Iterator[dict[str, str]]:
    """The URLs of both, with the same checkpoint."""
    from benchmarks.weights import write_checkpoint

    with tempfile.TemporaryDirectory(prefix="mlx-entropix-") as folder:
        checkpoint = str(write_checkpoint(Path(folder)))
        with (
            server(["-c", _THEIR_MAIN, "--model", checkpoint], free_port()) as theirs,
            # Else it would guess the answers of one round from those of the round before.
            server(
                ["mlx_server.py", "--weights_dir", checkpoint, *_NO_GUESSES], free_port()
            ) as ours,
        ):
            yield {THEIRS: theirs, OURS: ours}


def main() -> None:
    print_machine()
    with both_servers() as urls:
        throughput(urls, CLIENTS, seeded=False)
        throughput(urls, SEEDED_CLIENTS, seeded=True)
        second_turn(urls)
        long_arrivals(urls)


if __name__ == "__main__":
    main()
