"""Six numbers that say how sure the model is at a step.

Two come from the next-token distribution, four from the last layer's attention of the last query
position. Definitions: docs/fidelity.md, after https://github.com/xjdr-alt/entropix.
Everything is computed in float32, whatever the model's dtype.
"""

import math
from typing import Any, Generic, NamedTuple, TypeVar

import mlx.core as mx

from mlx_entropix.cpu.blocks import in_blocks
from mlx_entropix.cpu.powers import LOG2_E, power_of_two

Value = TypeVar("Value")


class Metrics(NamedTuple, Generic[Value]):
    """One value for each of the six metrics: arrays (B,) float32, or what is said of each."""

    logits_entropy: Value  # bits
    logits_varentropy: Value  # bits²
    # The other four are None for a token of a model without attention to measure.
    attention_entropy: Value  # bits, mean over heads
    attention_varentropy: Value  # bits², population variance over heads
    agreement: Value  # mean |weight − mean weight over heads|; 0 when the heads agree
    interaction_strength: Value  # mean |score|, in the score's own unit (nats)


ATTENTION = Metrics._fields[2:]
"""The names of the metrics that are of attention."""


def without_attention(metrics: Metrics[Any]) -> Metrics[Any]:
    """The metrics of a model whose attention cannot be measured."""
    return metrics._replace(**dict.fromkeys(ATTENTION))


class About(NamedTuple):
    """A metric for a person who meets it for the first time. A share has no unit."""

    unit: str
    description: str


ABOUT = Metrics(
    logits_entropy=About(
        "bits",
        "How spread out the next-token probabilities were: 0 is certain, each bit doubles the "
        "choices.",
    ),
    logits_varentropy=About(
        "bits²",
        "How unequal the surprise of the candidates was: high where a few paths stand out of many.",
    ),
    attention_entropy=About(
        "bits",
        "How widely the last layer looked back over the text, averaged over its heads.",
    ),
    attention_varentropy=About(
        "bits²",
        "How much the heads differed in how widely they looked.",
    ),
    agreement=About(
        "",
        "Mean distance between each head's attention and the heads' average (published as "
        "“agreement”): low when all look at the same place.",
    ),
    interaction_strength=About(
        "nats",
        "Mean size of the attention scores before they become weights.",
    ),
)


class Distribution(NamedTuple):
    """softmax(logits), kept in the form in which nothing underflows to NaN."""

    bits: mx.array  # (…, V) log2 of each weight; the best token's is 0, a banned token's −inf
    weights: mx.array  # (…, V) 2^bits, not normalised
    total: mx.array  # (…, 1) sum of the weights


def distribution(logits: mx.array, best: mx.array) -> Distribution:
    """The softmax of logits (…, V) float32, whose greatest is `best` (…, 1)."""
    bits = (logits - best) * LOG2_E
    weights = power_of_two(bits)
    return Distribution(bits, weights, mx.sum(weights, axis=-1, keepdims=True))


def scaled_probabilities(p: Distribution, bits: mx.array, temperature: mx.array) -> mx.array:
    """Probabilities, over the whole vocabulary, of the tokens in `bits` (B, C); temperature (B, 1).

    At a temperature of 0 the best tokens share everything.
    """
    coldness = mx.minimum(1.0 / temperature, 1e30)  # finite: 0 · ∞ would be NaN
    total = mx.sum(power_of_two(p.bits * coldness), axis=-1, keepdims=True)
    return power_of_two(bits * coldness) / total


def collision_probability(p: Distribution, temperature: mx.array) -> mx.array:
    """Σ p², the probability (B, 1) that two draws at a temperature (B, 1) are the same token."""
    weights = power_of_two(p.bits * mx.minimum(1.0 / temperature, 1e30))
    total = mx.sum(weights, axis=-1, keepdims=True)
    return mx.sum(mx.square(weights / total), axis=-1, keepdims=True)


def entropy_shares(p: mx.array) -> mx.array:
    """−p·log2 p, what each token adds to the entropy, in bits, by its probability p (B, C).

    Of tokens by rank all but the first have p ≤ ½, where a likelier one never adds less than what
    is under half a bit.
    """
    return -p * mx.log2(mx.maximum(p, 1e-30))  # finite: 0 · −∞ would be NaN


def logits_metrics(p: Distribution) -> tuple[mx.array, mx.array]:
    """Entropy in bits and varentropy in bits², each (B, 1).

    With p = 2^b / Z: H = log2 Z − E[b], and V = E[(log2 p + H)²] = E[(b − E[b])²].
    """
    entropy, mean_bits, bits = _entropy(p)
    variance = mx.sum(p.weights * mx.square(bits - mean_bits), axis=-1, keepdims=True) / p.total
    return entropy, variance


