"""`--print_config`: the sampler's values as a file, and nothing else done."""

import pytest

from mlx_entropix.cli import ask, serve
from mlx_entropix.sampling import PRESETS, PlainConfig, read_config_file
from mlx_entropix.sampling.auto import auto_sampler

FITTED = """
[fitted]
model = "m"
date = "d"
command = "c"
data = "p"
targets = {}
shares = {}
"""


@pytest.fixture
def printed(capsys, tmp_path):
    def read(*options, command=ask):
        assert command.main(["--print_config", *map(str, options)]) == 0
        path = tmp_path / "printed.toml"
        path.write_text(capsys.readouterr().out, "utf-8")
        return read_config_file(path)

    return read


@pytest.mark.parametrize("command", [ask, serve])
def test_the_default_and_a_preset(printed, command):
    auto = auto_sampler("SmolLM2-135M-Instruct")
    assert printed(command=command) == (auto.config, "entropix", auto.fitted)
    published = printed("--sampler", "entropix", command=command)
    assert published == (PRESETS["entropix"], "entropix", None)
    assert printed("--sampler", "frog", command=command) == (PRESETS["frog"], "frog", None)
    assert printed("--normal", command=command) == (PlainConfig(), "normal", None)


def test_preset_file_and_options_are_merged(printed, tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text('base = "frog"\ntop_k = 9\ntop_p = 0.5\n' + FITTED)
    frog = PRESETS["frog"]
    config, base, fitted = printed("--sampler_config", path)
    assert (config, base) == (frog.override({"top_k": 9, "top_p": 0.5}), "frog")
    assert fitted.model == "m"
    # The values are others now than those that were fitted.
    changed = frog.override({"top_k": 9, "top_p": 0.7})
    assert printed("--sampler_config", path, "--top_p", 0.7) == (changed, "frog", None)


def test_a_file_for_the_plain_sampler(printed, tmp_path):
    path = tmp_path / "mine.json"
    path.write_text('{"top_n_sigma": 2}')
    plain = PlainConfig(top_n_sigma=2)
    assert printed("--normal", "--sampler_config", path) == (plain, "normal", None)
    path.write_text('{"base": "normal", "top_n_sigma": 2}')
    assert printed("--sampler_config", path) == (plain, "normal", None)


def test_what_is_wrong_is_said_instead(capsys):
    assert ask.main(["--print_config", "--temperature", "9"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "temperature" in captured.err
