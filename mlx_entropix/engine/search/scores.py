"""What a path is worth: numbers of its tokens, the higher, the better."""

from collections.abc import Callable, Sequence
from math import exp, inf
from statistics import fmean

from mlx_entropix.engine.events import TokenEvent

CONFIDENCE_TOKENS = 20
"""So many of the likeliest tokens make up the confidence at a position."""

Tokens = Sequence[TokenEvent]


def confidence(token: TokenEvent) -> float:
    """−mean log-probability, in nats, of the likeliest tokens at a position.

    High where one token has nearly all of the probability (Fu et al., "Deep Think with
    Confidence", arXiv:2508.15260).
    """
    best = [other.logprob for other in token.alternatives[:CONFIDENCE_TOKENS]]
    return -fmean(best) if best else 0.0


def gap(token: TokenEvent) -> float:
    """The difference between the probabilities of the two likeliest tokens at a position."""
    best = [exp(other.logprob) for other in token.alternatives[:2]]
    return best[0] - (best[1] if len(best) > 1 else 0.0) if best else 0.0


def logprob(tokens: Tokens) -> float:
    """The mean log-probability of the tokens, in nats."""
    return fmean(token.logprob for token in tokens) if tokens else -inf


def delta(tokens: Tokens) -> float:
    """Δ of CoT-decoding (Wang and Zhou, arXiv:2402.10200): the mean `gap`."""
    return fmean(map(gap, tokens)) if tokens else 0.0


def mean_confidence(tokens: Tokens) -> float:
    """The mean `confidence`."""
    return fmean(map(confidence, tokens)) if tokens else 0.0


def tail_confidence(tokens: Tokens, window: int) -> float:
    """The mean `confidence` of the last `window` tokens, or of all where there are fewer."""
    return mean_confidence(tokens[-window:])


def lowest_confidence(tokens: Tokens, window: int) -> float:
    """The lowest mean `confidence` of `window` neighbours; that of all where there are fewer."""
    values = [confidence(token) for token in tokens]
    if len(values) <= window:
        return fmean(values) if values else 0.0
    total = lowest = sum(values[:window])
    for old, new in zip(values, values[window:], strict=False):
        total += new - old
        lowest = min(lowest, total)
    return lowest / window


def self_certainty(tokens: Tokens) -> float:
    """The mean KL(U ‖ p) in nats (Kang et al., arXiv:2502.18581), where it was measured."""
    return fmean(token.certainty or 0.0 for token in tokens) if tokens else 0.0


def negative_entropy(tokens: Tokens) -> float:
    """The mean entropy of the logits in bits, with a minus."""
    return -fmean(token.metrics.logits_entropy for token in tokens) if tokens else -inf


Score = Callable[[Tokens, Tokens, int], float]

SCORES: dict[str, Score] = {
    "logprob": lambda tokens, _answer, _window: logprob(tokens),
    "delta": lambda _tokens, answer, _window: delta(answer),
    "confidence": lambda tokens, _answer, _window: mean_confidence(tokens),
    "tail_confidence": lambda tokens, _answer, window: tail_confidence(tokens, window),
    "lowest_confidence": lambda tokens, _answer, window: lowest_confidence(tokens, window),
    "self_certainty": lambda tokens, _answer, _window: self_certainty(tokens),
    "negative_entropy": lambda tokens, _answer, _window: negative_entropy(tokens),
}
"""Each by its name, of a path's tokens, of those that its extracted answer consists of (all of them
where there is none), and with the length of a window in tokens."""


def all_scores(tokens: Tokens, answer: Tokens, window: int) -> dict[str, float]:
    """Every score of a path, by its name."""
    return {name: score(tokens, answer, window) for name, score in SCORES.items()}
