"""A model divided among three processes on the loopback."""

import json
import subprocess
import sys
from pathlib import Path

import httpx2
import pytest

from mlx_entropix import PRESETS, PlainConfig, generate, load, stream_generate
from mlx_entropix.engine import Request
from mlx_entropix.engine.wire import decode, encode
from mlx_entropix.errors import RankError, WeightsError
from mlx_entropix.model.shard import check_divides
from mlx_entropix.ranks.launch import Launch, launched
from mlx_entropix.weights.model_config import read_config
from tests.ranks.launching import free_ports, started
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


def test_a_server_on_three_ranks_gives_the_tokens_and_metrics_of_one_process(served, three_heads):
    server, _ = served
    model, tokenizer = load(three_heads)
    answers = server.post("/completions", {**QUESTION, "n": 4, "seed": 7}).json()
    for i in range(4):
        records = [record for record in answers["metrics"] if record["choice"] == i]
        alone = stream_generate(
            model,
            tokenizer,
            QUESTION["prompt"],
            config=PRESETS["entropix"],
            max_tokens=12,
            seed=7 + i,
        )
        for event, record in zip(alone, records, strict=True):
            assert record["token_id"] == event.token_id
            shown = {name: record[name] for name in event.metrics._fields}
            assert shown == pytest.approx(event.metrics._asdict(), abs=1e-3)


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
    assert "error: " not in ranks.said(2)


def test_mlx_launch_spreads_a_list_over_ranks_and_rank_0_alone_prints(three_heads, tmp_path):
    names = ["one", "two", "three", "four"]
    rows = [f"{name},Once upon {name}\n" for name in names]
    (tmp_path / "list.csv").write_text("act,prompt\n" + "".join(rows))
    command = ["--model", three_heads, "--prompt_csv", tmp_path / "list.csv", "--raw", "--json"]
    command += ["--parallel", "data", "--rows", "1", "--max_tokens", "6", "--sampler", "entropix"]
    launch = [Path(sys.executable).with_name("mlx.launch"), "-n", "2", "--backend", "ring"]
    together = subprocess.run(
        [
            *launch,
            "--starting-port",
            str(free_ports(2)),
            "--",
            sys.executable,
            "mlx_main.py",
            *command,
        ],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert together.returncode == 0, together.stderr
    texts = {line["name"]: line["text"] for line in map(json.loads, together.stdout.splitlines())}
    model, tokenizer = load(three_heads)
    config = PRESETS["entropix"]
    for name in names:
        prompt = f"Once upon {name}"
        assert texts[name] == generate(model, tokenizer, prompt, config=config, max_tokens=6)


def test_ranks_that_the_heads_do_not_divide_by_are_refused_with_the_numbers(three_heads):
    with pytest.raises(WeightsError) as refused:
        check_divides(read_config(three_heads), 2, "tiny")
    assert "2 ranks: it has 6 attention heads, 3 KV heads, 192 numbers in an MLP" in str(
        refused.value
    )
    assert "Start 3 ranks" in str(refused.value)


@pytest.mark.parametrize("backend", ["ring", "jaccl", "nccl"])
def test_a_rank_knows_its_place_from_what_mlx_launch_says(backend, tmp_path):
    file = tmp_path / "file"
    content = {
        "ring": [["10.0.0.1:5000"], ["10.0.0.2:5001"]],
        "jaccl": [[None, "rdma_en5"], ["rdma_en5", None]],
        "nccl": [],
    }
    file.write_text(json.dumps(content[backend]))
    said = {
        "ring": {"MLX_HOSTFILE": str(file)},
        "jaccl": {"MLX_IBV_DEVICES": str(file), "MLX_JACCL_COORDINATOR": "10.0.0.1:5000"},
        "nccl": {"MLX_WORLD_SIZE": "2", "NCCL_HOST_IP": "10.0.0.1", "NCCL_PORT": "5000"},
    }
    launch = launched({"MLX_RANK": "1", **said[backend]})
    assert launch == Launch(1, 2, backend, "10.0.0.1", 4999, 1)


@pytest.mark.parametrize(
    "said",
    [{"MLX_RANK": "2"}, {"MLX_RANK": "x"}, {"MLX_RANK": "0", "MLX_HOSTFILE": "/no/such/file"}],
)
def test_a_rank_without_a_place_is_told_so(said, tmp_path):
    (tmp_path / "hosts").write_text('[["127.0.0.1:5000"], ["127.0.0.1:5001"]]')
    with pytest.raises(RankError):
        launched({"MLX_HOSTFILE": str(tmp_path / "hosts"), **said})


def test_one_rank_alone_is_no_rank():
    assert launched({}) is None
    assert launched({"MLX_RANK": "0"}) is None


def test_requests_and_events_survive_the_way_to_another_rank(bundled):
    model, tokenizer = bundled
    prompt = tuple(tokenizer.encode("Once"))
    slopes = {"resampling": {"when": ["logits_entropy_slope > 0.0"]}}
    for config in (PRESETS["entropix"].override(slopes), PlainConfig(temperature=0.5)):
        request = Request(
            prompt, config, 4, seed=3, stop=("a", "é"), alternatives=2, certainty=True
        )
        there = decode(json.loads(json.dumps(encode(request))))
        assert there == request
    for event in stream_generate(model, tokenizer, prompt, max_tokens=3, alternatives=2):
        assert decode(json.loads(json.dumps(encode(event)))) == event


def test_a_request_with_a_policy_of_ones_own_is_not_sent_silently_without_it():
    with pytest.raises(RankError, match="object"):
        encode(Request((1,), PRESETS["entropix"], policy=object()))
