import os

import pytest

# Nothing in the tests may look for a hub: what they load is on this machine.
os.environ.setdefault("HF_HUB_OFFLINE", "1")

import mlx_entropix  # noqa: E402, F401  (ahead of anything that imports mlx)


@pytest.fixture(scope="session")
def bundled():
    """The bundled model and its tokenizer, loaded once."""
    from mlx_entropix import load

    return load()
