"""Our sampler in mlx-lm's own loop, and what docs/python.md says of it."""

import re
from pathlib import Path

import mlx_lm
import pytest
import tokenizers
import transformers
from mlx_lm.generate import BatchGenerator
from mlx_lm.tokenizer_utils import TokenizerWrapper
from tokenizers import decoders
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import ByteLevel

from benchmarks.tiny_models import tiny_model
from mlx_entropix import PRESETS, PlainConfig, make_entropix_sampler, tap
from mlx_entropix.engine import Request
from mlx_entropix.errors import (
    ConfigError,
    GenerationError,
    TokenizerError,
    UsageError,
    WeightsError,
)
from mlx_entropix.model.any import AnyDecoder
from mlx_entropix.text import Tokenizer
from tests.engine.guessing import drawn, write
from tests.model.checkpoints import random_model

VOCABULARY = 300  # the bytes, and some more
ENTROPIX = PRESETS["entropix"]
LOOKS_BACK = ENTROPIX.override({"resampling": {"when": ["logits_entropy_slope > 0.0"]}})
PROMPTS = ([5, 6, 7], [11, 12, 13, 14, 15, 16, 17], [9])
EXAMPLES = re.findall(
    r"```python\n(.*?)```",
    (Path(__file__).parents[2] / "docs" / "python.md").read_text("utf-8"),
    re.DOTALL,
)


@pytest.fixture(scope="module")
def wrapped():
    """A tokenizer whose tokens are bytes, as mlx-lm has it."""
    alphabet = sorted(ByteLevel.alphabet())
    backend = tokenizers.Tokenizer(BPE({c: i for i, c in enumerate(alphabet)}, []))
    backend.pre_tokenizer = ByteLevel(add_prefix_space=False, use_regex=False)
    backend.decoder = decoders.ByteLevel()
    fast = transformers.PreTrainedTokenizerFast(tokenizer_object=backend, eos_token="<|im_end|>")
    fast.chat_template = "{% for m in messages %}{{ m.content }}{% endfor %}"
    return TokenizerWrapper(fast)


@pytest.fixture(scope="module")
def ours(wrapped):
    """The same as we have it."""
    return Tokenizer(
        wrapped.backend_tokenizer,
        special_tokens={},
        eos_token_ids=wrapped.eos_token_ids,
        chat_template=None,
    )


def tiny(name):
    return tiny_model(name, vocab_size=VOCABULARY)[0]


def of_our_loop(model, tokenizer, prompts, config, seed=3):
    decoder = AnyDecoder(model, "tiny", 512)
    return [
        drawn(write((decoder, tokenizer), [Request(tuple(prompt), config, 6, seed=seed)])[0])
        for prompt in prompts
    ]


@pytest.mark.parametrize("name", ["llama", "qwen3", "gemma2"])
def test_with_the_attention_a_seed_gives_the_tokens_of_our_own_loop(name, ours, wrapped):
    model = tiny(name)
    kind = type(model)
    for config in (ENTROPIX, LOOKS_BACK):
        (expected,) = of_our_loop(model, ours, PROMPTS[:1], config)
        with tap(model) as attention:
            sampler = make_entropix_sampler(
                config, wrapped, 3, position=len(PROMPTS[0]), attention=attention
            )
            given = mlx_lm.stream_generate(
                model, wrapped, PROMPTS[0], max_tokens=6, sampler=sampler
            )
            pairs = list(zip(given, sampler.events(), strict=False))
        assert [token.token for token, _ in pairs] == [event.token_id for event in expected]
        for (_, event), other in zip(pairs, expected, strict=True):
            assert event.token_id == other.token_id
            assert event.quadrant == other.quadrant
            assert event.metrics == pytest.approx(other.metrics, abs=1e-3)
    assert type(model) is kind


def test_without_attention_it_goes_by_the_logits_alone(wrapped):
    model = tiny("llama")
    sampler = make_entropix_sampler(ENTROPIX, wrapped, 3)
    text = mlx_lm.generate(model, wrapped, PROMPTS[0], max_tokens=6, sampler=sampler)
    events = list(sampler.events())[:6]
    assert "".join(event.text for event in events).startswith(text.rstrip("�"))
    assert all(event.metrics[2:] == (None,) * 4 for event in events)
    assert all(event.metrics.logits_entropy > 0 for event in events)


