import pytest

from mlx_entropix.model.load import load_model
from tests.model.checkpoints import random_model, save_folder


@pytest.fixture(scope="session")
def tiny(tmp_path_factory, bundled):
    """A tiny model with a context of 256 tokens, that speaks the bundled vocabulary."""
    source, config = random_model(vocab_size=49152, max_position_embeddings=256)
    folder = save_folder(tmp_path_factory.mktemp("tiny"), source, config)
    return load_model(folder)[0], bundled[1]
