"""The memory of all rows' caches: what is promised is what is held."""

import pytest

from mlx_entropix import PlainConfig
from mlx_entropix.engine import Engine, Request, TokenEvent
from mlx_entropix.engine import kv_budget as budget
from mlx_entropix.engine.kv_budget import cache_bytes, kv_budget
from mlx_entropix.errors import WeightsError
from mlx_entropix.model.load import load_model
from mlx_entropix.model.quantized import KVBits
from tests.model.checkpoints import random_model, save_folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    source, config = random_model(vocab_size=49152, max_position_embeddings=4096)
    return save_folder(tmp_path_factory.mktemp("model"), source, config)


@pytest.mark.parametrize("kv", [None, KVBits(8, 32)], ids=["16 bits or 32", "8 bits"])
def test_rows_wait_rather_than_take_more_than_the_budget(folder, bundled, kv):
    model, _ = load_model(folder, kv=kv)
    engine = Engine(model, bundled[1], max_rows=16, max_kv_tokens=3000, chunk_beside_rows=4096)
    for i in range(6):
        engine.add(Request((i, *range(580)), PlainConfig(), max_tokens=9))
    most, ended = 0, 0
    while not engine.idle:
        events = engine.step()
        ended += sum(event.ends for event in events if isinstance(event, TokenEvent))
        most = max(most, sum(array.nbytes for array in engine._cache.arrays()))
    _, token = cache_bytes(model)
    assert ended == 6
    assert 4 * 589 * token <= most <= budget.GROWTH * 3000 * token


def test_the_budget_is_what_the_memory_leaves(folder, monkeypatch):
    model, _ = load_model(folder)
    _, token = cache_bytes(model)
    monkeypatch.setattr(budget, "free_memory", lambda: 10_000 * token)
    found = kv_budget([model], max_rows=16, prefix_cache_bytes=1000 * token)
    assert found.tokens == (0.8 * 10_000 - 1000) / 1.25
    assert kv_budget([model, model], max_rows=16).tokens == 0.8 * 10_000 / 1.25 / 2
    assert kv_budget([model], max_rows=1).tokens == 4096  # one row takes no more
    monkeypatch.setattr(budget, "free_memory", lambda: 300 * token)
    with pytest.raises(WeightsError, match=r"GB of memory free, .* 192 would fit\. .*--kv_bits"):
        kv_budget([model], max_rows=16)
