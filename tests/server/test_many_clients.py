"""Many clients at once, slow ones, and ones that go away without a word."""

import asyncio
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import httpx2
from openai import AsyncOpenAI

from mlx_entropix.server.settings import Settings
from tests.server.running import ROOT, running

PROMPTS = ["The capital of France is", "Once upon a time", "def main():", "One, two, three,"]


def body_of(seed: int, max_tokens: int, **fields) -> dict:
    asked = {"prompt": PROMPTS[seed % 4], "seed": seed, "sampler": "entropix"}
    return {**asked, "max_tokens": max_tokens, **fields}


def test_32_streams_at_once_equal_their_solo_runs(server):
    """16 of them are rows of one batch, the others wait and join as rows leave.

    Eight of them, of both kinds, are then asked for alone.
    """

    async def read(client, seed):
        body = body_of(seed, 4)
        extra = {"sampler": body.pop("sampler")}
        stream = await client.completions.create(
            model="SmolLM2-135M-Instruct", stream=True, extra_body=extra, **body
        )
        return "".join([chunk.choices[0].text async for chunk in stream])

    async def together():
        async with AsyncOpenAI(base_url=server.api, api_key="-", max_retries=0) as client:
            return await asyncio.gather(*(read(client, seed) for seed in range(32)))

    texts = asyncio.run(together())
    server.wait_idle()
    # Each prompt twice, early and late in line, and with it rows that joined beside strangers.
    for seed in (0, 5, 10, 15, 16, 21, 26, 31):
        alone = server.post("/completions", body_of(seed, 4, metrics=False)).json()
        assert alone["choices"][0]["text"] == texts[seed], f"seed {seed}"
    # The others are not compared one by one, but none is a copy of another row's answer.
    for i in range(4):
        assert len(set(texts[i::4])) > 4, "the seeds of a prompt make answers of their own"


def send(server, body: dict, path: str = "/v1/completions") -> socket.socket:
    """A connection on which a request was sent and nothing read yet, with small buffers."""
    host, port = server.url.removeprefix("http://").split(":")
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    # Small segments: the kernel makes the server's buffer some multiple of them, not megabytes.
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 536)
    client.connect((host, int(port)))
    data = json.dumps(body).encode()
    head = f"POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
    client.sendall(f"{head}Content-Length: {len(data)}\r\n\r\n".encode() + data)
    return client


def bytes_in_kernel(client: socket.socket) -> int:
    """What the server has handed over to the kernel and the client has not read."""
    ports = {f"{client.getsockname()[1]:04X}", f"{client.getpeername()[1]:04X}"}
    total = 0
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        _, local, remote, _, queues, *_ = line.split()
        if {local[-4:], remote[-4:]} == ports:
            total += sum(int(size, 16) for size in queues.split(":"))
    return total


LOUD = {
    "messages": [{"role": "user", "content": "Tell me a long story."}],
    **{"stream": True, "n": 8, "max_tokens": 20, "logprobs": True, "top_logprobs": 20},
    **{"sampler": "normal", "temperature": 0},
}
"""Asks for nearly half a megabyte: far more than small buffers hold."""

PREFIX_CACHE_MB = Settings().prefix_cache_bytes / 1e6
WRITE_BUFFER = 65536  # up to which uvicorn writes ahead of the kernel


def test_a_client_that_hardly_reads_does_not_slow_the_others(server):
    """Its rows go on at the batch's pace; what it does not read waits, in little room."""
    # With all that so many rows need, and those of the others beside them.
    assert server.post("/chat/completions", LOUD | {"n": 12}).status_code == 200
    before = resident_mb(server.process.pid)
    slow = send(server, LOUD, "/v1/chat/completions")
    try:
        server.wait(lambda health: health["rows"] == 8)
        received = slow.recv(1)
        # Others come, get all their tokens, and leave, while it takes a byte now and then.
        for seed in range(3):
            answer = server.post("/completions", body_of(seed, 4, metrics=False)).json()
            assert answer["usage"]["completion_tokens"] == 4
            received += slow.recv(1)
        server.wait_idle()  # its rows have ended, though hardly anything was read
        held = bytes_in_kernel(slow)
        assert resident_mb(server.process.pid) < before + 30
        assert server.post("/completions", body_of(0, 4)).status_code == 200
        while b"[DONE]" not in received[-100:]:
            received += slow.recv(65536)
    finally:
        slow.close()
    assert received.count(b'"position"') == 8 * 20
    # The kernel held only a part, so the stream was being held back all that time.
    assert 0 < held < len(received) - 2 * WRITE_BUFFER


