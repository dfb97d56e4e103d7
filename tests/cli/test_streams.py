"""Standard streams that are closed or full: a sentence and an exit code, not a traceback."""

import sys

import pytest

from mlx_entropix.cli import ask
from mlx_entropix.cli.main import main


@pytest.fixture(params=["closed", "full"])
def no_output(request, capsys, monkeypatch):  # capsys first, which has a stdout of its own
    """Standard output as a shell gives it by `>&-` and by `>/dev/full`, with what is to come."""
    if request.param == "closed":
        monkeypatch.setattr(sys, "stdout", None)
        yield 2, "error: Standard output is closed.\n"
        return
    with open("/dev/full", "w") as full:
        monkeypatch.setattr(sys, "stdout", full)
        yield 1, "error: Standard output cannot be written (No space left on device).\n"


@pytest.mark.parametrize("words", [["--help"], ["--version"], ["ask", "--help"]])
def test_a_text_that_cannot_be_written_is_an_error(no_output, capsys, words):
    code, said = no_output
    with pytest.raises(SystemExit) as stopped:
        main(words)
    assert stopped.value.code == code
    assert capsys.readouterr().err.startswith(said)


def test_a_command_that_cannot_write_is_an_error(no_output, capsys):
    code, said = no_output
    assert ask.main(["--print_config"]) == code
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
