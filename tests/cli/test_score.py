"""`--score`: a text and what the model thought of it; `--show_prompt`."""

import json
import math

import pytest

from mlx_entropix.cli.main import main as entropix

from .conftest import json_lines
from .test_bad_input import error_of, no_model  # noqa: F401

TEXT = "The capital of France is Paris, naïvely 🦊.\n"


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "text.txt"
    path.write_text(TEXT, "utf-8")
    return path


def test_a_file_is_written_as_it_is_with_its_perplexity_below(run_here, file):
    done = run_here("--score", file)
    assert done.returncode == 0
    assert done.stdout == TEXT
    assert "perplexity" in done.stderr
    assert "(95 %: " in done.stderr


def test_the_object_and_the_trace_say_the_same_of_each_token(run_here, tmp_path):
    trace = tmp_path / "trace.jsonl"
    done = run_here(
        "--score", "-", "--json", "--trace", trace, "--attended", 2, stdin=TEXT.encode()
    )
    answer = json.loads(done.stdout)
    prompt, *tokens, whole = json_lines(trace.read_text("utf-8"))
    said = [{k: v for k, v in token.items() if k not in ("type", "index")} for token in tokens]
    assert said == answer["prompt_metrics"]
    assert {token["type"] for token in tokens} == {"prompt_token"}
    assert [token["token_id"] for token in tokens] == prompt["token_ids"]
    assert whole["type"] == "score"
    logprobs = [token["logprob"] for token in said[1:]]
    assert whole["perplexity"] == answer["perplexity"]
    assert answer["perplexity"] == pytest.approx(math.exp(-sum(logprobs) / len(logprobs)))
    assert answer["perplexity_low"] < answer["perplexity"] < answer["perplexity_high"]
    assert all(1 <= len(token["attended"]) <= 2 for token in said[1:])


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"", "empty"), (b" \n", "empty"), (b"a\0b", "binary"), (b"\xff\xfe", "no UTF-8 text")],
)
@pytest.mark.usefixtures("no_model")
def test_a_file_without_text_is_refused_before_a_model_is_loaded(capsys, tmp_path, content, said):
    path = tmp_path / "file"
    path.write_bytes(content)
    assert said in error_of(capsys, "--score", path)
    assert "No such file" in error_of(capsys, "--score", tmp_path / "none")
    assert entropix(["score", str(path)]) == 2
    assert said in capsys.readouterr().err


@pytest.mark.usefixtures("no_model")
def test_options_that_mean_nothing_for_a_text_are_refused(capsys, file):
    assert "--stop" in error_of(capsys, "--score", file, "--stop", "x")
    assert "not allowed with" in error_of(capsys, "--score", file, "--input", "x")
    assert "--json" in error_of(capsys, "--score", file, "--attended", 3)
    assert "--input" in error_of(capsys, "--prompts", "--show_prompt")


def test_the_prompt_is_shown_before_the_answer_where_that_is_asked_for(run_here):
    asked = ("--input", "One, two,", "--raw", "--max_tokens", 3, "--show_prompt")
    answer = json.loads(run_here(*asked, "--json").stdout)
    assert run_here(*asked).stdout == f"One, two,{answer['text']}\n"
    assert answer["prompt_metrics"][1]["logprob"] < 0
