"""LoRA adapters: what mlx-lm computes with them, and what is said of ones that do not fit."""

import json

import gguf
import mlx.core as mx
import numpy as np
import pytest
from mlx.utils import tree_flatten
from mlx_lm.tuner.utils import linear_to_lora_layers
from mlx_lm.utils import load_adapters
from mlx_lm.utils import load_model as load_mlx_lm_model

from mlx_entropix.errors import WeightsError
from mlx_entropix.model.load import load_model
from tests.model.checkpoints import quantized, random_model, save_folder, save_gguf
from tests.model.test_llama import logits_step_by_step, reference_logits

LORA = {"rank": 4, "scale": 2.0, "dropout": 0.1}


def save_adapter(folder, source, kind="lora", num_layers=2, **changes):
    """An adapter of random numbers for a model that mlx-lm loaded, which is changed by it."""
    folder.mkdir()
    parameters = LORA | changes.pop("lora_parameters", {})
    config = {"fine_tune_type": kind, "num_layers": num_layers, "lora_parameters": parameters}
    (folder / "adapter_config.json").write_text(json.dumps(config | changes))
    if kind != "full":
        linear_to_lora_layers(source, num_layers, parameters, use_dora=kind == "dora")
    mx.random.seed(7)
    wanted = (".lora_a", ".lora_b") if kind != "full" else ("v_proj.weight", "norm.weight")
    weights = {
        name: 0.2 * mx.random.normal(array.shape)
        for name, array in tree_flatten(source.parameters())
        if name.endswith(wanted)
    }
    if kind == "dora":
        weights |= {n: a * 1.1 for n, a in tree_flatten(source.parameters()) if n.endswith(".m")}
    mx.save_safetensors(str(folder / "adapters.safetensors"), weights)
    return folder


@pytest.fixture
def folder(tmp_path):
    return save_folder(tmp_path / "tiny", *random_model())


@pytest.fixture
def adapter(tmp_path, folder):
    return save_adapter(tmp_path / "adapter", load_mlx_lm_model(folder)[0], model="org/tiny")


def reference(folder, adapter):
    model = load_adapters(load_mlx_lm_model(folder)[0], str(adapter))
    model.eval()
    return reference_logits(model)


def check(folder, adapter, atol=5e-4):
    plain = reference_logits(load_mlx_lm_model(folder)[0])
    expected = reference(folder, adapter)
    assert np.abs(expected - plain).max() > 0.1  # the adapter says something
    model, _ = load_model(folder, adapter=adapter)
    np.testing.assert_allclose(logits_step_by_step(model), expected, atol=atol)


@pytest.mark.parametrize("kind", ["lora", "dora", "full"])
@pytest.mark.parametrize("num_layers", [1, 2])
def test_an_adapter_gives_the_logits_of_mlx_lm(kind, num_layers, folder, tmp_path):
    source = load_mlx_lm_model(folder)[0]
    check(folder, save_adapter(tmp_path / "adapter", source, kind, num_layers))


def test_an_adapter_of_the_embedding(folder, tmp_path):
    keys = {"lora_parameters": {"keys": ["model.embed_tokens", "self_attn.q_proj"]}}
    source = load_mlx_lm_model(folder)[0]
    check(folder, save_adapter(tmp_path / "adapter", source, **keys))


@pytest.mark.parametrize("share", [0.0, 0.5])
def test_an_adapter_beside_packed_weights(share, tmp_path, monkeypatch):
    # Packed they stay on a GPU; on a CPU they are widened where there is memory for it.
    monkeypatch.setattr("mlx_entropix.model.load._FLOAT32_SHARE", share)
    folder = save_folder(tmp_path / "packed", *quantized(*random_model(), 4))
    check(folder, save_adapter(tmp_path / "adapter", load_mlx_lm_model(folder)[0]))


def test_an_adapter_for_a_gguf_file_of_the_same_model(folder, adapter, tmp_path):
    source, config = random_model()
    path = save_gguf(tmp_path / "tiny.gguf", source, config, gguf.GGMLQuantizationType.F32)
    model, _ = load_model(path, adapter=adapter)
    expected = reference(folder, adapter)
    np.testing.assert_allclose(logits_step_by_step(model), expected, atol=5e-4)


def refusal(folder, adapter):
    with pytest.raises(WeightsError) as caught:
        load_model(folder, "tiny", adapter=adapter)
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_no_adapter_there(folder, tmp_path):
    assert "There is no adapter at" in refusal(folder, tmp_path / "nowhere")
    assert "has no adapter_config.json" in refusal(folder, tmp_path)


def test_a_damaged_adapter(folder, adapter):
    weights, config = adapter / "adapters.safetensors", adapter / "adapter_config.json"
    whole = weights.read_bytes()
    weights.write_bytes(whole[:-50])
    assert "adapters.safetensors cannot be read" in refusal(folder, adapter)
    weights.unlink()
    assert "has no adapters.safetensors" in refusal(folder, adapter)
    weights.write_bytes(whole)
    for text, message in (
        ("{", "cannot be read"),
        ("[]", "is not a JSON object"),
        ('{"num_layers": 2}', "cannot be used"),
        ('{"num_layers": "2", "lora_parameters": {"rank": 4, "scale": 1}}', "cannot be used"),
        ('{"num_layers": 2, "lora_parameters": {"rank": 4, "alpha": 1}}', "'scale'"),
        ('{"fine_tune_type": "prefix"}', "'prefix' is not known"),
        ('{"peft_type": "LORA", "r": 8}', "format of PEFT"),
    ):
        config.write_text(text)
        assert message in refusal(folder, adapter)


@pytest.mark.parametrize(
    "changes", [{"hidden_size": 64}, {"num_hidden_layers": 3}, {"intermediate_size": 64}]
)
def test_an_adapter_for_another_model(changes, folder, tmp_path):
    other, _ = random_model(**changes)
    adapter = save_adapter(tmp_path / "other", other, num_layers=3, model="org/other")
    message = refusal(folder, adapter)
    assert "trained for another model, that of org/other, and does not fit tiny" in message


def test_an_adapter_without_some_of_its_layers(folder, adapter):
    path = adapter / "adapters.safetensors"
    weights = mx.load(str(path))
    mx.eval(list(weights.values()))
    mx.save_safetensors(str(path), {n: w for n, w in weights.items() if ".layers.1." in n})
    assert "lacks 14 of 28 arrays" in refusal(folder, adapter)
