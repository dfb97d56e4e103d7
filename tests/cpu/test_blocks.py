"""Rows that a CPU takes a few at a time."""

import mlx.core as mx
import numpy as np
import pytest

from mlx_entropix.sampling import PRESETS, parameter_rows
from mlx_entropix.sampling.score import score_rows
from tests.sampling import oracle


def test_many_positions_of_a_long_text_have_the_numbers_of_each_by_itself():
    rng = np.random.default_rng(0)
    B, V, H, T = 7, 60_000, 3, 40_000  # four rows to a block of logits, two of scores
    logits, scores = 3 * rng.normal(size=(B, V)), 2 * rng.normal(size=(B, H, T))
    visible = np.arange(T) < (T - B + 1 + np.arange(B))[:, None]
    given = rng.integers(V, size=B)
    found = score_rows(
        mx.array(logits, mx.float32),
        mx.array(np.where(visible[:, None], scores, -np.inf), mx.float32),
        mx.array(visible),
        parameter_rows([PRESETS["entropix"]] * B, clarifying_token=-1),
        mx.array(given, mx.int32),
        alternatives=1,
    )
    for i in range(B):
        logprobs = oracle.log_softmax(logits[i])
        expected = [logprobs[given[i]], *oracle.metrics(logits[i], scores[i], visible[i])]
        assert found.numbers[i, :7].tolist() == pytest.approx(expected, rel=1e-3, abs=1e-6)
        assert abs(found.rank[i].item() - 1 - np.sum(logprobs > logprobs[given[i]])) <= 1
