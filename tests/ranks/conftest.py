import pytest

from evals.tokenizer_folder import write_tokenizer
from tests.model.checkpoints import random_model, save_folder


@pytest.fixture(scope="session")
def three_heads(tmp_path_factory, bundled):
    """A folder with a tiny model of three KV heads, and the bundled tokenizer."""
    source, config = random_model(
        vocab_size=49152,
        max_position_embeddings=256,
        hidden_size=192,
        num_attention_heads=6,
        num_key_value_heads=3,
        head_dim=32,
    )
    folder = save_folder(tmp_path_factory.mktemp("three_heads"), source, config)
    write_tokenizer(bundled[1], folder)
    return folder
