"""The life of the process: options, start, stop, logs."""

import contextlib
import http.client
import json
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx2
import pytest

from tests.server.running import ROOT, Server, await_start, free_port, launch, running

STORY = [{"role": "user", "content": "Tell me a long story."}]
CHAT = {"messages": STORY, "seed": 0, "sampler": "entropix"}  # whose stories do not end early


def run(*options, **environment):
    return subprocess.run(
        [sys.executable, "mlx_server.py", *options],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def lines_of(response):
    return [line[6:] for line in response.iter_lines() if line.startswith("data: ")]


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (["--port", "99999"], 2, "the highest is 65535"),
        (["--max-rows", "0"], 2, "at least 1"),
        (["--max_kv_tokens", "8"], 2, "at least 64"),
        (["--sampler", "nucleus"], 2, "There is no sampler"),
        (["--normal", "--sampler", "frog"], 2, "contradict"),
        (["--sampler_config", "nowhere.json"], 2, "cannot be read"),
        (["--ui_dir", "tests"], 2, "no index.html"),
        (["--shutdown_timeout", "nan"], 2, "no time to wait"),
        (["--api_key", " "], 2, "the key is empty"),
        (["--api_key_file", "nowhere"], 2, "nowhere cannot be read (no such file"),
        (["--host", "256.1.1.1"], 1, "cannot listen on 256.1.1.1"),
        (["--port", "0", "--weights_dir", "no/such/folder"], 1, "no weights at no/such/folder"),
    ],
)
def test_what_cannot_start_says_why(options, code, message):
    result = run(*options)
    assert result.returncode == code, result.stderr
    assert message in result.stderr
    assert "error: " in result.stderr
    assert "Traceback" not in result.stderr
    assert len(result.stderr.splitlines()) <= 3


def test_a_taken_port_is_told_before_the_model_is_loaded():
    with socket.create_server(("127.0.0.1", 0)) as other:
        result = run("--port", str(other.getsockname()[1]))
    assert result.returncode == 1
    assert "address already in use" in result.stderr
    assert "--port" in result.stderr


def test_states_from_loading_to_stopping(tmp_path):
    """Under load, a signal lets answers go on for a while, cuts them with an error, exits 0.

    Here it is the one that a terminal sends as it is closed; others have SIGTERM and SIGINT.
    """
    server = launch(tmp_path / "log", "--shutdown_timeout", "3", "--max_rows", "2")
    try:
        await_start(server, "loading")
        early = server.post("/chat/completions", CHAT)
        assert early.status_code == 503
        assert early.headers["retry-after"]
        assert server.health()["model"] is None
        await_start(server)

        finished, cut, whole = [], [], []
        short = CHAT | {"max_tokens": 4, "stream": True}
        long = CHAT | {"max_tokens": 5000, "stream": True}

        def read(body, into):
            with httpx2.stream(
                "POST", server.api + "/chat/completions", json=body, timeout=60
            ) as r:
                into += lines_of(r)

        threads = [
            threading.Thread(target=read, args=pair) for pair in ((short, finished), (long, cut))
        ]
        waits = CHAT | {"max_tokens": 5000}
        threads.append(
            threading.Thread(target=lambda: whole.append(server.post("/chat/completions", waits)))
        )
        for thread in threads:
            thread.start()
        server.wait(lambda health: health["rows"] >= 1)
        server.process.send_signal(signal.SIGHUP)
        begin = time.monotonic()
        server.wait(lambda health: health["status"] == "stopping")
        refused = server.post("/chat/completions", CHAT)
        assert refused.status_code == 503
        assert "stopping" in refused.json()["error"]["message"]
        assert server.process.wait(30) == 0
        assert time.monotonic() - begin < 20  # a hang, not a measurement
        for thread in threads:
            thread.join()
    finally:
        server.process.kill()
    assert cut[-1] == finished[-1] == "[DONE]"
    assert json.loads(cut[-2])["error"]["code"] == "stopping"
    assert whole[0].status_code == 503
    assert whole[0].json()["error"]["code"] == "stopping"
    assert "Traceback" not in server.log.read_text()


