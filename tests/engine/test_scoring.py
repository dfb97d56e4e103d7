"""A given text under the model: its tokens' numbers against a forward pass in NumPy, perplexity."""

import math

import mlx.core as mx
import numpy as np
import pytest
from mlx.utils import tree_flatten

from mlx_entropix import PRESETS, PlainConfig, analyse
from mlx_entropix.engine import Engine, Request, TokenEvent, perplexity
from mlx_entropix.errors import PromptError
from mlx_entropix.model.load import load_model
from tests.model.checkpoints import random_model, save_folder
from tests.sampling import oracle

from .test_engine import run

ENTROPIX = PRESETS["entropix"]
TEXT = tuple(range(40, 240))


def numpy_forward(weights, config, ids):
    """Logits (L, V) and the last layer's scores (H, L, T), in float64."""
    heads, groups = config["num_attention_heads"], config["num_key_value_heads"]
    size, length = config["hidden_size"] // heads, len(ids)

    def norm(x, name):
        spread = np.sqrt((x * x).mean(-1, keepdims=True) + config["rms_norm_eps"])
        return x / spread * weights[f"{name}.weight"]

    def turned(x):
        half = size // 2
        speeds = config["rope_theta"] ** (-np.arange(half) / half)
        angles = np.arange(length)[:, None, None] * speeds
        a, b = x[..., :half], x[..., half:]
        sine, cosine = np.sin(angles), np.cos(angles)
        return np.concatenate([a * cosine - b * sine, a * sine + b * cosine], axis=-1)

    h = weights["model.embed_tokens.weight"][list(ids)]
    for i in range(config["num_hidden_layers"]):
        layer = f"model.layers.{i}"

        def linear(x, name, layer=layer):
            return x @ weights[f"{layer}.{name}.weight"].T

        x = norm(h, f"{layer}.input_layernorm")
        q = turned(linear(x, "self_attn.q_proj").reshape(length, heads, size))
        k = turned(linear(x, "self_attn.k_proj").reshape(length, groups, size))
        v = linear(x, "self_attn.v_proj").reshape(length, groups, size)
        k, v = (np.repeat(each, heads // groups, axis=1) for each in (k, v))
        scores = np.einsum("lhd,thd->hlt", q, k) / math.sqrt(size)
        hidden = np.where(np.tri(length, dtype=bool), scores, -np.inf)
        seen = np.einsum("hlt,thd->lhd", oracle.softmax(hidden), v).reshape(length, -1)
        h = h + linear(seen, "self_attn.o_proj")
        x = norm(h, f"{layer}.post_attention_layernorm")
        gate = linear(x, "mlp.gate_proj")
        h = h + linear(gate / (1 + np.exp(-gate)) * linear(x, "mlp.up_proj"), "mlp.down_proj")
    return norm(h, "model.norm") @ weights["model.embed_tokens.weight"].T, scores


def test_each_token_has_the_numbers_of_a_forward_pass_in_numpy(tmp_path, bundled):
    source, config = random_model(vocab_size=300, num_key_value_heads=2)
    named = tree_flatten(source.parameters())
    weights = {name: np.array(w.astype(mx.float32), np.float64) for name, w in named}
    model = load_model(save_folder(tmp_path, source, config))[0]
    logits, scores = numpy_forward(weights, config, TEXT)
    found = analyse(model, bundled[1], TEXT, config=ENTROPIX, attended=3)
    assert [token.token_id for token in found.tokens] == list(TEXT)
    first, *rest = found.tokens
    assert (first.logprob, first.rank, first.metrics, first.quadrant) == (None,) * 4
    expected = []
    for i, token in enumerate(rest):
        values = oracle.metrics(logits[i], scores[:, i, : i + 1])
        logprobs = oracle.log_softmax(logits[i])
        expected.append(logprobs[token.token_id])
        assert token.metrics == pytest.approx(values, abs=2e-3)
        assert token.logprob == pytest.approx(expected[-1], abs=2e-3)
        above = logprobs - logprobs[token.token_id]
        assert np.sum(above > 1e-3) < token.rank <= 1 + np.sum(above > -1e-3)
        if all(
            abs(values[m] - b) > 0.01 for m, bs in oracle.BORDERS["entropix"].items() for b in bs
        ):
            assert token.quadrant.name == oracle.classify(values, "entropix")
        weight = oracle.softmax(scores[:, i, : i + 1]).mean(axis=0)
        assert [at.weight for at in token.attended] == pytest.approx(
            np.sort(weight)[::-1][:3], abs=1e-3
        )
        for at in token.attended:
            assert at.weight == pytest.approx(weight[at.position], abs=1e-3)
    assert found.perplexity.value == pytest.approx(math.exp(-np.mean(expected)), rel=1e-3)
    assert found.perplexity.tokens == len(TEXT) - 1


def test_an_answer_that_is_scored_afterwards_has_its_own_metrics(bundled):
    model, tokenizer = bundled
    prompt = tuple(tokenizer.chat([{"role": "user", "content": "Name a river."}]))
    request = Request(prompt, ENTROPIX, 8, seed=3, attended=2)
    made = [e for e in run(Engine(model, tokenizer), [request])[0] if isinstance(e, TokenEvent)]
    ids = [*prompt, *(event.token_id for event in made)]
    found = analyse(model, tokenizer, ids, config=ENTROPIX, attended=2)
    for event in made:
        token = found.tokens[event.position]
        assert token.logprob == pytest.approx(event.logprob, abs=1e-3)
        assert token.metrics == pytest.approx(event.metrics, abs=1e-3)
        assert token.quadrant == event.quadrant
        assert [at.position for at in token.attended] == [at.position for at in event.attended]


def test_a_text_may_fill_the_context_and_no_more(tiny):
    model, tokenizer = tiny
    text = (7,) * model.context_length
    assert len(analyse(model, tokenizer, text).tokens) == len(text)
    with pytest.raises(
        PromptError, match=r"257 tokens, and .* takes at most 256\. Score it in parts"
    ):
        analyse(model, tokenizer, (*text, 7))


def test_a_text_beside_a_row_that_draws_has_the_same_numbers(tiny):
    alone = analyse(*tiny, TEXT, config=ENTROPIX).tokens
    engine = Engine(*tiny, max_rows=2, prefill_chunk=32)
    draws = Request((5, 6, 7), PlainConfig(temperature=1.0), 20)
    rows = run(engine, [draws, Request(TEXT, ENTROPIX, 0, scores_prompt=True)])
    for token, same in zip(rows[1][-1].tokens[1:], alone[1:], strict=True):
        assert token.rank == same.rank
        assert token.logprob == pytest.approx(same.logprob, abs=1e-4)
        assert token.metrics == pytest.approx(same.metrics, abs=1e-4)


def test_the_interval_of_perplexity_holds_what_texts_of_its_kind_have():
    rng, mean, inside = np.random.default_rng(0), 2.0, 0
    for _ in range(200):
        noise = rng.exponential(1.0, 402)
        surprise = mean - 1 + (noise[:-2] + noise[1:-1] + noise[2:]) / 3  # neighbours go together
        found = perplexity(-surprise)
        inside += found.low <= math.exp(mean) <= found.high
    assert 0.88 <= inside / 200 <= 0.98


def test_a_single_token_has_no_perplexity_and_two_no_interval(tiny):
    assert analyse(*tiny, (5,)).perplexity is None
    two = analyse(*tiny, (5, 6)).perplexity
    assert two.value > 1
    assert (two.low, two.high) == (None, None)
