"""Traces side by side: numbers by hand and by NumPy, and what is said of unfit files."""

import json
import subprocess
import sys

import numpy as np
import pytest

from mlx_entropix.cli.compare import main, make_parser
from mlx_entropix.cli.main import main as command
from mlx_entropix.sampling import Metrics

from .conftest import ROOT, environment

NAMES = [*Metrics._fields, "logprob"]


def lines_of(index, words, values, text="Q", finished=True):
    """An answer's lines; a token's metrics are its value, less 1 for each name before theirs."""
    yield {"type": "prompt", "index": index, "text": text, "sampler": "frog", "token_ids": [1]}
    for word, value in zip(words, values, strict=True):
        metrics = {name: value - i for i, name in enumerate(NAMES)}
        yield {"type": "token", "index": index, "token": word, "quadrant": None, **metrics}
    if finished:
        yield {"type": "result", "index": index, "text": "".join(words), "finish_reason": "stop"}


def write(path, answers, end=""):
    lines = [json.dumps(line) for answer in answers for line in answer]
    path.write_text("\n".join(lines) + "\n" + end, "utf-8")
    return path


def compare(capsys, *arguments):
    """The JSON object, and what stderr said."""
    assert main([*map(str, arguments), "--json"]) == 0
    out, err = capsys.readouterr()
    return json.loads(out), err


def error_of(capsys, *arguments):
    try:
        code = main([*map(str, arguments)])
    except SystemExit as stop:
        code = stop.code
    out, err = capsys.readouterr()
    assert (code, out) == (2, "")
    assert err.startswith("error: ")
    assert len(err.splitlines()) <= 2
    return err


@pytest.fixture
def two(tmp_path):
    """Two files with the same twelve prompts; the second is half a bit above the first or so."""
    rng = np.random.default_rng(1)
    base = rng.normal(3, 1, (12, 30))
    other = base + 0.5 + rng.normal(0, 0.2, (12, 30))
    words = ["w "] * 30
    a = [lines_of(i, words, row, f"Q{i}") for i, row in enumerate(base.tolist())]
    b = [lines_of(i, words, row, f"Q{i}") for i, row in enumerate(other.tolist())]
    return write(tmp_path / "a.jsonl", a), write(tmp_path / "b.jsonl", b), base, other


def test_means_and_paired_differences(capsys, two):
    a, b, base, other = two
    found, _ = compare(capsys, a, b)
    assert list(found["metrics"]) == NAMES
    first, second = found["metrics"]["logits_entropy"]
    assert first["mean"]["value"] == pytest.approx(base.mean())
    assert second["mean"]["value"] == pytest.approx(other.mean())
    assert "difference" not in first["mean"]
    difference = second["mean"]["difference"]
    each = (other - base).mean(axis=1)
    assert difference["value"] == pytest.approx(each.mean())
    assert difference["answers"] == 12
    # About as wide as Student has it for these twelve; the bootstrap is a little narrower.
    half = 2.2 * each.std(ddof=1) / 12**0.5
    assert 0.7 * half < (difference["high"] - difference["low"]) / 2 < 1.05 * half
    assert difference["low"] < difference["value"] < difference["high"]
    assert found["files"][1]["paired"] is True
    shifted = found["metrics"]["logprob"][0]["mean"]["value"]
    assert shifted == pytest.approx(base.mean() - 6)


def test_the_interval_repeats_with_the_seed(capsys, two):
    a, b, *_ = two
    same = [compare(capsys, a, b, "--metric", "agreement")[0] for _ in range(2)]
    assert same[0] == same[1]
    other, _ = compare(capsys, a, b, "--metric", "agreement", "--seed", 1)
    mean = [found["metrics"]["agreement"][1]["mean"] for found in (same[0], other)]
    assert mean[0]["value"] == mean[1]["value"]
    assert mean[0]["low"] != mean[1]["low"]


def test_other_prompts_are_not_paired(capsys, two, tmp_path):
    a, b, base, other = two
    renamed = tmp_path / "c.jsonl"
    renamed.write_text(b.read_text().replace('"Q3"', '"another"'))
    found, _ = compare(capsys, a, renamed, "--metric", "logits_entropy")
    assert found["files"][1]["paired"] is False
    unpaired = found["metrics"]["logits_entropy"][1]["mean"]["difference"]
    assert unpaired["value"] == pytest.approx(other.mean() - base.mean())
    pairs, _ = compare(capsys, a, b, "--metric", "logits_entropy")
    paired = pairs["metrics"]["logits_entropy"][1]["mean"]["difference"]
    assert unpaired["high"] - unpaired["low"] > 2 * (paired["high"] - paired["low"])
    assert main([str(a), str(renamed)]) == 0
    assert "unpaired (other prompts than in a)" in capsys.readouterr().out


