"""`mlx-entropix calibrate` on the bundled model, and what it refuses."""

import json
import subprocess
import sys
import tomllib

import pytest

from mlx_entropix.engine.calibrate import answers_rightly
from mlx_entropix.sampling import PRESETS, read_config_file
from tests.cli.conftest import ROOT, environment


def calibrate(*options, **variables):
    done = subprocess.run(
        [sys.executable, "-m", "mlx_entropix.cli.command", "calibrate", *map(str, options)],
        capture_output=True,
        text=True,
        env=environment(**variables),
        cwd=ROOT,
        timeout=200,
    )
    done.stderr = done.stderr.replace("\n", " ")
    return done


def test_fits_a_model_and_auto_finds_the_preset(tmp_path):
    """The whole way, on few and short answers: fit, tune, picture, file, and a run with it."""
    prompts = tmp_path / "prompts.csv"
    lines = ["act,prompt", *(f"a,Tell me about the number {n}." for n in range(12))]
    prompts.write_text("\n".join(lines))
    questions = tmp_path / "questions.jsonl"
    asked = [("What is the capital of France?", ["Paris"]), ("What is 2 + 2?", ["4", "four"])]
    questions.write_text(
        "\n".join(json.dumps({"question": q, "answers": a}) for q, a in asked) + "\n"
    )
    picture = tmp_path / "fit.svg"
    options = ["--prompt_csv", prompts, "--rounds", 1, "--max_tokens", 16, "--plot", picture]
    options += ["--tune", questions, "--trials", 2]
    done = calibrate(*options, XDG_CONFIG_HOME=str(tmp_path))
    assert done.returncode == 0, done.stderr
    path = tmp_path / "mlx-entropix" / "fitted" / "smollm2-135m-instruct.toml"
    assert str(path) in done.stdout
    assert "flowing" in done.stdout
    assert "without draws" in done.stdout
    assert "<svg" in picture.read_text()[:1000]

    file = read_config_file(path)
    assert file.base == "entropix"
    assert file.fitted.model == "SmolLM2-135M-Instruct"
    assert file.fitted.data == str(prompts)
    assert "--rounds 1" in file.fitted.command
    assert file.fitted.shares.keys() == file.fitted.targets.keys()
    assert sum(file.fitted.shares.values()) == pytest.approx(1, abs=0.001)
    low, high = file.fitted.borders["high_logits_varentropy_threshold"]
    assert low <= file.config.high_logits_varentropy_threshold <= high
    assert file.config.low_logits_entropy_threshold != PRESETS["entropix"].temperature

    used = subprocess.run(
        [sys.executable, "mlx_main.py", "--input", "Hello", "--max_tokens", "2", "--json"],
        capture_output=True,
        text=True,
        env=environment(XDG_CONFIG_HOME=str(tmp_path)),
        cwd=ROOT,
        timeout=100,
    )
    record = json.loads(used.stdout)
    assert record["sampler"] == "auto"
    values = tomllib.loads(path.read_text())
    assert record["config"]["temperature"] == values["temperature"]
    threshold = "high_logits_varentropy_threshold"
    assert record["config"][threshold] == values[threshold]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--target", "FLOWING=2"], "it lies from 0 to 1"),
        (["--target", "FLYING=0.2"], "none of FLOWING"),
        (["--target", "FLOWING=0.95"], "sum to 1 at most"),
        (["--target", "FLOWING"], "no share"),
        (["--rounds", "0"], "at least 1"),
        (["--out", "fit.json"], "does not end in .toml"),
        (["--out", "/proc/nowhere/fit.toml"], "cannot be written"),
        (["--plot", "fit.gif"], "no picture file"),
        (["--prompt_csv", "missing.csv"], "does not exist"),
        (["--tune", "missing.jsonl"], "cannot be read"),
        (["--model", "missing"], "no weights at missing"),
        (["--prompt_csv", "{few}"], "too few"),
        (["--tune", "{broken}"], "line 2: this is no question"),
    ],
)
def test_bad_input_is_one_sentence(options, says, tmp_path):
    (tmp_path / "few.csv").write_text("act,prompt\na,One.\na,Two.\n")
    (tmp_path / "broken.jsonl").write_text(
        '{"question": "1 + 1?", "answers": ["2"]}\n{"question": 3}'
    )
    files = {"few": tmp_path / "few.csv", "broken": tmp_path / "broken.jsonl"}
    done = calibrate(*(option.format(**files) for option in options), XDG_CONFIG_HOME=str(tmp_path))
    assert done.returncode == 2
    assert says in done.stderr, done.stderr
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.rglob("*.toml"))


@pytest.mark.parametrize(
    ("text", "answers", "right"),
    [
        ("The capital of France is Paris.", ["Paris"], True),
        ("The capital of France is Parisian.", ["Paris"], False),
        ("2 + 3 = 5, so the answer is 5.", ["5"], True),
        ("5 is not it: 2 + 3 = 6", ["5"], False),
        ("It costs 1,250 euros", ["1250"], True),
        ("Four.", ["4", "four"], True),
        ("", ["4"], False),
    ],
)
def test_right_answers(text, answers, right):
    assert answers_rightly(text, answers) is right