@pytest.mark.parametrize("sig", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_while_loading_ends_the_process(tmp_path, sig):
    server = launch(tmp_path / "log")
    try:
        await_start(server, "loading")
        server.process.send_signal(sig)
        assert server.process.wait(30) == 0, server.log.read_text()
    finally:
        server.process.kill()
    assert "Traceback" not in server.log.read_text()


def test_what_is_not_read_yet_does_not_hold_up_the_end(tmp_path):
    """Idle connections, a body that never ends, and a prompt of millions of letters."""
    server = launch(tmp_path / "log")
    host, port = server.url.removeprefix("http://").split(":")
    head = f"POST /v1/completions HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
    try:
        await_start(server)
        with (
            httpx2.Client() as idle,
            socket.create_connection((host, int(port))),  # says nothing
            socket.create_connection((host, int(port))) as half,
            contextlib.closing(http.client.HTTPConnection(host, int(port))) as long,
        ):
            assert idle.get(server.url + "/health").status_code == 200
            half.sendall(f'{head}Content-Length: 50\r\n\r\n{{"prompt": '.encode())
            body = json.dumps({"prompt": "sheep " * 1_200_000})
            long.request("POST", "/v1/completions", body, {"content-type": "application/json"})
            server.process.send_signal(signal.SIGTERM)
            answer = long.getresponse()
            assert answer.status == 503
            assert json.load(answer)["error"]["code"] == "stopping"
            refusal = b"".join(iter(lambda: half.recv(4096), b""))
            assert b'"stopping"' in refusal
            assert server.process.wait(30) == 0
    finally:
        server.process.kill()
    assert "Traceback" not in server.log.read_text()


def test_second_ctrl_c_does_not_wait(tmp_path):
    server = launch(tmp_path / "log", "--shutdown_timeout", "1000")
    try:
        await_start(server)
        body = CHAT | {"max_tokens": 5000, "stream": True}
        with httpx2.stream("POST", server.api + "/chat/completions", json=body) as response:
            lines = response.iter_lines()  # to be held: without it the response is closed
            assert next(lines)
            server.process.send_signal(signal.SIGINT)
            server.wait(lambda health: health["status"] == "stopping")
            server.process.send_signal(signal.SIGINT)
            assert server.process.wait(30) == 0
    finally:
        server.process.kill()
    assert "Traceback" not in server.log.read_text()


def test_page_logs_and_documentation(tmp_path):
    page = tmp_path / "dist"
    (page / "assets").mkdir(parents=True)
    (page / "index.html").write_text("<!doctype html><title>page</title>")
    (page / "assets" / "a.js").write_text("1")
    options = ["--ui_dir", str(page), "--log_prompts", "--log_level", "debug"]
    with running(tmp_path / "log", *options) as server:
        index = httpx2.get(server.url + "/")
        assert "<title>page</title>" in index.text
        assert "default-src 'self'" in index.headers["content-security-policy"]
        assert index.headers["x-content-type-options"] == "nosniff"
        assert index.headers["cache-control"] == "no-cache"
        assert "immutable" in httpx2.get(server.url + "/assets/a.js").headers["cache-control"]
        for path in ("/../log", "/%2e%2e/log", "/assets/%2e%2e/%2e%2e/log", "//etc/passwd"):
            assert httpx2.get(server.url + path).status_code == 404, path
        assert httpx2.get(server.url + "/docs").status_code == 200
        chat = server.post(
            "/chat/completions", CHAT | {"max_tokens": 1}, headers={"x-request-id": "my-id"}
        )
        assert chat.headers["x-request-id"] == "my-id"
        server.wait(lambda _: "my-id" in server.log.read_text())  # logged once it was answered
        records = [
            json.loads(line) for line in server.log.read_text().splitlines() if line[0] == "{"
        ]
    assert len(records) == len(server.log.read_text().splitlines())  # nothing beside them
    mine = next(record for record in records if record.get("request_id") == "my-id")
    assert mine["path"] == "/v1/chat/completions"
    assert mine["status"] == 200
    assert mine["prompt"][0]["content"] == "Tell me a long story."
    assert "serving the bundled SmolLM2-135M-Instruct" in server.log.read_text()
    serving = next(record for record in records if record["message"] == "serving")
    assert serving["model"] == "SmolLM2-135M-Instruct"
    assert serving["page"] == f"{server.url}/"
    assert serving["api"] == server.api


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no file that is always full")
def test_a_log_that_takes_nothing_more_ends_no_answer(tmp_path):
    (tmp_path / "key").write_text("sesame\n")
    url = f"http://127.0.0.1:{(port := free_port())}"
    command = [sys.executable, "mlx_server.py", "--port", str(port)]
    with open("/dev/full", "wb") as full:
        process = subprocess.Popen(
            [*command, "--api_key_file", str(tmp_path / "key")], cwd=ROOT, stderr=full
        )
    server = Server(process, url, tmp_path / "log")
    server.log.touch()
    try:
        await_start(server)
        assert server.post("/chat/completions", CHAT).status_code == 401
        key = {"authorization": "Bearer sesame"}
        answer = server.post("/chat/completions", CHAT | {"max_tokens": 2}, headers=key)
        assert answer.json()["usage"]["completion_tokens"] == 2
        assert server.stop() == 0
    finally:
        process.kill()


def test_nothing_is_opened_in_the_place_of_a_closed_standard_error():
    code = (
        "from mlx_entropix.cli.streams import keep_streams; keep_streams()\n"
        "import sys; file = open('mlx_server.py'); print('lost', file=sys.stderr)\n"
        "raise SystemExit(file.fileno())"
    )
    command = f'exec "{sys.executable}" -c "{code}" 2>&-'
    assert subprocess.run(["sh", "-c", command], cwd=ROOT, check=False).returncode == 3
