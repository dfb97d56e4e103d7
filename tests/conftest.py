import os
import signal
import sys
import tempfile
from pathlib import Path

import pytest

# Several processes run the tests, each with one thread: those of a BLAS that wait for a core spin.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
# A shell starts what runs in the background with Ctrl-C ignored, and children would inherit that.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
# And `nohup` has it so for a closed terminal. A handler that does nothing is not inherited.
if signal.getsignal(signal.SIGHUP) == signal.SIG_IGN:
    signal.signal(signal.SIGHUP, lambda *_: None)
# The tests start some dozens of processes. Where no bytecode may be kept beside the sources, it is
# kept among the tests' own things, as each process would compile transformers and all else again.
if os.environ.pop("PYTHONDONTWRITEBYTECODE", None):
    kept = Path(__file__).parents[1] / ".pytest_cache" / "bytecode"
    sys.pycache_prefix = os.environ.setdefault("PYTHONPYCACHEPREFIX", str(kept))
    sys.dont_write_bytecode = False
# With CUDA, MLX multiplies float32 numbers of 10 bits, unless told to keep all 23.
os.environ.setdefault("MLX_ENABLE_TF32", "0")
# Nothing in the tests may look for a hub: what they load is on this machine.
os.environ.setdefault("HF_HUB_OFFLINE", "1")
# Nor for samplers that the person who runs them has fitted.
os.environ["XDG_CONFIG_HOME"] = os.path.join(tempfile.gettempdir(), "no-settings-for-the-tests")

import mlx_entropix  # noqa: F401  (ahead of anything that imports mlx)

TESTS = Path(__file__).parent
# Folders whose tests share servers or a browser, and so stay in one process.
TOGETHER = {"clients", "server", "ui"}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    for item in items:
        path = item.path.relative_to(TESTS)
        group = path.parts[0] if path.parts[0] in TOGETHER else str(path)
        item.add_marker(pytest.mark.xdist_group(group))


@pytest.fixture(scope="session")
def bundled():
    """The bundled model and its tokenizer, loaded once."""
    from mlx_entropix import load

    return load()


@pytest.fixture(scope="session")
def quick(bundled):
    """A tiny random model that knows the bundled tokens, and says nothing worth reading."""
    from benchmarks.tiny_models import tiny_model
    from mlx_entropix.model.any import AnyDecoder

    vocabulary = bundled[0].vocabulary_size
    return AnyDecoder(tiny_model("llama", vocab_size=vocabulary)[0], "tiny", 512), bundled[1]


@pytest.fixture(scope="session")
def thinking(bundled):
    """The bundled model under a chat template that opens its thoughts, unless told not to."""
    from mlx_entropix.text import Tokenizer

    template = (
        "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
        "{% set open = '<|im_start|>assistant\n' %}"
        "{{ open }}<think>one</think>two<|im_end|>\n<|im_start|>user\nAgain.<|im_end|>\n"
        "{{ open }}<think>one</think>two<|im_end|>\n<|im_start|>user\nAgain.<|im_end|>\n"
        "{{ open }}<think>{% if enable_thinking is false %}\n</think>\n{% endif %}"
    )
    model, tokenizer = bundled
    ends = tokenizer.eos_token_ids
    return model, Tokenizer(
        tokenizer.backend, special_tokens={}, eos_token_ids=ends, chat_template=template
    )


@pytest.fixture(scope="session")
def bundled_adapter(tmp_path_factory):
    """A LoRA adapter of random numbers for the bundled model, which changes what it says."""
    import json

    import mlx.core as mx

    folder = tmp_path_factory.mktemp("adapter")
    parameters = {"rank": 2, "scale": 4.0, "dropout": 0.0, "keys": ["self_attn.v_proj"]}
    config = {"fine_tune_type": "lora", "num_layers": 4, "lora_parameters": parameters}
    (folder / "adapter_config.json").write_text(json.dumps(config))
    mx.random.seed(0)
    weights = {}
    for layer in range(26, 30):
        name = f"model.layers.{layer}.self_attn.v_proj"
        weights[f"{name}.lora_a"] = mx.random.normal((576, 2))
        weights[f"{name}.lora_b"] = mx.random.normal((2, 192))
    mx.save_safetensors(str(folder / "adapters.safetensors"), weights)
    return folder
