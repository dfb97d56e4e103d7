"""The download with the real hub client, in processes of its own, against a hub on loopback."""

import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mlx_entropix.errors import DownloadError
from mlx_entropix.weights.repo_files import choose_files
from tests.weights.fake_hub import COMMIT, TOKEN, Hub, Repo

SCRIPT = Path(__file__).parents[2] / "mlx_download_weights.py"
MEGABYTE = 2**20
# The client hands over what it read in pieces of 10 MiB: less than that is lost with a connection.
WEIGHTS = random.Random(0).randbytes(24 * MEGABYTE)
SMALL = b"weights that fit a line"
CONFIG = {
    "model_type": "llama",
    "hidden_size": 8,
    "num_hidden_layers": 1,
    "intermediate_size": 8,
    "num_attention_heads": 2,
    "rms_norm_eps": 1e-5,
    "vocab_size": 8,
}


def repo(**more: bytes) -> Repo:
    """A small Llama; keyword `a__b` is the file `a.b`."""
    files = {
        "README.md": b"# A model",
        "config.json": json.dumps(CONFIG).encode(),
        "generation_config.json": b"{}",
        "tokenizer.json": b"{}",
        "tokenizer_config.json": b"{}",
        "model.safetensors": SMALL,
        "original/consolidated.00.pth": SMALL,
    }
    return Repo(files | {name.replace("__", "."): content for name, content in more.items()})


def environment(endpoint: str, home: Path, **more: str) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("HF_", "HUGGING"))}
    proxy = endpoint if endpoint.startswith("http://127.") else ""
    return kept | {
        "HF_ENDPOINT": endpoint,
        "HF_HOME": str(home / "hf"),
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_DISABLE_XET": "1",
        "HF_HUB_ETAG_TIMEOUT": "2",
        "HF_HUB_DOWNLOAD_TIMEOUT": "2",
        # Whatever goes elsewhere than to loopback arrives at the stand-in as well, and is noted.
        "HTTPS_PROXY": proxy,
        "HTTP_PROXY": proxy,
        "NO_PROXY": "127.0.0.1",
        **more,
    }


def start(endpoint: str, home: Path, *arguments: str, **env: str) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, str(SCRIPT), *arguments],
        cwd=home,
        env=environment(endpoint, home, **env),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(endpoint: str, home: Path, *arguments: str, **env: str) -> tuple[int, str, str]:
    process = start(endpoint, home, *arguments, **env)
    out, err = process.communicate(timeout=60)
    return process.returncode, out, err


def assert_fails(result: tuple[int, str, str], code: int, *phrases: str) -> None:
    """An error is two lines: what is wrong, what to do; nothing on stdout."""
    returncode, out, err = result
    assert returncode == code, err
    assert out == ""
    lines = err.strip().splitlines()
    assert lines[0].startswith("error: ")
    assert len(lines) == 2, err
    for phrase in phrases:
        assert phrase in err


def files_in(folder: Path) -> set[str]:
    """What is in the folder, without the client's own records."""
    paths = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    return {str(path) for path in paths if path.parts[0] != ".cache"}


def wait_until(condition, seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.02)


NEEDED = {"config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json"}


def test_default_model_is_downloaded_and_nothing_else(tmp_path):
    with Hub({"meta-llama/Llama-3.2-1B-Instruct": repo()}) as hub:
        code, out, err = run(hub.endpoint, tmp_path)
    assert (code, err) == (0, "")
    folder = tmp_path / "weights/Llama-3.2-1B-Instruct"
    assert files_in(folder) == NEEDED | {"model.safetensors"}
    assert (folder / "model.safetensors").read_bytes() == SMALL
    assert "uv run mlx_main.py --weights_dir weights/Llama-3.2-1B-Instruct --input" in out
    assert not hub.fetched("consolidated.00.pth")
    order = [Path(r.path).name for r in hub.requests if r.method == "GET"]
    assert order.index("config.json") < order.index("model.safetensors")  # checked first
    elsewhere = [r for r in hub.requests if r.method == "CONNECT" or r.path.startswith("http")]
    assert elsewhere == []


def test_second_run_fetches_nothing(tmp_path):
    with Hub({"org/tiny": repo()}) as hub:
        assert run(hub.endpoint, tmp_path, "--model-id", "org/tiny", "--out_dir", "here")[0] == 0
        hub.requests.clear()
        code, out, _ = run(hub.endpoint, tmp_path, "--model_id=org/tiny", "--out-dir=here")
        assert code == 0
        assert "here" in out
        assert not hub.fetched("model.safetensors")
        assert not hub.fetched("tokenizer.json")


