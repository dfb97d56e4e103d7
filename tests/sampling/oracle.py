"""The entropy sampler in NumPy, in float64, one row at a time, as a person would write it down.

It shares nothing with the package: the formulas of both presets are spelled out here.
"""

import numpy as np

METRICS = (
    "logits_entropy",
    "logits_varentropy",
    "attention_entropy",
    "attention_varentropy",
    "agreement",
    "interaction_strength",
)
BASE = {
    "entropix": {"t": 0.666, "p": 0.90, "k": 27, "m": 0.03, "keep": 2, "draws": 5},
    "frog": {"t": 0.666, "p": 1.0, "k": 33, "m": 0.03, "keep": 1, "draws": 1},
}
# Every number that a condition compares with, by metric: where float32 may decide otherwise.
BORDERS = {
    "entropix": {0: (0.1, 3.0, 5.0), 1: (0.1, 5.0)},
    "frog": {0: (0.004, 3.7), 1: (0.0045, 6.0), 2: (1.6, 5.0), 3: (0.8,)},
}


def softmax(x):
    weights = np.exp(x - np.max(x, axis=-1, keepdims=True))
    return weights / np.sum(weights, axis=-1, keepdims=True)


def log_softmax(x):
    x = x - np.max(x)
    return x - np.log(np.sum(np.exp(x)))


def metrics(logits, scores, visible=None):
    """Six floats of one row: logits (V,), scores (H, T), visible keys (T,)."""
    p = softmax(np.asarray(logits, np.float64))
    with np.errstate(divide="ignore"):
        surprise = np.where(p > 0, np.log2(p), 0)
    entropy = -np.sum(p * surprise)
    varentropy = np.sum(p * (surprise + entropy) ** 2)

    scores = np.asarray(scores, np.float64)
    scores = scores if visible is None else scores[:, visible]
    weights = softmax(scores)
    entropies = -np.sum(weights * np.log2(np.clip(weights, 1e-10, 1)), axis=-1)
    agreement = np.mean(np.abs(weights - np.mean(weights, axis=0)))
    strength = np.mean(np.abs(scores))
    attention = (np.mean(entropies), np.var(entropies), agreement, strength)
    return np.array([entropy, varentropy, *attention])


def classify(values, preset):
    H, V, E, EV, _, _ = values
    if preset == "entropix":
        if H < 0.1 and V < 0.1:
            return "FLOWING"
        if H > 3.0 and V < 0.1:
            return "TREADING"
        if H < 5.0 and V > 5.0:
            return "EXPLORING"
        if H > 5.0 and V > 5.0:
            return "RESAMPLING"
        return "ADAPTIVE"
    if H < 0.004 and V < 0.0045:
        return "FLOWING"
    if H > 3.7 and V < 0.0045:
        return "TREADING"
    if H < 0.004 and V > 6.0 and E > 1.6 and EV < 0.8:
        return "EXPLORING"
    if H > 3.7 and V > 6.0 and E > 5.0:
        return "RESAMPLING"
    return "ADAPTIVE"


def parameters(values, quadrant, preset):
    """Temperature, top_p, min_p, and top_k before it is made whole; NaN in FLOWING."""
    base = BASE[preset]
    t, top_p, top_k, min_p = base["t"], base["p"], base["k"], base["m"]
    H, V, E, EV, A, I = values  # noqa: E741
    entropix = preset == "entropix"
    if quadrant == "FLOWING":
        return np.nan, np.nan, np.nan, np.nan
    if quadrant == "TREADING":
        return min(1.5, t * (1.3 + (0.2 if entropix else 0.7) * E)), top_p, top_k, min_p
    if quadrant == "EXPLORING":
        factor = 1.2 + 0.3 * I if entropix else 1.5 + 0.1 * I
        wide = max(5 if entropix else 33, top_k * (1 + 0.5 * (1 - A)))
        return min(1.5, t * factor), top_p, wide, min_p
    if quadrant == "RESAMPLING":
        factor, slope = (2.0 + 0.5 * EV, 0.2) if entropix else (1.2 + 0.7 * EV, 0.05)
        return max(2.0, t * factor), max(0.5, top_p - slope * E), top_k, min_p
    if entropix:
        return (
            t * (1 + 0.3 * (H + V) + 0.2 * (E + EV) - 0.2 * A),
            np.clip(top_p * (1 + 0.1 * EV), 0.1, 1.0),
            np.clip(top_k * (1 + 0.3 * I - 0.2 * A), 1, 100),
            np.clip(min_p * (1 - 0.5 * (H + V)), 0.01, 0.5),
        )
    return (
        np.clip(t * (1 + 0.65 * H + 0.2 * E - 200 * A), 0, 2.3),
        np.clip(top_p * (1 - 0.08 * EV), 0.6, 1.0),
        np.clip(top_k * (0.6 + 0.10 * I - 21 * A), 10, 60),
        np.clip(min_p * (1 - 0.02 * (H + V)), 0.01, 0.4),
    )


def ranking(logits):
    """Token ids, best first; the lower id first among equals."""
    logits = np.asarray(logits)
    return np.lexsort((np.arange(len(logits)), -logits))


def filtered(logits, temperature, top_p, top_k, min_p, keep):
    """The distribution that a token is drawn from (V,), and whether rounding could change it."""
    logits = np.asarray(logits, np.float64)
    order = ranking(logits)
    if temperature == 0:
        return np.eye(len(logits))[order[0]], False
    p = softmax(logits / temperature)[order]
    above = np.cumsum(p) - p
    rank = np.arange(len(p))
    spared = rank < keep
    kept = (rank < top_k) & (spared | ((p > min_p * p[0]) & (above <= top_p)))
    close = (np.abs(p - min_p * p[0]) < 1e-6 * p[0]) | (np.abs(above - top_p) < 2e-6)
    doubtful = bool(np.any(close & ~spared & (rank < top_k)))
    result = np.zeros_like(p)
    result[order] = np.where(kept, p, 0) / np.sum(p[kept])
    return result, doubtful


def changed(logits, prompt, answer, repetition=1, presence=0, frequency=0, bias=()):
    """The logits (V,) that a sampler sees behind these tokens."""
    logits = np.asarray(logits, np.float64).copy()
    for token, value in dict(bias).items():
        logits[token] += value
    for token in {*prompt, *answer}:
        logits[token] *= 1 / repetition if logits[token] > 0 else repetition
    for token in set(answer):
        logits[token] -= frequency * list(answer).count(token) + presence
    return logits


def p_less(logits, temperature):
    """What p-less leaves of the distribution at that temperature (V,)."""
    p = softmax(np.asarray(logits, np.float64) / temperature)
    p = np.where(p >= np.sum(p * p), p, 0)
    return p / np.sum(p)


def until_entropy_grows_by_less(logits, temperature, gain, keep):
    """What is left (V,) of tokens added, best first, until one adds less than `gain` bits."""
    p = softmax(np.asarray(logits, np.float64) / temperature)
    kept, entropy = [], 0.0
    for token in ranking(p):
        grown = entropy - p[token] * np.log2(p[token])
        if len(kept) >= keep and grown - entropy < gain:
            break
        kept.append(token)
        entropy = grown
    p = np.where(np.isin(np.arange(len(p)), kept), p, 0)
    return p / np.sum(p)


def without_top_choices(p, measured, threshold, exempt=()):
    """What XTC leaves of `p` (V,), where it strikes by what is `measured`."""
    likely = [i for i in ranking(measured) if measured[i] > threshold]
    p = np.where(np.isin(np.arange(len(p)), [i for i in likely[:-1] if i not in exempt]), 0, p)
    return p / np.sum(p)
