"""Which preset `auto` is for a model."""

import pytest

from mlx_entropix.errors import ConfigError
from mlx_entropix.sampling import PRESETS
from mlx_entropix.sampling.auto import auto_sampler, preset_name, user_preset


@pytest.fixture(autouse=True)
def settings(tmp_path, monkeypatch):
    """No presets of the user who runs the tests."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "settings"))


def write(path, temperature):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"temperature = {temperature}\n")


@pytest.mark.parametrize(
    "name",
    [
        "SmolLM2-135M-Instruct",
        "HuggingFaceTB/SmolLM2-135M-Instruct",
        "mlx-community/SmolLM2-135M-Instruct-4bit",
        "SmolLM2-135M-Instruct.Q4_1.gguf",
        "SmolLM2-135M-Instruct-bf16-mlx",
        "smollm2-135m-instruct-q4_k_m",
    ],
)
def test_a_preset_comes_with_the_package_for_every_number_format_of_a_model(name):
    assert preset_name(name) == "smollm2-135m-instruct"
    auto = auto_sampler(name)
    assert auto.fitted.model == "SmolLM2-135M-Instruct"
    assert auto.path.name == "smollm2-135m-instruct.toml"
    assert auto.config != PRESETS["entropix"]
    assert auto.notice is None


def test_the_shipped_preset_says_how_it_came_about():
    fitted = auto_sampler("SmolLM2-135M-Instruct").fitted
    assert fitted.command.startswith("mlx-entropix calibrate")
    assert fitted.tokens > 10_000
    for name, target in fitted.targets.items():
        assert fitted.shares[name] == pytest.approx(target, abs=0.03), name


@pytest.mark.parametrize(
    "name", ["Llama-3.2-1B-Instruct", "SmolLM2-135M", "SmolLM2-360M-Instruct", "weird name/…"]
)
def test_other_models_get_the_published_thresholds_and_a_line_that_says_so(name):
    auto = auto_sampler(name)
    assert auto.config == PRESETS["entropix"]
    assert auto.fitted is None
    assert name in auto.notice
    assert "calibrate" in auto.notice


def test_beside_the_weights_comes_before_the_users_own_and_that_before_the_packages(tmp_path):
    name, folder = "SmolLM2-135M-Instruct", tmp_path / "weights"
    folder.mkdir()
    write(user_preset(name), 0.2)
    assert auto_sampler(name).config.temperature == 0.2
    write(folder / "entropix.toml", 0.1)
    assert auto_sampler(name, folder).config.temperature == 0.1
    file = folder / "model.Q4_1.gguf"
    write(file.with_suffix(".toml"), 0.3)
    assert auto_sampler(name, file).config.temperature == 0.3
    assert auto_sampler(name).config.temperature == 0.2


def test_a_preset_that_cannot_be_used_is_named(tmp_path):
    write(tmp_path / "entropix.toml", 9)
    with pytest.raises(ConfigError, match=r"entropix\.toml, line 1: temperature"):
        auto_sampler("any", tmp_path)
    (tmp_path / "entropix.toml").write_text('base = "normal"\n')
    with pytest.raises(ConfigError, match="plain sampler"):
        auto_sampler("any", tmp_path)
