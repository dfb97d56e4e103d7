"""What a model thinks before it answers, on the command line."""

import io
import json
from dataclasses import replace

import pytest
from rich.console import Console
from rich.segment import Segments

from mlx_entropix.cli.screen import Screen
from mlx_entropix.cli.thoughts import AnswerSegments
from mlx_entropix.engine import TokenEvent
from mlx_entropix.sampling import Metrics, Quadrant

ASK = ["--input", "Say it.", "--system", "", "--normal", "--temperature", "0", "--max_tokens", "12"]


def test_a_pipe_gets_the_answer_alone(run_here, thinking):
    done = run_here(*ASK, loaded=thinking)
    assert (done.returncode, done.stdout) == (0, "two\n")
    assert "6 tokens | 4 of thoughts" in done.stderr


def test_json_and_trace_mark_what_was_thought(run_here, thinking, tmp_path):
    trace = tmp_path / "trace.jsonl"
    done = run_here(*ASK, "--json", "--trace", trace, loaded=thinking)
    result = json.loads(done.stdout)
    *tokens, last = [json.loads(line) for line in trace.read_text().splitlines()][1:]
    for record in (result, last):
        assert (record["text"], record["reasoning_content"]) == ("two", "one")
        assert record["reasoning_tokens"] == 4
    assert [token.get("reasoning") for token in tokens] == [True] * 4 + [None] * 2


def test_variables_reach_the_chat_template(run_here, thinking):
    option = '{"enable_thinking": false}'
    done = run_here(*ASK, "--json", "--chat_template_kwargs", option, loaded=thinking)
    result = json.loads(done.stdout)
    assert "reasoning_content" not in result
    assert result["chat_template_kwargs"] == {"enable_thinking": False}


@pytest.mark.parametrize(
    ("option", "sentence"),
    [
        ("{enable_thinking: no}", "is no JSON object, write one such as"),
        ("[1]", "is no JSON object, write one such as"),
        (
            '{"enable_thinkin": true}',
            "no variable 'enable_thinkin'; did you mean 'enable_thinking'?",
        ),
        ('{"messages": []}', "cannot set 'messages', which is given already"),
    ],
)
def test_variables_that_cannot_be_given_are_a_usage_error(
    run_here, thinking, capsys, option, sentence
):
    try:
        done = run_here(*ASK, "--chat_template_kwargs", option, loaded=thinking)
        code, err = done.returncode, done.stderr
    except SystemExit as ended:
        code, err = ended.code, capsys.readouterr().err
    assert code == 2
    assert sentence in " ".join(err.split())


def test_a_terminal_shows_thoughts_dim_and_an_empty_line_before_the_answer():
    out = io.StringIO()
    console = Console(file=out, force_terminal=True, color_system="standard")
    shown = AnswerSegments(Screen(console, console, console, False, False, False))
    metrics = Metrics(1.0, 1.0, 1.0, 1.0, 1.0, 1.0)
    token = TokenEvent(0, 9, 1, "x", "", -0.5, metrics, Quadrant.FLOWING, None, reasoning="Hm.")
    for event in (token, replace(token, reasoning=""), replace(token, text="So.", reasoning=None)):
        console.print(Segments(shown.add(event)), end="")
    assert out.getvalue() == "\x1b[2mHm.\x1b[0m\n\nSo."
