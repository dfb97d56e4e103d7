"""Models of mlx-lm as they are, in our batch: against mlx-lm itself, alone and in company."""

import mlx.core as mx
import numpy as np
import pytest

from benchmarks.models import try_architecture
from benchmarks.tiny_models import tiny_model
from mlx_entropix import PRESETS, PlainConfig, analyse
from mlx_entropix.engine import Engine, Request, TokenEvent, fork_config, forked, token_record
from mlx_entropix.errors import ConfigError, WeightsError
from mlx_entropix.model.any import AnyDecoder
from mlx_entropix.model.decoder import limits
from mlx_entropix.model.llama import Llama
from mlx_entropix.model.load import load_model
from mlx_entropix.sampling import Quadrant, parameter_rows, sample_rows
from tests.model.checkpoints import save_folder

FULL = [
    "qwen2",
    "qwen3",
    "qwen3_moe",
    "gemma2",
    "gemma3_text",
    "phi3",
    "olmo2",
    "mixtral",
    "granite",
    "smollm3",
    "gpt_oss",
]


@pytest.mark.parametrize("name", FULL)
def test_tokens_metrics_company_and_forks_are_right(name):
    found = try_architecture(name)
    assert (found.kind, found.together, found.forks) == ("full", True, True), found.why
    assert found.fast == (name in ("qwen2", "qwen3"))


@pytest.mark.parametrize(
    ("name", "kind"), [("qwen3_next", "full"), ("rwkv7", "logits only"), ("mamba", "logits only")]
)
def test_rows_with_states_are_right_in_company_and_cannot_be_rewound(name, kind):
    found = try_architecture(name)
    assert (found.kind, found.together, found.forks) == (kind, True, False), found.why


def test_rows_that_cannot_be_batched_are_computed_one_by_one():
    found = try_architecture("gpt_bigcode")
    assert (found.kind, found.together) == ("full", False), found.why


@pytest.fixture(scope="module")
def mamba(bundled):
    source, _ = tiny_model("mamba", vocab_size=bundled[0].vocabulary_size)
    return AnyDecoder(source, "tiny mamba", 512)


def answers(engine, prompts, config=PRESETS["entropix"]):
    rows = {engine.add(Request(prompt, config, 8, seed=1)): [] for prompt in prompts}
    while not engine.idle:
        for event in engine.step():
            if isinstance(event, TokenEvent):
                rows[event.row].append(event)
    return list(rows.values())


def test_without_attention_its_metrics_are_null_and_the_sampler_goes_on(mamba, bundled):
    events = answers(Engine(mamba, bundled[1]), [(1, 2, 3)])[0]
    assert len(events) == 8
    record = token_record(events[0])
    assert record["attention_entropy"] is record["interaction_strength"] is None
    assert record["logits_entropy"] > 0
    assert record["quadrant"] in Quadrant.__members__
    ids = [1, 2, 3, *(event.token_id for event in events)]
    scored = analyse(mamba, bundled[1], ids, config=PRESETS["entropix"], attended=1).tokens[3:]
    for token, event in zip(scored, events, strict=True):
        assert token.metrics[2:] == (None,) * 4
        assert token.metrics[:2] == pytest.approx(event.metrics[:2], abs=1e-3)
        assert (token.quadrant, token.attended) == (event.quadrant, ())


def test_a_prompt_with_states_goes_on_from_what_is_known(mamba, bundled):
    engine = Engine(mamba, bundled[1], prefix_cache_bytes=1 << 20)
    first = answers(engine, [(1, 2, 3, 4, 5)])[0]
    again = answers(engine, [(1, 2, 3, 4, 5)])[0]
    assert again[-1].summary.cached_tokens == 4
    assert [e.token_id for e in again] == [e.token_id for e in first]


def test_forks_of_a_model_that_cannot_rewind_are_refused_in_a_sentence(mamba, bundled):
    request = forked(Request((1, 2, 3), PRESETS["entropix"], 8), fork_config("first"))
    with pytest.raises(ConfigError, match=r"tiny mamba cannot fork: .* Ask without forks\."):
        Engine(mamba, bundled[1]).add(request)


def test_what_a_model_cannot_do_is_said(mamba, bundled):
    assert limits(bundled[0]) == []
    attention, rewinding = limits(mamba)
    assert "the four metrics of attention are null" in attention
    assert "without forks and without drafts" in rewinding


def test_rows_of_a_model_of_states_and_attention_do_not_depend_on_company(bundled):
    source, _ = tiny_model("qwen3_next", vocab_size=bundled[0].vocabulary_size)
    model = AnyDecoder(source, "tiny qwen3_next", 512)
    prompts = [(1, 2, 3), tuple(range(20, 60)), (7, 8, 9, 10), (5,)]
    together = answers(Engine(model, bundled[1], prefill_chunk=16), prompts, PlainConfig())
    for prompt, events in zip(prompts, together, strict=True):
        alone = answers(Engine(model, bundled[1]), [prompt], PlainConfig())[0]
        assert [e.token_id for e in events] == [e.token_id for e in alone]
        strength = [e.metrics.interaction_strength for e in events]
        np.testing.assert_allclose(strength, [e.metrics.interaction_strength for e in alone], 1e-3)


def test_conditions_on_attention_never_hold_without_it():
    config = PRESETS["entropix"].override({"flowing": {"when": ["attention_entropy < 99"]}})
    logits, last = mx.zeros((1, 8)), mx.array([1])

    def quadrant(scores):
        parameters = parameter_rows([config], -1, attends=scores is not None)
        keys = mx.zeros((1, 2), mx.uint32)
        sampled = sample_rows(logits, scores, None, last, parameters, keys, candidates=8, draws=1)
        return Quadrant(sampled.quadrant.item())

    assert quadrant(mx.ones((1, 2, 3))) is Quadrant.FLOWING
    assert quadrant(None) is not Quadrant.FLOWING


def test_the_folder_says_which_decoder_it_is_for(tmp_path):
    model, _ = load_model(save_folder(tmp_path / "qwen3", *tiny_model("qwen3")))
    assert isinstance(model, Llama)
    model, _ = load_model(save_folder(tmp_path / "olmo2", *tiny_model("olmo2")))
    assert isinstance(model, AnyDecoder)
    assert model.context_length == 512
    windowed = tiny_model("llama", layer_types=["sliding_attention", "full_attention"] * 2)
    model, _ = load_model(save_folder(tmp_path / "windowed", *windowed))
    assert isinstance(model, AnyDecoder)


def test_a_model_that_mlx_lm_computes_wrongly_is_refused(tmp_path):
    folder = save_folder(tmp_path, *tiny_model("phi3small"))
    with pytest.raises(WeightsError, match="depend on the pieces"):
        load_model(folder)
