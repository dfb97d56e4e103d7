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

QUESTION = "What is the capital of France?"
WARM = ["-o", "temperature", "3", "-o", "sampler", "normal", "-o", "max_tokens", "6"]


@pytest.fixture
def ask(bundled, monkeypatch, tmp_path):
    """Runs `llm` with arguments, and gives what it wrote to stdout."""
    monkeypatch.setenv("LLM_USER_PATH", str(tmp_path))
    monkeypatch.setattr("mlx_entropix.engine.load", lambda weights: bundled)

    def run(*arguments, code=0):
        result = CliRunner().invoke(llm.cli.cli, arguments)
        assert result.exit_code == code, result.output
        return result.stdout if code == 0 else result.stderr

    return run


def test_it_answers_as_this_package_does_logs_it_and_goes_on(ask, bundled):
    answer = ask("-m", "entropix", QUESTION)
    messages = [
        {"role": "system", "content": SYSTEM_PROMPT},
        {"role": "user", "content": QUESTION},
    ]
    assert answer == generate(*bundled, messages) + "\n"
    ask("-c", "And of Peru?", "-s", "Answer in one word.", "-o", "max_tokens", "3")
    first, second = json.loads(ask("logs", "--json"))
    assert (first["prompt"], first["response"]) == (QUESTION, answer.strip())
    assert (first["response_json"]["finish_reason"], first["options_json"]) == ("stop", {})
    assert second["options_json"] == {"max_tokens": 3}
    assert second["conversation_id"] == first["conversation_id"]
    asked = [
        {"role": "system", "content": "Answer in one word."},
        *messages[1:],
        {"role": "assistant", "content": answer.strip()},
        {"role": "user", "content": "And of Peru?"},
    ]
    assert second["response"] == generate(*bundled, asked, max_tokens=3)
    assert second["output_tokens"] == 3


def test_a_seed_gives_the_same_answer_and_colours_are_not_logged(ask):
    plain = ask("-m", "entropix", "Once upon", *WARM, "-o", "seed", "5", "--no-stream")
    tinted = ask("-m", "entropix", "Once upon", *WARM, "-o", "seed", "5", "-o", "color", "1")
    assert plain != ask("-m", "entropix", "Once upon", *WARM, "-o", "seed", "6")
    assert "\x1b[" in tinted
    assert re.sub(r"\x1b\[[\d;]*m", "", tinted) == plain
    assert all("\x1b" not in log["response"] for log in json.loads(ask("logs", "--json")))


def test_an_answer_has_the_form_of_a_schema(ask):
    answer = ask("-m", "entropix", "--schema", "even bool", "Is 4 even?", "-o", "max_tokens", "20")
    assert type(json.loads(answer)["even"]) is bool


def test_weights_that_are_here_are_models_of_their_own(ask, tmp_path, monkeypatch):
    folder = tmp_path / "hub" / "models--some--model" / "snapshots" / "1"
    folder.mkdir(parents=True)
    for name in ("config.json", "model.safetensors"):
        (folder / name).touch()
    own = tmp_path / "weights" / "mine.gguf"
    own.parent.mkdir()
    own.touch()
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.chdir(tmp_path)
    found = {line.split(": ")[1] for line in ask("models").splitlines() if "Entropix" in line}
    assert found == {"entropix", "entropix/mine", "entropix/some/model"}


def test_what_cannot_be_done_is_said_in_a_sentence(ask, tmp_path):
    assert "temperature" in ask("-m", "entropix", "Hi", "-o", "temperature", "9", code=1)
    picture = tmp_path / "a.png"
    picture.write_bytes(b"\x89PNG\r\n\x1a\n")
    assert "attachment" in ask("-m", "entropix", "Hi", "-a", str(picture), code=1).lower()
