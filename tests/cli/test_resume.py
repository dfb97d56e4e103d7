"""A list that was killed goes on: what was answered stays, and is not asked again."""

import pytest

from .conftest import json_lines

CSV = "act;prompt\nriver;Name a river.\nsea;Name a sea.\nlake;Name a lake.\n"


@pytest.fixture
def killed(run_here, tmp_path):
    """A trace of three answers, and the same cut in the middle of the second one."""
    (tmp_path / "p.csv").write_text(CSV)
    whole, cut = tmp_path / "whole.jsonl", tmp_path / "cut.jsonl"
    options = ["--prompt_csv", tmp_path / "p.csv", "--rows", "1", "--max_tokens", "2", "--quiet"]
    done = run_here(*options, "--trace", whole)
    assert done.returncode == 0
    lines = whole.read_bytes().splitlines(keepends=True)
    cut.write_bytes(b"".join(lines[:5]) + lines[5][:20])
    return options, done.stdout, whole, cut


def results(trace):
    lines = json_lines(trace.read_text("utf-8"))
    return [(line["index"], line["text"]) for line in lines if line["type"] == "result"]


def test_a_run_that_was_killed_goes_on(run_here, killed):
    options, answers, whole, cut = killed
    rest = run_here(*options, "--resume", cut)
    assert rest.returncode == 0
    assert answers.endswith(rest.stdout)
    assert len(rest.stdout) < len(answers)
    assert results(cut) == results(whole)
    names = [line.get("name") for line in json_lines(cut.read_text("utf-8"))]
    assert list(filter(None, names)) == ["river", "sea", "sea", "lake"]
    again = run_here(*options, "--resume", cut)
    assert (again.returncode, again.stdout) == (0, "")


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--seed", "3"], "prompts with seed 0, where this run has 3"),
        (["--normal"], "prompts under another config"),
        (["--system", ""], "prompt 1 with another system prompt"),
        (["--prompts"], "another prompt 1 ('river')"),
    ],
)
def test_a_run_with_other_options_does_not_mix_with_the_first(run_here, killed, more, said):
    options, _, _, cut = killed
    before = cut.read_bytes()
    options = options[2:] if more == ["--prompts"] else options
    done = run_here(*options, *more, "--resume", cut)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert cut.read_bytes() == before
