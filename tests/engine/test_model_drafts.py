"""A smaller model's drafts change nothing but the time."""

import pytest
import tokenizers
from tokenizers import decoders, models

from benchmarks.tiny_models import tiny_model
from mlx_entropix import PRESETS, PlainConfig
from mlx_entropix.engine import Engine, Request, TokenEvent, stream_generate
from mlx_entropix.engine.draft import DraftModel, ModelDrafter
from mlx_entropix.errors import ConfigError, WeightsError
from mlx_entropix.model.any import AnyDecoder
from mlx_entropix.model.load import load_model
from mlx_entropix.text import Tokenizer
from tests.engine.family import search
from tests.engine.guessing import drawn, ids, same, write
from tests.engine.test_fork_drafts import grew_alike
from tests.engine.test_search import width
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
    requests = [Request((i + 5,) * (3 + 7 * i), config, 14, seed=i) for i in range(2)]
    expected = write(tiny, requests)
    for draft, least, most in ((tiny[0], 0.9, 1.0), (other, 0.0, 0.5)):
        rows = write(tiny, requests, eager(tiny, draft), prefill_chunk=8)
        for events, others in zip(rows, expected, strict=True):
            same(events, others)
        summaries = [drawn(events)[-1].summary for events in rows]
        drafted = sum(summary.drafted_tokens for summary in summaries)
        assert drafted > 8
        accepted = sum(summary.accepted_tokens for summary in summaries)
        assert least * drafted <= accepted <= most * drafted


@pytest.mark.parametrize("draft", ["the same", "other"])
def test_a_request_that_forks_grows_the_same_tree(tiny, other, draft):
    request, paths = Request(PROMPT, WARM, 9, seed=3), width("entropy", 3)
    expected = search(tiny, request, paths)
    assert len(expected.settled.paths) > 1
    drafter = eager(tiny, tiny[0] if draft == "the same" else other)
    engine = Engine(*tiny, max_rows=3, drafter=drafter)
    family = search(tiny, request, paths, engine=engine)
    grew_alike(family, expected)
    right = [token.drafted for events in family.written.values() for token in events]
    assert draft == "other" or sum(right) > len(right) / 3


def test_rows_that_are_cancelled_disturb_no_other_and_the_next_take_their_places(tiny):
    requests = [Request((i + 1, 2), WARM, 12, seed=i) for i in range(4)]
    texts = [ids(events) for events in write(tiny, requests)]
    drafter = eager(tiny, tiny[0])
    engine = Engine(*tiny, max_rows=2, drafter=drafter)
    for request in requests:
        engine.add(request)  # the last ones wait for a place
    made = {i: [] for i in range(4)}
    while not engine.idle:
        for event in engine.step():
            if isinstance(event, TokenEvent):
                made[event.row].append(event.token_id)
        if engine.rows and len(made[1]) >= 4:
            engine.cancel(1)
    assert len(made[1]) < 12
    assert [made[i] for i in (0, 2, 3)] == [texts[i] for i in (0, 2, 3)]
    assert drafter._cache.lengths == []


def test_a_long_prompt_is_read_in_pieces_while_rows_go_on_without_drafts(tiny, monkeypatch):
    monkeypatch.setattr("mlx_entropix.engine.draft.model_drafter._CHUNK", 16)
    request = Request(tuple(range(5, 95)), WARM, 16, seed=2)
    expected = write(tiny, [request])[0]
    events = write(tiny, [request], eager(tiny, tiny[0]))[0]
    same(events, expected)
    # Six pieces, and only then is there a draft.
    assert [event.drafted for event in drawn(events)].index(True) >= 6


def test_a_damaged_draft_model_fails_no_row(tiny, spoilt):
    requests = [Request((i + 5, 6), WARM, 12, seed=i) for i in range(2)]
    expected = write(tiny, requests)
    damaged = spoilt(ids(expected[0])[4])
    rows = write(tiny, requests, eager(tiny, damaged[0]))
    for events, others in zip(rows, expected, strict=True):
        same(events, others)
        assert drawn(events)[-1].summary.drafted_tokens < 12


def test_a_draft_model_that_does_not_pay_is_left_alone_and_tried_again_after_a_while(tiny, other):
    """By a clock that says what a step costs, and what a pass of the draft model does."""
    for seconds, pays in ((0.01, True), (2.0, False)):
        drafter = ModelDrafter(other, tiny[1], tiny[0].vocabulary_size)
        engine = Engine(*tiny, drafter=drafter)
        engine.add(Request(PROMPT, WARM, 20))
        while not engine.rows or not drafter._places:
            engine.step()
        drafter._trials = 0
        drafter.index.costs.add(1, 1.0)
        drafter._costs.add(1, seconds)
        asked = [drafter.wants({engine.rows[0]: 19}, 1) for _ in range(300)]
        assert asked[0] == pays
        assert any(asked)


def test_a_draft_model_with_other_tokens_is_refused_in_a_sentence(tiny):
    model, tokenizer = tiny
    letters = {letter: i for i, letter in enumerate("abc")}
    backend = tokenizers.Tokenizer(models.BPE(letters, []))
    backend.decoder = decoders.ByteLevel()
    few = Tokenizer(backend, special_tokens={}, eos_token_ids=[], chat_template=None)
    with pytest.raises(WeightsError, match=r"has 3 tokens, and .* has 49,152\. Choose"):
        DraftModel.of(model, tokenizer, (model, few))
    with pytest.raises(WeightsError, match=r"its token 0 is '<.*', and that of .* is 'a'\."):
        DraftModel.of(model, few, (model, tokenizer))


def test_a_draft_model_that_cannot_take_tokens_back_is_refused_in_a_sentence(tiny):
    model, tokenizer = tiny
    source, _ = tiny_model("mamba", vocab_size=model.vocabulary_size)
    mamba = AnyDecoder(source, "tiny mamba", 512)
    for pair in ((model, mamba), (mamba, model)):
        with pytest.raises(WeightsError, match="tiny mamba cannot take tokens back"):
            DraftModel.of(pair[0], tokenizer, (pair[1], tokenizer))


def test_in_python_it_is_what_load_gave(tiny, other):
    asked = {"config": WARM, "max_tokens": 6, "seed": 3}
    expected = [event.token_id for event in stream_generate(*tiny, PROMPT, **asked)]
    events = stream_generate(*tiny, PROMPT, draft_model=(other, tiny[1]), **asked)
    assert [event.token_id for event in events] == expected
    with pytest.raises(ConfigError, match="speculate is 0"):
        stream_generate(*tiny, PROMPT, draft_model=tiny, speculate=0)