def test_a_client_that_takes_nothing_is_given_up(tmp_path):
    """What waits for it would stay in memory for as long as it likes."""
    program = tmp_path / "impatient.py"
    program.write_text(
        f"import sys; sys.path.insert(0, {str(ROOT)!r})\n"
        "from mlx_entropix.server import responses\n"
        "from mlx_entropix.cli.serve import leave, main\n"
        "responses.PATIENCE_SECONDS = 0.5\n"
        "leave(main())\n"
    )
    with running(tmp_path / "log", program=str(program)) as server:
        stuck = send(server, LOUD, "/v1/chat/completions")
        server.wait(lambda health: health["rows"] == 8)
        server.wait(lambda _: "given up" in server.log.read_text())
        server.wait(lambda health: health["rows"] == 0, seconds=10)
        received = b""
        while piece := stuck.recv(65536):
            received += piece
        stuck.close()
        assert b"[DONE]" not in received
        assert server.post("/completions", body_of(0, 1)).status_code == 200
        assert "Traceback" not in server.log.read_text()


def resident_mb(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def open_files(pid: int) -> int:
    return len(os.listdir(f"/proc/{pid}/fd"))


def threads(pid: int) -> int:
    return len(os.listdir(f"/proc/{pid}/task"))


def test_200_clients_that_connect_and_drop_leave_nothing_behind(server):
    def drop(count, **fields):
        for i in range(count):
            client = send(server, body_of(i, 2000, **fields))
            if fields["stream"] and i % 4 == 0:
                client.recv(10)  # the others leave before anything has come
            if i % 3 == 0:  # with a reset in place of an end
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            client.close()
        server.wait_idle()

    pid = server.process.pid
    # As many rows as there can be, so that what they need is not taken for what clients left.
    assert server.post("/completions", body_of(0, 16, n=16)).status_code == 200
    drop(20, stream=True)
    before = resident_mb(pid), threads(pid), open_files(pid)
    workers = [
        threading.Thread(target=drop, args=(50,), kwargs={"stream": i % 2 == 0}) for i in range(4)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    server.wait(lambda _: open_files(pid) <= before[2], seconds=20)
    assert threads(pid) <= before[1] + 8  # the pool that tokenizes grows to its size and stays
    # What it keeps of past sequences it may keep, and no more than that.
    assert resident_mb(pid) < before[0] + PREFIX_CACHE_MB + 100
    assert server.post("/completions", body_of(0, 1)).status_code == 200


def test_a_killed_client_frees_its_row(server):
    script = (
        "import sys, httpx2\n"
        "with httpx2.stream('POST', sys.argv[1], content=sys.argv[2], timeout=60,\n"
        "    headers={'content-type': 'application/json'}) as response:\n"
        "    for line in response.iter_lines():\n"
        "        print(line, flush=True)\n"
    )
    arguments = [server.api + "/completions", json.dumps(body_of(0, 5000, stream=True))]
    client = subprocess.Popen([sys.executable, "-c", script, *arguments], stdout=subprocess.PIPE)
    assert client.stdout.readline().startswith(b"data: ")
    server.wait(lambda health: health["rows"] == 1)
    client.send_signal(signal.SIGKILL)
    client.wait()
    client.stdout.close()
    server.wait_idle()


def test_a_whole_answer_is_given_up_when_its_client_leaves(server):
    host, port = server.url.removeprefix("http://").split(":")
    connection = http.client.HTTPConnection(host, int(port))
    body = json.dumps(body_of(0, 5000))
    connection.request("POST", "/v1/completions", body, {"content-type": "application/json"})
    server.wait(lambda health: health["rows"] == 1)
    connection.close()
    server.wait_idle()


def test_streams_go_on_while_a_long_prompt_is_computed(server):
    """The long prompt is computed in pieces, between which every stream gets its token."""
    arrivals = []
    started = threading.Event()

    def read():
        body = body_of(1, 24, stream=True, sampler="normal", temperature=0)
        with httpx2.stream("POST", server.api + "/completions", json=body, timeout=60) as response:
            for line in response.iter_lines():
                if '"position"' in line:
                    arrivals.append(server.number("mlx_entropix_prompt_tokens_total"))
                    started.set()

    reader = threading.Thread(target=read)
    reader.start()
    assert started.wait(60)
    long = {"prompt": "A very long list of sheep. " * 50, "max_tokens": 1, "seed": 0}
    before = server.number("mlx_entropix_prompt_tokens_total")
    at_start = len(arrivals)
    assert server.post("/completions", long).status_code == 200
    between = [count for count in arrivals[at_start:] if count == before]
    reader.join()
    # Some 350 tokens are six pieces, so several tokens came before the long prompt was done.
    assert len(between) >= 3


def test_numbers_for_prometheus(server):
    before = {
        name: server.number(f"mlx_entropix_{name}")
        for name in ("generated_tokens_total", "quadrant_tokens_total", "requests_total")
    }
    server.post("/completions", body_of(0, 3))
    after = {name: server.number(f"mlx_entropix_{name}") for name in before}
    assert after["generated_tokens_total"] == before["generated_tokens_total"] + 3
    assert after["quadrant_tokens_total"] == before["quadrant_tokens_total"] + 3
    assert after["requests_total"] > before["requests_total"]
    assert server.number("mlx_entropix_rows") == 0
    assert server.number("mlx_entropix_queue") == 0
    assert server.number("mlx_entropix_time_to_first_token_seconds_count") > 0
    assert server.number("mlx_entropix_row_tokens_per_second_count") > 0
