"""The parser that every command shares."""

import subprocess
import sys

import pytest

from mlx_entropix.cli.command import ArgumentParser


@pytest.fixture
def parser():
    parser = ArgumentParser(prog="uv run some.py")
    parser.add_argument("--max_tokens", type=int, default=1)
    parser.add_argument("--prompt_csv", nargs="?", const="data/prompts.csv")
    group = parser.add_mutually_exclusive_group()
    group.add_argument("--input")
    group.add_argument("--no_color", action="store_true")
    return parser


@pytest.mark.parametrize(
    "arguments",
    [["--max_tokens", "5"], ["--max-tokens", "5"], ["--max-tokens=5"], ["--max_tokens=5"]],
)
def test_hyphens_and_underscores_are_the_same(parser, arguments):
    assert parser.parse_args(arguments).max_tokens == 5


def test_values_are_left_alone(parser):
    assert parser.parse_args(["--input=--a-b-c"]).input == "--a-b-c"
    assert parser.parse_args(["--input", "well-known"]).input == "well-known"
    assert parser.parse_args(["--input", "--not-an option"]).input == "--not-an option"
    assert parser.parse_args(["--input", "-"]).input == "-"
    assert parser.parse_args(["--input="]).input == ""
    assert parser.parse_args(["--prompt-csv", "my-file.csv"]).prompt_csv == "my-file.csv"
    assert parser.parse_args(["--prompt-csv", "--no-color"]).prompt_csv == "data/prompts.csv"
    assert parser.parse_args(["--input=a=b\n--max-tokens=3"]).input == "a=b\n--max-tokens=3"


def test_the_command_line_is_read_when_no_arguments_are_given(parser, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["some.py", "--no-color"])
    assert parser.parse_args().no_color


@pytest.mark.parametrize(
    ("arguments", "what", "remedy"),
    [
        (["--max-tokens", "x"], "--max_tokens: invalid int value: 'x'.", "--help"),
        (["--max-tokens"], "--max_tokens: expected one argument.", "--help"),
        (["--max-tokns", "5"], "unknown arguments: --max_tokns 5.", "Did you mean --max_tokens?"),
        (["--max", "5"], "unknown arguments: --max 5.", "--help"),
        (["hello", "world"], "unknown arguments: hello world.", "--help"),
        (["--input", "a", "--no_color"], "--no_color: not allowed with", "--help"),
    ],
)
def test_an_error_says_what_is_wrong_and_what_to_do(parser, capsys, arguments, what, remedy):
    with pytest.raises(SystemExit) as stopped:
        parser.parse_args(arguments)
    assert stopped.value.code == 2
    out, err = capsys.readouterr()
    first, second = err.splitlines()
    assert out == ""
    assert first.startswith(f"error: {what}")
    assert remedy in second


def test_help_and_usage_errors_do_not_load_the_hub_client():
    program = """
import sys
from mlx_entropix.cli.download import main
try:
    main(sys.argv[1:])
except SystemExit:
    pass
print(sorted({"huggingface_hub", "mlx", "transformers"} & set(sys.modules)))
"""
    for argument in ("--help", "--nonsense"):
        command = [sys.executable, "-c", program, argument]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        assert done.stdout.splitlines()[-1] == "[]"
