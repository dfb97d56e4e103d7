"""What the README shows is true: its Python runs, its commands are understood."""

import re
import shlex
from pathlib import Path

import pytest

from mlx_entropix.cli import ask_options, download, serve
from mlx_entropix.sampling import Quadrant

README = (Path(__file__).parents[1] / "README.md").read_text("utf-8")


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def commands(script):
    lines = "\n".join(blocks("sh")).splitlines()
    found = [line.split(script, 1)[1] for line in lines if script in line]
    assert found
    return found


def test_the_python_example_runs(capsys, monkeypatch, bundled):
    monkeypatch.setattr("mlx_entropix.load", lambda: bundled, raising=False)
    (example,) = blocks("python")
    scope = {}
    exec(example, scope)
    printed = capsys.readouterr().out
    assert "Paris" in printed
    assert any(quadrant.name in printed for quadrant in Quadrant)
    assert scope["careful"].temperature == 0.4


@pytest.mark.parametrize("arguments", commands("mlx_main.py"))
def test_the_commands_of_the_prompt_cli_are_understood(arguments):
    parsed = ask_options.parse(shlex.split(arguments, comments=True))
    assert parsed.max_tokens > 0


def test_the_download_command_is_understood():
    for arguments in commands("mlx_download_weights.py"):
        parsed = download.make_parser().parse_args(shlex.split(arguments, comments=True))
        assert parsed.model_id == "meta-llama/Llama-3.2-1B-Instruct"


def test_the_published_ports_options_are_understood():
    asked = ask_options.parse(["--input", "x", "--entropix", "--model_path", "m", "--prefill", "y"])
    assert (asked.sampler, asked.weights_dir, asked.prefill) == ("entropix", "m", "y")
    words = ["--checkpoint", "a/b", "--weight_dir", "w", "--convert_to_mlx"]
    got = download.make_parser().parse_args(words)
    assert (got.model_id, str(got.weight_dir)) == ("a/b", "w")
    assert serve.parse(["--model_path", "m"]).weights_dir == "m"


def test_the_server_command_is_understood():
    for arguments in commands("mlx_server.py"):
        assert serve.parse(shlex.split(arguments, comments=True)).port == 8000


def test_every_option_in_the_readme_exists():
    known = ask_options.make_parser().format_help()
    table = README.split("| option | |", 1)[1].split("\n\n", 1)[0]
    for option in re.findall(r"--\w+", table):
        assert option in known


def test_pictures_and_pages_that_are_linked_are_there():
    for target in re.findall(r"\]\(([^)h#][^)]*)\)", README):
        path, _, anchor = target.partition("#")
        page = Path(__file__).parents[1] / path
        assert page.exists(), target
        if anchor:
            heads = re.findall(r"^#+ (.*)$", page.read_text("utf-8"), re.M)
            assert anchor in [head.lower().replace(" ", "-") for head in heads], target
