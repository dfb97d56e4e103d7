"""Standard streams that are closed or full: a sentence and an exit code, not a traceback."""

import sys

import pytest

from mlx_entropix.cli import ask
from mlx_entropix.cli.main import main

CLOSED = 2, "error: Standard output is closed.\n"
FULL = 1, "error: Standard output cannot be written (No space left on device).\n"


def ends_with(monkeypatch, stdout, words):
    """The exit code of a command on that stdout."""
    monkeypatch.setattr(sys, "stdout", stdout)
    try:
        return main(words)
    except SystemExit as stop:
        return stop.code


@pytest.mark.parametrize("words", [["--help"], ["--version"], ["ask", "--help"]])
def test_a_text_that_cannot_be_written_is_an_error(capsys, monkeypatch, words):
    with open("/dev/full", "w") as full:
        for stdout, (code, said) in ((None, CLOSED), (full, FULL)):
            assert ends_with(monkeypatch, stdout, words) == code
            assert capsys.readouterr().err.startswith(said)


def test_a_command_that_cannot_write_is_an_error(capsys, monkeypatch):
    with open("/dev/full", "w") as full:
        for stdout, (code, said) in ((None, CLOSED), (full, FULL)):
            assert ends_with(monkeypatch, stdout, ["--print_config"]) == code
            assert capsys.readouterr().err.startswith(said)


def test_standard_input_that_is_closed_holds_no_prompt(capsys, monkeypatch):
    monkeypatch.setattr(sys, "stdin", None)
    assert ask.main(["--input", "-"]) == 2
    assert "error: Standard input is closed." in capsys.readouterr().err
    assert ask.main([]) == 2
    assert "no terminal to chat in" in capsys.readouterr().err


def test_nothing_goes_elsewhere_where_stderr_is_closed(capsys, monkeypatch):
    monkeypatch.setattr(sys, "stderr", None)
    assert ask.main(["--input", ""]) == 2
    assert capsys.readouterr().out == ""
