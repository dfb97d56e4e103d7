"""Clients that take what they can get, without a key."""

import socket
import subprocess
import sys

import httpx2

from tests.server.running import ROOT


def connect(server, sent: bytes = b"") -> socket.socket:
    host, port = server.url.removeprefix("http://").split(":")
    connection = socket.create_connection((host, int(port)), timeout=20)
    connection.sendall(sent)
    return connection


def test_idle_connections_beyond_the_cap_leave_the_server_reachable(guarded):
    idle = [connect(guarded) for _ in range(20)]
    assert httpx2.get(guarded.url + "/health", timeout=20).status_code == 200
    assert idle[0].recv(1) == b""  # the oldest had to make room
    for connection in idle:
        connection.close()


def test_half_a_request_is_told_that_it_is_late_and_none_is_closed(guarded):
    header = b"POST /v1/completions HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer sesame\r\n"
    body = b"content-type: application/json\r\ncontent-length: 9\r\n\r\n{"
    parts = (b"", header, header + body)
    silent, *late = [connect(guarded, part) for part in parts]
    with silent:
        assert silent.recv(1) == b""
    for connection in late:
        with connection:
            assert b" 408 " in connection.recv(1000)


def test_a_prompt_of_megabytes_is_refused_without_being_encoded_whole(server):
    answer = server.post("/completions", {"prompt": "word " * 1_500_000})
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "context_length_exceeded"


def test_a_long_list_of_prompts_is_refused_by_its_own_name(server):
    answer = server.post("/completions", {"prompt": ["a"] * 100})
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == "prompt"


def test_mlx_lm_can_be_used_where_few_open_files_are_allowed():
    low = "import resource as r; r.setrlimit(r.RLIMIT_NOFILE, (256, 256))"
    code = f"{low}; import mlx_entropix, mlx_lm.utils"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)
