"""A smaller model's drafts change nothing but the time."""

import pytest

from mlx_entropix import PRESETS, PlainConfig
from mlx_entropix.engine import Request
from mlx_entropix.engine.draft import ModelDrafter
from mlx_entropix.model.load import load_model
from tests.engine.guessing import drawn, same, write
from tests.model.checkpoints import random_model, save_folder

ENTROPIX, WARM = PRESETS["entropix"], PlainConfig(temperature=1.0)
GREEDY = PlainConfig(temperature=0)
PROMPT = (5, 6, 7)


class Eager(ModelDrafter):
    """Guesses `ahead` tokens of every row, whatever they cost."""

    ahead = 4

    def _chosen(self, mine, promised, tokens, positions, indexed):
        return {row: min(n, self.ahead) for row, n in mine.items()}

    def wants(self, room, positions):
        return bool(self._mine(room))


@pytest.fixture(scope="module")
def other(tmp_path_factory, tiny):
    """Another tiny model, of a shorter context, that is mostly of another opinion."""
    source, config = random_model(seed=1, vocab_size=49152, max_position_embeddings=40)
    folder = save_folder(tmp_path_factory.mktemp("other"), source, config)
    return load_model(folder)[0]


def eager(tiny, draft):
    return Eager(draft, tiny[1], tiny[0].vocabulary_size)


@pytest.mark.parametrize("config", [GREEDY, ENTROPIX, WARM], ids=["greedy", "entropix", "plain"])
def test_tokens_are_those_without_a_draft_model_and_one_like_the_model_is_right(
    tiny, other, config
):
    requests = [Request((i + 5,) * (3 + 7 * i), config, 24, seed=i) for i in range(3)]
    expected = write(tiny, requests)
    for draft, least, most in ((tiny[0], 0.9, 1.0), (other, 0.0, 0.5)):
        rows = write(tiny, requests, eager(tiny, draft), prefill_chunk=16)
        for events, others in zip(rows, expected, strict=True):
            same(events, others)
        summaries = [drawn(events)[-1].summary for events in rows]
        drafted = sum(summary.drafted_tokens for summary in summaries)
        assert drafted > 12
        accepted = sum(summary.accepted_tokens for summary in summaries)
        assert least * drafted <= accepted <= most * drafted