def test_reset_connection_is_resumed_by_the_next_run(tmp_path):
    """The first shard is finished, the second breaks off: only its rest is fetched."""
    shards = {
        "model-00001-of-00002__safetensors": SMALL,
        "model-00002-of-00002__safetensors": WEIGHTS,
        "model__safetensors__index__json": b"{}",
    }
    sharded = repo(**shards)
    del sharded.files["model.safetensors"]
    second = "model-00002-of-00002.safetensors"
    with Hub({"org/two": sharded}) as hub:
        hub.cut_after[second] = 15 * MEGABYTE
        assert_fails(
            run(hub.endpoint, tmp_path, "--model_id", "org/two"), 1, "127.0.0.1", "resumes"
        )
        assert not (tmp_path / "weights/two/config.json").exists()  # what says it is complete
        hub.cut_after.clear()
        hub.requests.clear()
        code, _, err = run(hub.endpoint, tmp_path, "--model_id", "org/two")
        assert code == 0, err
        assert [r.range for r in hub.fetched(second)] == [f"bytes={10 * MEGABYTE}-"]
        assert not hub.fetched("model-00001-of-00002.safetensors")
    assert (tmp_path / "weights/two" / second).read_bytes() == WEIGHTS
    index = {"model.safetensors.index.json"}
    assert files_in(tmp_path / "weights/two") == NEEDED | index | {
        "model-00001-of-00002.safetensors",
        second,
    }


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_stopped_run_is_resumed(tmp_path, how):
    with Hub({"org/big": repo(model__safetensors=WEIGHTS)}) as hub:
        hub.stop_after["model.safetensors"] = 15 * MEGABYTE
        waiting = {"HF_HUB_DOWNLOAD_TIMEOUT": "60"}
        process = start(hub.endpoint, tmp_path, "--model_id", "org/big", **waiting)
        folder = tmp_path / "weights/big"
        wait_until(
            lambda: any(f.stat().st_size >= 10 * MEGABYTE for f in folder.glob("*.incomplete"))
        )
        # A second one would add to the same file.
        assert_fails(run(hub.endpoint, tmp_path, "--model_id", "org/big"), 1, "Another download")
        process.send_signal(how)
        out, err = process.communicate(timeout=30)
        if how == signal.SIGINT:
            assert_fails((process.returncode, out, err), 130, "interrupted", "resumes")
        hub.stop_after.clear()
        hub.requests.clear()
        code, _, err = run(hub.endpoint, tmp_path, "--model_id", "org/big")
        assert code == 0, err
        assert [r.range for r in hub.fetched("model.safetensors")] == [f"bytes={10 * MEGABYTE}-"]
    assert (folder / "model.safetensors").read_bytes() == WEIGHTS
    assert list(folder.glob("*.incomplete")) == []


def test_spoilt_partial_file_is_found_out_by_its_hash(tmp_path):
    with Hub({"org/big": repo(model__safetensors=WEIGHTS)}) as hub:
        hub.cut_after["model.safetensors"] = 15 * MEGABYTE
        assert run(hub.endpoint, tmp_path, "--model_id", "org/big")[0] == 1
        hub.cut_after.clear()
        (partial,) = (tmp_path / "weights/big").glob("*.incomplete")
        partial.write_bytes(bytes(10 * MEGABYTE))
        assert run(hub.endpoint, tmp_path, "--model_id", "org/big")[0] == 0
    assert (tmp_path / "weights/big/model.safetensors").read_bytes() == WEIGHTS


BAD_INPUT = [
    ("org/gated", (), "", ["gated", "not logged in", "/org/gated", "`hf auth login`"]),
    ("org/gated", (), TOKEN, ["gated", "your account", "Accept the licence"]),
    ("org/nothing", (), "", ["no model org/nothing", "spelling"]),
    ("org/nothing", (), TOKEN, ["no model org/nothing", "spelling"]),
    ("org/tiny", ("--revision", "v9"), "", ["no revision 'v9'"]),
    ("org/tiny", (), "hf_wrong", ["refuses your access token", "HF_TOKEN"]),
    ("org/tiny", (), "hf_wröng", ["access token", "Copy it again"]),
    ("https://example.org/a/b", (), "", ["not the id of a model"]),
    ("", (), "", ["not the id of a model"]),
    ("org/tiny", ("--out_dir", "file"), "", ["is a file", "--out_dir"]),
    ("org/tiny", ("--out_dir", "file/below"), "", ["is a file", "--out_dir"]),
    ("org/tiny", ("--out_dir", "other"), "", ["do not belong to this model"]),
    ("org/tiny", ("--file", "a.gguf"), "", ["no file 'a.gguf'"]),
    ("org/bert", (), "", ["'bert' is not supported"]),
    ("org/broken", (), "", ["config.json of org/broken"]),
    ("org/pickle", (), "", ["no weights that can be run"]),
    ("org/ggufs", (), "", ["x.Q4_0.gguf, x.Q8_0.gguf", "--file"]),
    ("org/bert-gguf", (), "", ["'bert' is not supported"]),
]

