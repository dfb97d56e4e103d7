import json

import pytest

from evals.command import main


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["run", "--arms", "best"], "There is no arm 'best'. There are: greedy,"),
        (["run", "--tasks", "chess"], "There is no task 'chess'. There are: chain_sum,"),
        (["run", "--arm", "mine"], "--arm 'mine' is not NAME=FILE"),
        (["run", "--arm", "mine=gone.json"], "gone.json cannot be read"),
        (["run", "--data", "gone"], "--data gone is no folder"),
        (["run", "--model", "gone/model/here"], "gone/model/here"),
        (["run", "--tasks", "svamp", "--data", "."], "svamp.json is not there. Get it with"),
        (["run", "--url", "http://127.0.0.1:9/v1"], "does not answer as a server"),
        (["report", "gone.jsonl"], "gone.jsonl cannot be read"),
        (["tune", "--candidates", "mine=gone.json"], "gone.json cannot be read"),
    ],
)
def test_what_cannot_be_done_is_one_sentence_and_exit_2(arguments, sentence, tmp_path, capsys):
    if arguments[0] != "report":
        arguments = [*arguments, "--out", str(tmp_path / "out.jsonl")]
    assert main(arguments) == 2
    error = capsys.readouterr().err.strip()
    assert sentence in error.replace("\n", " ")
    assert error.startswith("error: ")
    assert len(error.splitlines()) <= 2  # what is wrong, and what to do


@pytest.mark.parametrize(
    "arguments", [["run", "--seeds", "0"], ["run", "--split", "all"], ["sing"], ["--limit", "x"]]
)
def test_bad_options_are_exit_2(arguments):
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2


def test_ctrl_c_is_one_sentence_and_exit_130(monkeypatch, tmp_path, capsys):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("evals.runner.run_plan", interrupted)
    assert main(["run", "--out", str(tmp_path / "out.jsonl")]) == 130
    assert capsys.readouterr().err == "error: interrupted.\nThe same command goes on from here.\n"


def test_without_a_command_all_is_run_and_reported(monkeypatch, tmp_path, capsys):
    """Two questions by one worker process, from the options to the report."""
    out, report = tmp_path / "run.jsonl", tmp_path / "report"
    options = ["--tasks", "counts", "--limit", "2", "--arms", "greedy,temperature", "--seeds", "3"]
    options += ["--workers", "1", "--system", "", "--out", str(out), "--report", str(report)]
    assert main(options) == 0
    assert "8 answers" in capsys.readouterr().out
    header = json.loads(out.read_text().splitlines()[0])
    assert header["split"] == "test"
    assert set(header["arms"]) == {"greedy", "temperature"}
    assert "temperature, vote of 3" in (report / "report.md").read_text()