@pytest.mark.parametrize("name", ["phi3"])
def test_rows_of_a_batch_that_come_and_go_have_a_sampler_each(name, ours, wrapped):
    model = tiny(name)
    expected = of_our_loop(model, ours, PROMPTS, ENTROPIX)
    with tap(model) as attention:
        samplers = [
            make_entropix_sampler(ENTROPIX, ours, 3, position=len(prompt), attention=attention)
            for prompt in PROMPTS
        ]
        batch = BatchGenerator(model, max_tokens=6)
        rows = batch.insert(list(PROMPTS[:2]), samplers=samplers[:2])
        written = dict.fromkeys(rows, ())
        while responses := batch.next_generated():
            for response in responses:
                written[response.uid] = (*written.get(response.uid, ()), response.token)
            if len(rows) == 2:
                rows += batch.insert([PROMPTS[2]], samplers=samplers[2:])
    assert [list(written[row]) for row in rows] == [
        [event.token_id for event in events] for events in expected
    ]


def test_attention_is_heard_where_mlx_lm_packs_keys_in_few_bits(wrapped):
    model, _ = random_model(vocab_size=VOCABULARY)  # heads of 32 numbers, which can be packed
    strengths = []
    for packed in ({}, {"kv_bits": 8, "kv_group_size": 32, "quantized_kv_start": 0}):
        with tap(model) as attention:
            sampler = make_entropix_sampler(
                PlainConfig(temperature=0), wrapped, 0, attention=attention
            )
            mlx_lm.generate(model, wrapped, PROMPTS[1], max_tokens=1, sampler=sampler, **packed)
        strengths.append(next(sampler.events()).metrics.interaction_strength)
    assert strengths[0] > 0.01
    assert strengths[1] == pytest.approx(strengths[0], rel=0.02)


@pytest.mark.parametrize("name", ["llama", "qwen3", "phi3"])
def test_the_examples_of_the_docs_run(name, wrapped, monkeypatch, capsys):
    model = tiny(name)
    monkeypatch.setattr(mlx_lm, "load", lambda _: (model, wrapped))
    scope = {}
    for example in EXAMPLES[1:3]:
        exec(example, scope)
    assert "interaction_strength" in capsys.readouterr().out
    assert len(scope["texts"]) == 2


def test_what_cannot_be_done_is_said_in_a_sentence(ours, wrapped):
    model = tiny("llama")
    sampler = make_entropix_sampler(ENTROPIX, wrapped)
    with pytest.raises(UsageError, match=r"is of one row\. Make one for each row"):
        mlx_lm.generate(
            model, wrapped, PROMPTS[0], draft_model=model, max_tokens=6, sampler=sampler
        )
    with pytest.raises(ConfigError, match="make_logits_processors"):
        make_entropix_sampler(ENTROPIX.override({"repetition_penalty": 1.2}), wrapped)
    with pytest.raises(TokenizerError, match=r"mlx_lm\.load returns"):
        make_entropix_sampler(ENTROPIX, object())
    with tap(model) as attention:
        sampler = make_entropix_sampler(ENTROPIX, wrapped, attention=attention)
    with pytest.raises(GenerationError, match=r"inside `with tap\(model\)`"):
        mlx_lm.generate(model, wrapped, PROMPTS[0], max_tokens=6, sampler=sampler)
    with tap(model) as attention:
        sampler = make_entropix_sampler(ENTROPIX, wrapped, attention=attention)
        batch = BatchGenerator(model, max_tokens=6)
        batch.insert(list(PROMPTS[:2]), samplers=[sampler, None])
        with pytest.raises(GenerationError, match="1 of the 2 rows"):
            batch.next_generated()
    mamba = tiny("mamba")
    with pytest.raises(WeightsError, match="Make the sampler without it"), tap(mamba):
        pass