# One process for all of them: the hub client takes most of a second to start.
RUN_ALL = """
import contextlib, io, json, os, sys
from mlx_entropix.cli.download import main
results = []
for model_id, more, token, _ in json.load(sys.stdin):
    os.environ["HF_TOKEN"] = token
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main(["--model_id", model_id, *more])
    results.append([code, out.getvalue(), err.getvalue()])
print(json.dumps(results))
"""


@pytest.fixture(scope="module")
def bad_input_results(tmp_path_factory):
    home = tmp_path_factory.mktemp("bad")
    (home / "file").write_text("")
    (home / "other").mkdir()
    (home / "other/model-00001-of-00009.safetensors").write_text("")
    bert = json.dumps(CONFIG | {"model_type": "bert"}).encode()
    repos = {
        "org/gated": Repo(repo().files, gated=True),
        "org/tiny": repo(),
        "org/bert": repo(config__json=bert),
        "org/broken": repo(config__json=b"{"),
        "org/pickle": Repo({"config.json": b"{}", "pytorch_model.bin": SMALL}),
        "org/ggufs": Repo({"x.Q4_0.gguf": SMALL, "x.Q8_0.gguf": SMALL}),
        "org/bert-gguf": Repo({"x.gguf": SMALL}, gguf={"architecture": "bert"}),
    }
    with Hub(repos) as hub:
        done = subprocess.run(
            [sys.executable, "-c", RUN_ALL],
            input=json.dumps(BAD_INPUT),
            cwd=home,
            env=environment(hub.endpoint, home),
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        assert not hub.fetched("model.safetensors")
        assert not hub.fetched("x.gguf")
    assert not list(home.glob("weights/*/config.json"))
    return json.loads(done.stdout)


@pytest.mark.parametrize("case", range(len(BAD_INPUT)))
def test_bad_input_is_one_sentence_and_exit_code_2(bad_input_results, case):
    assert_fails(tuple(bad_input_results[case]), 2, *BAD_INPUT[case][-1])


@pytest.mark.skipif(sys.platform != "linux", reason="/sys refuses new folders on Linux")
def test_folder_that_cannot_be_made(tmp_path):
    with Hub({"org/tiny": repo()}) as hub:
        result = run(hub.endpoint, tmp_path, "--model_id", "org/tiny", "--out_dir", "/sys/weights")
    assert_fails(result, 2, "/sys/weights", "Choose another folder")


def test_one_gguf_file(tmp_path):
    repos = {"org/ggufs": Repo({"x.Q4_0.gguf": SMALL, "x.Q8_0.gguf": SMALL})}
    with Hub(repos) as hub:
        arguments = ("--model_id", "org/ggufs", "--file", "x.Q8_0.gguf")
        code, out, err = run(hub.endpoint, tmp_path, *arguments)
    assert (code, err) == (0, "")
    assert "--weights_dir weights/ggufs/x.Q8_0.gguf" in out
    assert files_in(tmp_path / "weights/ggufs") == {"x.Q8_0.gguf"}


def closed_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def test_no_network(tmp_path):
    refused = f"http://127.0.0.1:{closed_port()}"
    assert_fails(run(refused, tmp_path), 1, "refused the connection", "Check the network")
    assert_fails(run("http://hub.invalid", tmp_path), 1, "hub.invalid", "offline")
    assert_fails(run(refused, tmp_path, HF_HUB_OFFLINE="1"), 1, "HF_HUB_OFFLINE")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        endpoint = f"http://127.0.0.1:{silent.getsockname()[1]}"
        assert_fails(run(endpoint, tmp_path, HF_HUB_ETAG_TIMEOUT="1"), 1, "in time")
    assert not (tmp_path / "weights").exists()


@pytest.mark.parametrize(
    ("status", "phrase"),
    [(503, "error 503"), (429, "limits your requests"), (200, "not answer like a model hub")],
)
def test_hub_out_of_order(tmp_path, status, phrase):
    with Hub({}) as hub:
        hub.status = status
        assert_fails(run(hub.endpoint, tmp_path), 1, phrase)


def test_disk_too_small(tmp_path):
    huge = repo()
    huge.announced["model.safetensors"] = 10**16
    with Hub({"org/huge": huge}) as hub:
        result = run(hub.endpoint, tmp_path, "--model_id", "org/huge")
        assert_fails(result, 1, "needs 10000000.0 GB", "GB free", "Make room")
        assert not hub.fetched("model.safetensors")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_disk_full_in_the_middle(tmp_path):
    """The half-fetched file leads to /dev/full, on which the system refuses every byte."""
    with Hub({"org/big": repo(model__safetensors=WEIGHTS)}) as hub:
        hub.cut_after["model.safetensors"] = 15 * MEGABYTE
        assert run(hub.endpoint, tmp_path, "--model_id", "org/big")[0] == 1
        hub.cut_after.clear()
        (partial,) = (tmp_path / "weights/big").glob("*.incomplete")
        partial.unlink()
        partial.symlink_to("/dev/full")
        result = run(hub.endpoint, tmp_path, "--model_id", "org/big")
    assert_fails(result, 1, "disk is full", "resumes")


def test_traceback_only_with_debug(tmp_path):
    with Hub({}) as hub:
        code, _, err = run(hub.endpoint, tmp_path, "--debug")
    assert code == 2
    assert "Traceback" in err
    assert "error: There is no model" in err


FETCH = """
import sys
from mlx_entropix.weights.hub import fetch_to_cache
print(fetch_to_cache(sys.argv[1]))
"""


def fetch(endpoint: str, home: Path, repo_id: str, **env: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-c", FETCH, repo_id]
    env = environment(endpoint, home, **env)
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=60)


def test_cache_is_used_without_network(tmp_path):
    repos = {"org/tiny": repo(), "org/gguf": Repo({"x.gguf": SMALL})}
    with Hub(repos) as hub:
        first = fetch(hub.endpoint, tmp_path, "org/tiny")
        assert (first.returncode, first.stderr) == (0, "")
        folder = Path(first.stdout.strip())
        assert files_in(folder) == NEEDED | {"model.safetensors"}
        assert folder.name == COMMIT
        hub.requests.clear()
        assert fetch(hub.endpoint, tmp_path, "org/tiny").stdout == first.stdout
        assert not hub.fetched("model.safetensors")
        file = Path(fetch(hub.endpoint, tmp_path, "org/gguf").stdout.strip())
        assert file.name == "x.gguf"
        assert file.read_bytes() == SMALL
    assert fetch(hub.endpoint, tmp_path, "org/tiny").stdout == first.stdout  # refused
    assert fetch(hub.endpoint, tmp_path, "org/tiny", HF_HUB_OFFLINE="1").stdout == first.stdout
    (folder / "model.safetensors").unlink()
    assert "DownloadError" in fetch(hub.endpoint, tmp_path, "org/tiny").stderr  # not whole any more


@pytest.mark.parametrize(
    ("names", "chosen"),
    [
        (
            ["model.safetensors", "consolidated.safetensors", "model.fp16.safetensors"],
            ["model.safetensors"],
        ),
        (
            ["model.safetensors", "model.safetensors.index.json"],
            ["model.safetensors", "model.safetensors.index.json"],
        ),
        (  # both: the whole file, and not an index that leads to the shards
            [
                "model.safetensors",
                "model-00001-of-00001.safetensors",
                "model.safetensors.index.json",
            ],
            ["model.safetensors"],
        ),
        (
            ["model-00002-of-00002.safetensors", "model-00001-of-00002.safetensors", "x.gguf"],
            ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"],
        ),
        (
            ["model.safetensors", "onnx/model.onnx", "original/tokenizer.model", "LICENSE"],
            ["model.safetensors"],
        ),
        (
            ["model.safetensors", "chat_template.jinja", "config.json", "tokenizer.json"],
            ["model.safetensors", "tokenizer.json", "chat_template.jinja", "config.json"],
        ),
        (["x.gguf", "README.md", "config.json"], ["x.gguf"]),
    ],
)
def test_choice_of_files(names, chosen):
    assert choose_files(names) == chosen


@pytest.mark.parametrize(
    "names",
    [
        [],
        ["consolidated.safetensors"],
        ["adapter_model.safetensors"],
        ["original/model.safetensors"],
    ],
)
def test_nothing_to_choose(names):
    with pytest.raises(DownloadError, match="no weights that can be run"):
        choose_files(names)