def _entropy(p: Distribution) -> tuple[mx.array, mx.array, mx.array]:
    """The entropy in bits (…, 1), E[b] (…, 1), and the b (…, V), which are finite."""
    bits = mx.maximum(p.bits, -200.0)  # 2^−200 is 0 in float32, and 0 · −inf would be NaN
    mean_bits = mx.sum(p.weights * bits, axis=-1, keepdims=True) / p.total
    return mx.maximum(mx.log2(p.total) - mean_bits, 0.0), mean_bits, bits


def standard_deviation(p: Distribution) -> mx.array:
    """The standard deviation (B, 1), in bits, of the logits of all tokens that are not banned."""
    allowed = p.bits > -mx.inf
    bits = mx.where(allowed, p.bits, 0.0)
    count = mx.sum(allowed, axis=-1, keepdims=True)
    mean = mx.sum(bits, axis=-1, keepdims=True) / count
    square = mx.sum(mx.where(allowed, mx.square(bits - mean), 0.0), axis=-1, keepdims=True)
    return mx.sqrt(square / count)


def attention_metrics(scores: mx.array, mask: mx.array | None = None) -> mx.array:
    """The four metrics of attention scores (B, H, T), as a (B, 4) float32 array.

    `mask` (B, T) is true at the keys that a row sees; what the scores hold elsewhere, NaN included,
    has no effect. The columns follow the order of `Metrics`.

    Not for `mx.compile`: T grows at every step, and compiled as shapeless this crashes where T
    is 1 (MLX 0.32).
    """
    return in_blocks(_attention_metrics, scores, mask)


def _attention_metrics(scores: mx.array, mask: mx.array | None) -> mx.array:
    scores = scores.astype(mx.float32)
    strengths = mx.abs(scores)
    if mask is not None:
        visible = mask[:, None, :]
        scores = mx.where(visible, scores, -mx.inf)
        strengths = mx.where(visible, strengths, 0.0)
    p = distribution(scores, mx.max(scores, axis=-1, keepdims=True))  # (B, H, T)
    entropies = mx.squeeze(_entropy(p)[0], axis=-1)  # (B, H)
    heads = mx.stack([mx.mean(entropies, axis=-1), mx.var(entropies, axis=-1)], axis=-1)

    weights = p.weights / p.total
    spread = mx.abs(weights - mx.mean(weights, axis=1, keepdims=True))
    keys = mx.stack([mx.mean(spread, axis=(1, 2)), mx.mean(strengths, axis=(1, 2))], axis=-1)
    if mask is not None:  # these means counted hidden keys too, as zeros
        keys = keys / mx.mean(mask.astype(mx.float32), axis=-1, keepdims=True)
    return mx.concatenate([heads, keys], axis=-1)


def calculate_metrics(
    logits: mx.array, scores: mx.array, mask: mx.array | None = None
) -> Metrics[mx.array]:
    """The metrics of a step.

    `logits` (B, V) are the model's output for the last position; −inf bans a token. `scores`
    (B, H, T) are the last layer's q·k/√d of the last query position before softmax, one row per
    query head. `mask` (B, T) is true at visible keys, for rows of different lengths.
    """
    logits = logits.astype(mx.float32)
    p = distribution(logits, mx.max(logits, axis=-1, keepdims=True))
    return metric_columns(all_metrics(p, attention_metrics(scores, mask)))


def all_metrics(p: Distribution, attention: mx.array) -> mx.array:
    """The six metrics as one (B, 6) array; `attention` (B, 4) are the last four."""
    return mx.concatenate([*logits_metrics(p), attention], axis=-1)


def metric_columns(metrics: mx.array) -> Metrics[mx.array]:
    """The metrics (B, 6) one by one."""
    return Metrics(*mx.unstack(metrics, axis=-1))


def self_certainty(logits: mx.array, best_logprob: mx.array | None = None) -> mx.array:
    """KL(U ‖ p) in nats (B,): how far `logits` (B, V) are from saying that all are equally likely.

    `best_logprob` (B,) is the log-probability of the likeliest token, where it is known, so that
    nothing has to be summed up again. Kang et al., "Scalable Best-of-N Selection for Large Language
    Models via Self-Certainty", arXiv:2502.18581.
    """
    logits = logits.astype(mx.float32)
    best = mx.max(logits, axis=-1)
    below_best = best - mx.mean(logits, axis=-1)
    if best_logprob is None:
        best_logprob = best - mx.logsumexp(logits, axis=-1)
    return below_best - best_logprob - math.log(logits.shape[-1])