def test_the_region_and_the_slope_by_hand(capsys, tmp_path):
    path = write(tmp_path / "a.jsonl", [lines_of(0, list("abcde"), [1, 2, 4, 8, 16])])

    def ask(*options):
        found, _ = compare(capsys, path, "--metric", "logits_entropy", *options)
        (answer,) = found["metrics"]["logits_entropy"]
        assert answer["mean"]["low"] is None  # one answer has no interval
        return answer["mean"]["value"], answer["slope"]["value"], answer["curve"]

    mean, slope, curve = ask("--window", 2)
    assert (mean, slope) == (6.2, 1.0)
    assert [point["position"] for point in curve] == [0, 1, 2, 3, 4]
    assert [point["mean"] for point in curve] == [1, 1.5, 3, 6, 12]
    assert [point["slope"] for point in curve] == [None, 1, 2, 4, 8]
    mean, slope, curve = ask("--after", 1)
    assert mean == 1.5
    assert len(curve) == 2
    mean, slope, curve = ask("--align", "end", "--before", 1, "--window", 2)
    assert (mean, slope) == (12, 8)
    assert [point["position"] for point in curve] == [-1, 0]


WORDS = ["So", " 9", ".", "9", " is", " 9", ".9", " is", "!"]


@pytest.mark.parametrize(
    ("anchor", "slope", "rise", "positions"),
    [("last", 1.0, 1.0, [-1, 0, 1]), ("first", 1.0, None, [-1, 0, 1])],
)
def test_a_phrase(capsys, tmp_path, anchor, slope, rise, positions):
    values = [0.0, 1, 1, 2, 3, 9, 9, 9, 9]
    path = write(
        tmp_path / "a.jsonl",
        [
            lines_of(0, WORDS, values),
            lines_of(1, ["9.9", " was"], [5, 5]),
            lines_of(2, ["9.9 is"], [1], finished=False),
        ],
    )
    around = ["--before", 1, "--after", 1, "--window", 2, "--anchor", anchor]
    found, _ = compare(capsys, path, "--phrase", "9.9 is", "--metric", "logits_entropy", *around)
    assert found["align"] == "phrase"
    (file,) = found["files"]
    assert (file["answers"], file["without_phrase"], file["unfinished"]) == (1, 1, 1)
    (answer,) = found["metrics"]["logits_entropy"]
    zero = {"last": 4, "first": 1}[anchor]
    assert answer["mean"]["value"] == pytest.approx(np.mean(values[zero - 1 : zero + 2]))
    assert answer["slope"]["value"] == slope
    # In the two tokens before the phrase's end 1 and 2, in the two before those 0 and 1.
    assert answer["rise"]["value"] == rise
    assert [point["position"] for point in answer["curve"]] == positions


def test_a_phrase_in_parts_of_characters(capsys, tmp_path):
    words = ["der ", "\\xc3", "\\xa4", "lteste"]
    path = write(tmp_path / "a.jsonl", [lines_of(0, words, [1, 2, 3, 4])])
    found, _ = compare(capsys, path, "--phrase", "ält", "--after", 0, "--metric", "agreement")
    assert found["metrics"]["agreement"][0]["curve"][-1]["position"] == 0
    assert len(found["metrics"]["agreement"][0]["curve"]) == 4


def test_a_rise_towards_a_phrase_is_a_number_with_an_interval(capsys, tmp_path):
    rng = np.random.default_rng(0)
    answers, rises = [], []
    for i in range(100):
        values = rng.normal(2, 0.3, 40)
        values[14:20] += 0.4
        words = ["x "] * 20 + ["9.9", " is"] + ["y "] * 18
        answers.append(lines_of(i, words, values.tolist(), "Which is larger?"))
        rises.append(values[14:20].mean() - values[8:14].mean())
    path = write(tmp_path / "many.jsonl", answers)
    options = ["--metric", "attention_entropy", "--phrase", "9.9 is", "--anchor", "first"]
    found, _ = compare(capsys, path, *options, "--window", 6)
    rise = found["metrics"]["attention_entropy"][0]["rise"]
    assert rise["value"] == pytest.approx(np.mean(rises))
    assert rise["answers"] == 100
    half = 1.96 * np.std(rises) / 10
    assert rise["low"] == pytest.approx(rise["value"] - half, abs=0.1 * half)
    assert rise["high"] == pytest.approx(rise["value"] + half, abs=0.1 * half)
    assert main([str(path), *options, "--window", "6"]) == 0
    shown = capsys.readouterr().out
    assert f"+{rise['value']:.2f} [+{rise['low']:.2f}, +{rise['high']:.2f}]" in shown
    assert all(len(line) <= 80 for line in shown.splitlines())


