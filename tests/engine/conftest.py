import mlx.core as mx
import pytest
from mlx.utils import tree_flatten

from mlx_entropix.model.load import load_model
from tests.model.checkpoints import random_model, save_folder


@pytest.fixture(scope="session")
def tiny(tmp_path_factory, bundled):
    """A tiny model with a context of 256 tokens, that speaks the bundled vocabulary."""
    source, config = random_model(vocab_size=49152, max_position_embeddings=256)
    folder = save_folder(tmp_path_factory.mktemp("tiny"), source, config)
    return load_model(folder)[0], bundled[1]


@pytest.fixture
def spoilt(tmp_path, bundled):
    """Makes of a token the tiny model, where this token spoils what comes after it."""

    def make(token):
        sound, _ = random_model(vocab_size=49152, max_position_embeddings=256)
        weights = dict(tree_flatten(sound.parameters()))
        changes = {"max_position_embeddings": 256, "tie_word_embeddings": False}
        source, config = random_model(vocab_size=49152, **changes)
        weights["lm_head.weight"] = weights["model.embed_tokens.weight"]
        source.load_weights(list(weights.items()))
        source.model.embed_tokens.weight = mx.array(source.lm_head.weight)
        source.model.embed_tokens.weight[token] = mx.nan
        return load_model(save_folder(tmp_path / str(token), source, config))[0], bundled[1]

    return make
