"""`mlx-entropix calibrate` on the bundled model, and what it refuses."""

import json
import tomllib

import pytest

from mlx_entropix.cli import calibrate as command
from mlx_entropix.cli.sampler_options import find_auto
from mlx_entropix.engine.fitting import answers_rightly
from mlx_entropix.sampling import read_config_file


@pytest.fixture
def calibrate(bundled, monkeypatch, tmp_path, capsys):
    """Runs the command with settings in `tmp_path`: its exit code, stdout and stderr."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setattr("mlx_entropix.engine.load_from", lambda _: bundled)

    def run(*options):
        try:
            code = command.main([str(option) for option in options])
        except SystemExit as exit:
            code = exit.code
        captured = capsys.readouterr()
        return code, captured.out, captured.err.replace("\n", " ")

    return run


def test_fits_a_model_and_auto_finds_the_preset(calibrate, tmp_path):
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
    options = ["--prompt_csv", prompts, "--rounds", 1, "--max_tokens", 13, "--plot", picture]
    options += ["--tune", questions, "--trials", 2]
    code, out, err = calibrate(*options)
    assert code == 0, err
    path = tmp_path / "mlx-entropix" / "fitted" / "smollm2-135m-instruct.toml"
    assert str(path) in out
    assert "flowing" in out
    assert "without draws" in out
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

    auto = find_auto(None)
    assert auto.path == path
    assert auto.config == file.config
    threshold = "high_logits_varentropy_threshold"
    assert tomllib.loads(path.read_text())[threshold] == getattr(auto.config, threshold)


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
        (["--plot", "fit.gif"], "neither .png nor .svg"),
        (["--prompt_csv", "missing.csv"], "does not exist"),
        (["--tune", "missing.jsonl"], "cannot be read"),
        (["--model", "missing"], "no weights at missing"),
        (["--prompt_csv", "{few}"], "too few"),
        (["--tune", "{broken}"], "line 2: this is no question"),
    ],
)
def test_bad_input_is_one_sentence(calibrate, options, says, tmp_path):
    (tmp_path / "few.csv").write_text("act,prompt\na,One.\na,Two.\n")
    (tmp_path / "broken.jsonl").write_text(
        '{"question": "1 + 1?", "answers": ["2"]}\n{"question": 3}'
    )
    files = {"few": tmp_path / "few.csv", "broken": tmp_path / "broken.jsonl"}
    code, _, err = calibrate(*(option.format(**files) for option in options))
    assert code == 2
    assert says in err
    assert "Traceback" not in err
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