def test_several_runs_in_one_file(capsys, tmp_path):
    """Traces put one after the other: equal prompts are told apart by their order."""
    runs = [write(tmp_path / f"{i}.jsonl", [lines_of(0, ["a"], [i])]) for i in (1, 2, 3)]
    both = tmp_path / "both.jsonl"
    both.write_text("".join(run.read_text() for run in runs))
    found, _ = compare(capsys, both, both, "--metric", "logits_entropy")
    assert found["files"][0]["answers"] == 3
    assert found["files"][1]["paired"] is True
    second = found["metrics"]["logits_entropy"][1]["mean"]
    assert second["value"] == 2
    assert (second["difference"]["low"], second["difference"]["high"]) == (0, 0)
    assert found["files"][0]["label"] == str(both)


def test_a_last_line_that_is_cut_off_is_left_out(capsys, tmp_path):
    path = write(tmp_path / "a.jsonl", [lines_of(0, ["a"], [1])], end='{"type": "tok')
    found, err = compare(capsys, path)
    assert found["files"][0]["answers"] == 1
    assert "a.jsonl: the last line is cut off" in err.replace("\n", "")


TOKEN = {"type": "token", "index": 0, "token": "x"}
PROMPT = {"type": "prompt", "index": 0, "text": "Q"}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "no finished answer"),
        ("hello", "line 1 is not JSON"),
        ("hello\n", "line 1 is not JSON"),
        ('{"type": "pro\n' + json.dumps(PROMPT), "line 1 is not JSON"),
        ("[1]\n", "no type and index"),
        (json.dumps(TOKEN) + "\n", "belongs to no prompt"),
        (json.dumps(PROMPT) + "\n", "no finished answer"),
        (json.dumps(PROMPT) + "\n" + json.dumps(TOKEN) + "\n", "no number logits_entropy"),
    ],
)
def test_a_file_that_is_no_trace(capsys, tmp_path, content, said):
    path = tmp_path / "a.jsonl"
    path.write_text(content)
    assert said in error_of(capsys, path)


def test_each_mistake_has_its_sentence(capsys, two, tmp_path, monkeypatch):
    a, b, *_ = two
    assert "cannot be read (No such file" in error_of(capsys, tmp_path / "none.jsonl")
    assert "Is a directory" in error_of(capsys, tmp_path)
    assert "none of the 12 finished answers" in error_of(capsys, a, b, "--phrase", "9.9 is")
    assert "Did you mean agreement?" in error_of(capsys, a, "--metric", "agrement")
    assert "Choose among logits_entropy" in error_of(capsys, a, "--metric", "speed")
    assert "needs the phrase" in error_of(capsys, a, "--align", "phrase")
    assert "contradict" in error_of(capsys, a, "--align", "end", "--phrase", "x")
    assert "at least 1" in error_of(capsys, a, "--window", 0)
    assert "at most 512" in error_of(capsys, a, "--window", 513)
    assert "neither .png nor .svg" in error_of(capsys, a, "--plot", "a.gif")
    assert "no folder" in error_of(capsys, a, "--plot", "/nowhere/a.png")
    monkeypatch.setattr("importlib.util.find_spec", lambda *_: None)
    assert "needs matplotlib" in error_of(capsys, a, "--plot", tmp_path / "a.png")


def test_the_picture(capsys, two, tmp_path):
    a, b, *_ = two
    svg, png = tmp_path / "p.svg", tmp_path / "p.png"
    assert main([str(a), str(b), "--plot", str(svg), "--align", "end"]) == 0
    assert "<svg" in svg.read_text()
    assert main([str(a), "--metric", "agreement", "--plot", str(png)]) == 0
    assert png.read_bytes().startswith(b"\x89PNG")


def test_the_table_and_the_command(capsys, two):
    a, b, *_ = two
    assert command(["compare", str(a), str(b)]) == 0
    out = capsys.readouterr().out
    assert "a: 12 answers · sampler frog\n" in out
    assert "12 paired with a by their prompts" in out
    assert all(name in out for name in NAMES)
    assert "rise" not in out  # nothing lies before the start
    assert "\x1b" not in out
    assert all(len(line) <= 80 for line in out.splitlines())


def test_help_loads_nothing_heavy():
    script = (
        "import sys\n"
        "from mlx_entropix.cli.compare import main\n"
        "try: main(['--help'])\n"
        "except SystemExit as stop: print('code', stop.code)\n"
        "print([m for m in ('rich', 'mlx.core', 'numpy', 'pydantic') if m in sys.modules])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, env=environment(), cwd=ROOT
    )
    *shown, code, heavy = done.stdout.splitlines()
    assert (code, heavy) == ("code 0", "[]")
    for action in make_parser()._actions:
        assert action.help
        assert not action.option_strings or action.option_strings[0] in "\n".join(shown)
    assert all(len(line) <= 100 for line in shown)
