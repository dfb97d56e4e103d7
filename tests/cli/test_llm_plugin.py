"""The plugin for `llm`, in `llm` itself."""

import json
import os
import re

import pytest
from click.testing import CliRunner

os.environ["LLM_LOAD_PLUGINS"] = "mlx-entropix"  # the package of the bundled model has one too

import llm.cli

from mlx_entropix import generate
from mlx_entropix.prompts import SYSTEM_PROMPT
from mlx_entropix.weights import locate
from mlx_entropix.weights.at_hand import weights_at_hand

QUESTION = "What is the capital of France?"
SHORT = ["-o", "max_tokens", "5"]


@pytest.fixture(scope="module")
def logs(tmp_path_factory):
    """Where `llm` keeps what it logs."""
    return tmp_path_factory.mktemp("llm")


@pytest.fixture
def ask(quick, monkeypatch, logs):
    """Runs `llm` with arguments, and gives what it wrote to stdout."""
    monkeypatch.setenv("LLM_USER_PATH", str(logs))
    monkeypatch.setattr("mlx_entropix.engine.load", lambda weights: quick)

    def run(*arguments, code=0):
        result = CliRunner().invoke(llm.cli.cli, arguments)
        assert result.exit_code == code, result.output
        return result.stdout if code == 0 else result.stderr

    return run


def test_it_answers_as_this_package_does_logs_it_and_goes_on(ask, quick):
    answer = ask("-m", "entropix", QUESTION, *SHORT)
    messages = [
        {"role": "system", "content": SYSTEM_PROMPT},
        {"role": "user", "content": QUESTION},
    ]
    written = generate(*quick, messages, max_tokens=5)
    assert answer == written + "\n"
    ask("-c", "And of Peru?", "-s", "Answer in one word.", "-o", "max_tokens", "3")
    first, second = json.loads(ask("logs", "--json", "-n", "2"))
    assert (first["prompt"], first["response"]) == (QUESTION, written)
    assert first["options_json"] == {"max_tokens": 5}
    assert first["response_json"]["finish_reason"] == "length"
    assert second["conversation_id"] == first["conversation_id"]
    asked = [
        {"role": "system", "content": "Answer in one word."},
        *messages[1:],
        {"role": "assistant", "content": written},
        {"role": "user", "content": "And of Peru?"},
    ]
    assert second["response"] == generate(*quick, asked, max_tokens=3)
    assert second["output_tokens"] == 3


def test_a_seed_gives_the_same_answer_and_colours_are_not_logged(ask):
    asked = ["-m", "entropix", "Once", "-o", "temperature", "3", "-o", "sampler", "normal", *SHORT]
    plain = ask(*asked, "-o", "seed", "5", "--no-stream")
    tinted = ask(*asked, "-o", "seed", "5", "-o", "color", "1")
    assert plain != ask(*asked, "-o", "seed", "6")
    assert "\x1b[" in tinted
    assert re.sub(r"\x1b\[[\d;]*m", "", tinted) == plain
    logged = json.loads(ask("logs", "--json", "-n", "3"))
    assert all("\x1b" not in log["response"] for log in logged)


def test_an_answer_has_the_form_of_a_schema(ask):
    answer = ask("-m", "entropix", "--schema", "even bool", "Is 4 even?", "-o", "max_tokens", "20")
    assert type(json.loads(answer)["even"]) is bool


def test_weights_that_are_here_are_models_of_their_own(ask, tmp_path, monkeypatch):
    folder = tmp_path / "hub" / "models--some--model" / "snapshots" / "1"
    folder.mkdir(parents=True)
    for name in ("config.json", "model.safetensors"):
        (folder / name).touch()
    for own in ("here/weights/mine.gguf", "checkout/weights/mine.gguf", "checkout/weights/b.gguf"):
        (tmp_path / own).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / own).touch()
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setattr(locate, "CHECKOUT", tmp_path / "checkout")
    found = [line.split(": ")[1] for line in ask("models").splitlines() if "Entropix" in line]
    assert sorted(found) == ["entropix", "entropix/b", "entropix/mine", "entropix/some/model"]
    assert weights_at_hand()["mine"] == "weights/mine.gguf"
    assert weights_at_hand()["b"] == str(tmp_path / "checkout/weights/b.gguf")


def test_what_cannot_be_done_is_said_in_a_sentence(ask, tmp_path):
    assert "temperature" in ask("-m", "entropix", "Hi", "-o", "temperature", "9", code=1)
    picture = tmp_path / "a.png"
    picture.write_bytes(b"\x89PNG\r\n\x1a\n")
    assert "attachment" in ask("-m", "entropix", "Hi", "-a", str(picture), code=1).lower()
