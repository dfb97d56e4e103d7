"""A model divided among three processes on the loopback."""

import json
import subprocess
import sys
from pathlib import Path

import httpx2
import pytest

from mlx_entropix import PRESETS, generate, load
from tests.ranks.launching import started
from tests.server.running import ROOT, Server, await_start, free_port

QUESTION = {"prompt": "Once upon a time", "max_tokens": 12, "sampler": "entropix"}


@pytest.fixture(scope="module")
def served(three_heads, tmp_path_factory):
    """Three ranks, of which the first serves."""
    folder, port = tmp_path_factory.mktemp("served"), free_port()
    options = ["--model", str(three_heads), "--port", str(port)]
    with started(folder, 3, *options, program="mlx_server.py") as ranks:
        server = Server(ranks.processes[0], f"http://127.0.0.1:{port}", folder / "err0")
        await_start(server)
        yield server, ranks


def test_a_server_on_three_ranks_gives_the_tokens_of_one_process(served, three_heads):
    server, _ = served
    model, tokenizer = load(three_heads)
    choices = server.post("/completions", {**QUESTION, "n": 4, "seed": 7}).json()["choices"]
    for choice in choices:
        alone = generate(
            model,
            tokenizer,
            QUESTION["prompt"],
            config=PRESETS["entropix"],
            max_tokens=12,
            seed=7 + choice["index"],
        )
        assert choice["text"] == alone


def test_paths_of_an_answer_that_forks_are_the_same_on_three_ranks(served, three_heads):
    server, _ = served
    model, tokenizer = load(three_heads)
    fork = {"policy": "independent", "paths": 3}
    answer = server.post("/completions", {**QUESTION, "seed": 3, "fork": fork}).json()
    alone = generate(
        model,
        tokenizer,
        QUESTION["prompt"],
        config=PRESETS["entropix"],
        max_tokens=12,
        seed=3,
        fork=fork,
    )
    assert answer["choices"][0]["text"] == alone


def test_a_rank_that_is_killed_ends_the_others_with_a_sentence(served):
    server, ranks = served
    body = {"prompt": "Once", "max_tokens": 200, "stream": True, "metrics": False}
    with httpx2.stream("POST", server.api + "/completions", json=body, timeout=60) as stream:
        lines = stream.iter_lines()
        next(lines)
        ranks.kill(1)
        assert "Rank 1 of 3 is gone" in "".join(lines)
    assert ranks.wait(20) == [1, -9, 1]
    assert "error: Rank 1 of 3 is gone" in ranks.said(0)
    assert not ranks.said(2)


def test_mlx_launch_runs_the_command_and_rank_0_alone_prints(three_heads):
    launch = [Path(sys.executable).with_name("mlx.launch"), "-n", "3", "--backend", "ring"]
    launch += ["--starting-port", str(free_port())]
    command = ["--model", three_heads, "--input", "Once upon", "--raw", "--json"]
    command += ["--max_tokens", "8", "--sampler", "entropix"]
    together = subprocess.run(
        [*launch, "--", sys.executable, "mlx_main.py", *command],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
    )
    (answer,) = map(json.loads, together.stdout.splitlines())
    model, tokenizer = load(three_heads)
    config = PRESETS["entropix"]
    assert answer["text"] == generate(model, tokenizer, "Once upon", config=config, max_tokens=8)


def test_ranks_that_the_heads_do_not_divide_by_are_refused_with_the_numbers(three_heads, tmp_path):
    with started(tmp_path, 2, "--model", str(three_heads), "--input", "Hello") as ranks:
        assert ranks.wait() == [2, 2]
        assert "6 attention heads, 3 KV heads, 192 numbers within an MLP" in ranks.said(0)
        assert "Start 3 ranks" in ranks.said(0)
        assert not ranks.said(1)
