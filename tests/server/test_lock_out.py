"""Clients that take what they can get, without a key."""

import contextlib
import resource
import socket
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import httpx2

from tests.server.running import ROOT, running


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


IDLE = 3000
HANG = 10  # seconds; what is not there by then will not come


def test_all_attacks_at_once_stop_neither_a_stream_nor_the_health_check(tmp_path):
    """With few open files allowed, as a service manager may have it."""
    program = tmp_path / "few_files.py"
    program.write_text(
        f"import resource, sys; sys.path.insert(0, {str(ROOT)!r})\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (512, 512))\n"
        "from mlx_entropix.cli.serve import leave, main\n"
        "leave(main())\n"
    )
    before, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = 8192 if hard == resource.RLIM_INFINITY else min(hard, 8192)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))  # for the connections of this side
    count = min(IDLE, most - 500) // 3
    story = {"prompt": "Once upon a time", "max_tokens": 5000, "stream": True}
    story |= {"sampler": "entropix", "seed": 0}
    big = b'{"prompt": "' + b"word " * 1_600_000 + b'"}'
    half = b"POST /v1/completions HTTP/1.1\r\nhost: 127.0.0.1\r\n"
    slow = half + b"content-type: application/json\r\ncontent-length: 9\r\n\r\n{"
    with running(tmp_path / "log", program=str(program)) as server, contextlib.ExitStack() as open_:
        open_.callback(resource.setrlimit, resource.RLIMIT_NOFILE, (before, hard))
        came: list[str] = []
        attacked = threading.Event()

        def read():
            url = server.api + "/completions"
            with httpx2.stream("POST", url, json=story, timeout=HANG) as response:
                for line in response.iter_lines():
                    came.append(line)
                    if attacked.is_set():
                        break

        def reachable():
            assert httpx2.get(server.url + "/health", timeout=HANG).status_code == 200

        def more_comes():
            before = len(came)
            server.wait(lambda _: len(came) > before, seconds=HANG)

        def flood(sent):
            for i in range(count):
                open_.enter_context(connect(server, sent))
                if i % 200 == 0:
                    reachable()

        def ask():
            headers = {"content-type": "application/json"}
            url = server.api + "/completions"
            return httpx2.post(url, content=big, headers=headers, timeout=120).status_code

        reader = threading.Thread(target=read)
        reader.start()
        server.wait(lambda _: len(came) > 2)
        with ThreadPoolExecutor(max_workers=9) as attackers:
            prompts = [attackers.submit(ask) for _ in range(6)]
            floods = [attackers.submit(flood, sent) for sent in (b"", half, slow)]
            while not all(attack.done() for attack in floods + prompts):
                reachable()
                more_comes()
            for attack in floods:
                attack.result()
            # A body that is still on its way may have to make room, as all that is not there yet.
            made_room = httpx2.TransportError
            codes = [a.result() for a in prompts if not isinstance(a.exception(), made_room)]
        attacked.set()
        reader.join(HANG)
        assert not reader.is_alive()
        assert set(codes) <= {400}
        log = server.log.read_text()
        assert "Traceback" not in log
        assert log.count("\n") < count + 50  # a line for each request that has its header
