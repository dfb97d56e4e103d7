"""Answers in this process: what is shown, and what the model or the disk can do wrong."""

from dataclasses import replace

import mlx.core as mx
import pytest

from mlx_entropix import generate
from mlx_entropix.cli.answer import answer_one
from mlx_entropix.cli.answer_list import answer_list
from mlx_entropix.cli.sampler_options import named_config
from mlx_entropix.cli.trace_file import TraceFile
from mlx_entropix.errors import GenerationError, PromptError, TraceError, WeightsError
from mlx_entropix.prompts import Prompt

QUESTION = Prompt("question", "What is the capital of France?")


@pytest.fixture
def break_weights(session, monkeypatch):
    """Returns a function that puts NaN in the weights, which are mended after the test."""
    broken = session.model.norm.weight * mx.nan
    return lambda: monkeypatch.setitem(session.model.norm, "weight", broken)


def test_a_list_shows_each_answer_whole(session):
    prompts = [QUESTION, Prompt("\x1b[2Jgreeting", "Hi!"), QUESTION]
    assert answer_list(session, prompts, rows=3) == 0
    shown = session.shown()
    assert "2 of 3 · ␛[2Jgreeting\n" in shown
    assert "\x1b" not in shown
    parts = shown.split("question\n")
    assert len(parts) == 3
    # The same question with the same seed has the same answer in every row.
    first, last = (part.splitlines()[0] for part in parts[1:])
    assert first == last != ""
    assert shown.count(" tok/s | ") == shown.count(" | entropy ") == 3
    assert "first token" not in shown


def test_one_answer_is_the_same_as_in_a_list(session):
    assert answer_one(session, QUESTION) == 0
    streamed = session.shown().splitlines()[1]
    answer_list(session, [Prompt("other", "Hello."), QUESTION], rows=2)
    assert f"question\n{streamed}\n" in session.shown()


def test_the_legend_of_the_plain_sampler_has_no_quadrants(session):
    session.config = named_config("normal", session.auto)
    answer_one(session, QUESTION)
    assert "flowing" not in session.shown()
    assert session.shown().startswith(
        "stronger = less sure: 3.5 to 8 bits of entropy or surprise\n"
    )


def test_in_a_terminal_the_lines_end_between_words(session, monkeypatch):
    session.max_tokens = 60
    session.screen = replace(session.screen, quiet=True)  # no bar on a machine that is slow
    answer_one(session, QUESTION)
    plain, *_ = session.shown().splitlines()
    file = session.screen.answers.file
    monkeypatch.setattr(file, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(session.screen.answers, "_width", 30)
    begin = len(session.shown())
    answer_one(session, QUESTION)
    lines = session.shown()[begin:].splitlines()
    assert plain.split()[:12] == " ".join(lines).split()[:12]
    assert all(len(line) <= 30 for line in lines[:4])


def test_damaged_weights_are_bad_input(session, break_weights):
    break_weights()
    with pytest.raises(WeightsError, match="not finite numbers"):
        answer_one(session, QUESTION)


def test_weights_that_fail_on_the_way(session, break_weights, monkeypatch):
    shown_before = []

    def after_two(index, event):
        shown_before.append(event.text)
        if len(shown_before) == 2:
            break_weights()

    monkeypatch.setattr(session, "trace_token", after_two)
    with pytest.raises(GenerationError, match="not finite numbers"):
        answer_one(session, QUESTION)
    assert session.shown().endswith("".join(shown_before) + "\n")


def test_damaged_weights_in_a_list_name_each_prompt(session, break_weights, capsys):
    break_weights()
    assert answer_list(session, [QUESTION, QUESTION], rows=2) == 1
    err = capsys.readouterr().err
    assert "prompt 1 of 2 (question) failed" in err
    assert "prompt 2 of 2 (question) failed" in err


def test_a_prompt_that_does_not_fit(session):
    with pytest.raises(PromptError, match="takes at most 8,191"):
        answer_one(session, Prompt("long", "word " * 9000))


@pytest.mark.skipif("not __import__('os').path.exists('/dev/full')")
def test_a_full_disk_ends_the_trace_with_a_sentence(session):
    session.trace = TraceFile("/dev/full")
    with pytest.raises(TraceError, match="No space left on device"):
        answer_one(session, QUESTION)


def test_the_same_question_and_seed_have_the_same_answer_in_python(bundled, run_here):
    question = "Which planet is known as the red planet?"
    asked = run_here("--input", question, "--seed", "5", "--max_tokens", "6", "--quiet")
    messages = [{"role": "user", "content": question}]
    assert asked.stdout == generate(*bundled, messages, seed=5, max_tokens=6) + "\n"
