"""Weights that are missing or damaged: a sentence that says what to do."""

import json

import gguf
import mlx.core as mx
import pytest

from mlx_entropix.errors import WeightsError
from mlx_entropix.model.load import load_model
from mlx_entropix.weights import locate
from mlx_entropix.weights.locate import bundled_model, locate_weights
from tests.model.checkpoints import random_model, save_folder, save_gguf
from tests.model.spans import look, row_of


@pytest.fixture
def folder(tmp_path):
    return save_folder(tmp_path / "tiny", *random_model(), shards=3)


def edit_config(folder, **changes):
    path = folder / "config.json"
    config = json.loads(path.read_text()) | changes
    path.write_text(json.dumps({k: v for k, v in config.items() if v is not None}))


def test_nothing_named_is_the_bundled_model(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = locate_weights()
    assert found.path == bundled_model()
    assert found.name == "SmolLM2-135M-Instruct"
    assert found.is_fallback


def test_nothing_named_is_llama_where_it_was_downloaded(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    save_folder(tmp_path / "weights/Llama-3.2-1B-Instruct", *random_model())
    found = locate_weights()
    assert found.name == "Llama-3.2-1B-Instruct"
    assert not found.is_fallback


def test_a_missing_path(tmp_path):
    with pytest.raises(WeightsError, match=r"no weights at .*nowhere.*mlx_download_weights"):
        locate_weights(tmp_path / "nowhere")


def test_a_folder_that_is_misspelt_is_no_repo_of_a_hub(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    save_folder(tmp_path / "weights/Tiny-Llama", *random_model())
    with pytest.raises(
        WeightsError, match=r"no weights at weights/tiny-lama\. Did you mean weights/T"
    ):
        locate_weights("weights/tiny-lama")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    monkeypatch.setattr(locate, "CHECKOUT", tmp_path)
    assert locate_weights("weights/Tiny-Llama").path == tmp_path / "weights/Tiny-Llama"


def test_a_file_that_is_no_gguf(tmp_path):
    (tmp_path / "weights.bin").write_bytes(b"x")
    with pytest.raises(WeightsError, match=r"not a \.gguf file"):
        locate_weights(tmp_path / "weights.bin")


def test_an_empty_folder(tmp_path):
    with pytest.raises(WeightsError, match=r"no config\.json"):
        load_model(tmp_path)


def test_a_folder_without_weights(folder):
    for file in folder.glob("model*"):
        file.unlink()
    with pytest.raises(WeightsError, match=r"no model\*\.safetensors"):
        load_model(folder)


def test_half_downloaded(folder):
    (folder / "model-00002-of-00003.safetensors").unlink()
    with pytest.raises(WeightsError, match=r"lacks 1 of 3 .*model-00002.*resumes"):
        load_model(folder)


def test_truncated_safetensors(folder):
    path = folder / "model-00003-of-00003.safetensors"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(WeightsError, match="cannot be used"):
        load_model(folder)


def test_safetensors_that_are_none(folder):
    (folder / "model-00001-of-00003.safetensors").write_bytes(b"<html>not found</html>")
    with pytest.raises(WeightsError, match="cannot be used"):
        load_model(folder)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model_type": "hyena"}, r"'hyena' is not supported.*docs/models\.md"),
        ({"model_type": "qwen2", "vocab_size": 9}, "cannot be used"),
        ({"model_type": None}, "is not supported"),
        ({"hidden_size": None}, "lacks hidden_size"),
        ({"hidden_size": -4}, "hidden_size is -4"),
        ({"num_hidden_layers": "two"}, "num_hidden_layers is 'two'"),
        ({"num_key_value_heads": 3}, "cannot share 3 KV heads"),
        ({"num_hidden_layers": 3}, "cannot be used"),
        ({"intermediate_size": 64}, "cannot be used"),
    ],
)
def test_a_config_that_is_wrong(folder, changes, message):
    edit_config(folder, **changes)
    with pytest.raises(WeightsError, match=message):
        load_model(folder)


def test_a_config_that_is_no_json(folder):
    (folder / "config.json").write_text("{")
    with pytest.raises(WeightsError, match=r"config\.json cannot be read"):
        load_model(folder)


def test_an_index_that_is_no_json(folder):
    (folder / "model.safetensors.index.json").write_text("{")
    with pytest.raises(WeightsError, match=r"index\.json cannot be read"):
        load_model(folder)


def test_truncated_gguf(tmp_path):
    data = bundled_model().read_bytes()
    for size in (0, 100, 1_000_000):
        (tmp_path / "cut.gguf").write_bytes(data[:size])
        with pytest.raises(WeightsError, match="Download it again"):
            load_model(tmp_path / "cut.gguf")


def test_gguf_of_another_architecture(tmp_path):
    model, config = random_model()
    path = save_gguf(
        tmp_path / "other.gguf",
        model,
        config,
        gguf.GGMLQuantizationType.F16,
        architecture="mamba",
    )
    with pytest.raises(WeightsError, match=r"'mamba' is not supported.*llama, qwen2"):
        load_model(path)


@pytest.mark.parametrize("kind", ["Q5_0", "MXFP4"])
def test_gguf_of_a_quantization_that_mlx_does_not_know(kind, tmp_path):
    path = save_gguf(tmp_path / "other.gguf", *random_model(), gguf.GGMLQuantizationType[kind])
    with pytest.raises(WeightsError, match=rf"has tensors of {kind}, which MLX cannot read"):
        load_model(path)


def test_16_bit_checkpoints(tmp_path):
    model, config = random_model()
    model.set_dtype(mx.bfloat16)
    loaded, _ = load_model(save_folder(tmp_path, model, config))
    logits, scores, _ = look(loaded, row_of(loaded, []), [3])
    assert mx.isfinite(logits).all().item()
    assert scores.shape == (1, 4, 1)
