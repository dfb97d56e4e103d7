"""Thresholds that fit a model: from the metrics of its own tokens to borders of the quadrants.

Entropy and varentropy depend on each other, so the borders are chosen jointly: each is a quantile
of the tokens that the other conditions leave, not of all tokens. The conditions are those of the
published sampler, with E and V for entropy and varentropy of the logits:

    FLOWING     E < low     and V < low
    TREADING    E > medium  and V < low
    EXPLORING   E < high    and V > high
    RESAMPLING  E > high    and V > high

Shares are fractions of the tokens, 0 to 1.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from mlx_entropix.errors import CalibrationError
from mlx_entropix.sampling.config import SamplerConfig
from mlx_entropix.sampling.formulas import LEVELS
from mlx_entropix.sampling.metrics import Metrics
from mlx_entropix.sampling.quadrants import Quadrant

TARGETS: dict[str, float] = {
    "FLOWING": 0.45,
    "TREADING": 0.05,
    "EXPLORING": 0.10,
    "RESAMPLING": 0.10,
}
"""The shares that are aimed at; ADAPTIVE takes the rest."""

REFERENCE_KEYS = 64
"""Attention entropy is compared as it would be over so many visible keys."""

LEAST_PROMPTS = 9

_BORDER_QUANTILES = dict(zip(LEVELS, (0.25, 0.5, 0.75), strict=True))
_ENTROPY, _VARENTROPY = "logits_entropy", "logits_varentropy"
_ATTENTION_ENTROPY = "attention_entropy"

Borders = dict[str, float]


@dataclass(frozen=True)
class TokenTable:
    """The tokens of several answers: metrics (N, 6) float64, the keys (N,) that each position saw,
    and the number (N,) of the prompt that each belongs to."""

    metrics: np.ndarray
    keys: np.ndarray
    prompt: np.ndarray

    def column(self, name: str) -> np.ndarray:
        """One metric of all tokens, (N,)."""
        return self.metrics[:, Metrics._fields.index(name)]

    def resampled(self, rng: np.random.Generator) -> "TokenTable":
        """As many prompts, drawn with replacement, with all their tokens."""
        names, inverse = np.unique(self.prompt, return_inverse=True)
        places = np.split(np.argsort(inverse, kind="stable"), np.cumsum(np.bincount(inverse))[:-1])
        chosen = rng.integers(len(names), size=len(names))
        rows = np.concatenate([places[i] for i in chosen])
        number = np.repeat(np.arange(len(chosen)), [len(places[i]) for i in chosen])
        return TokenTable(self.metrics[rows], self.keys[rows], number)


@dataclass(frozen=True)
class Fit:
    """Fitted thresholds by name, the shares that they give to the tokens they were fitted on, and
    a sentence for each share that could not be had."""

    borders: Borders
    shares: dict[str, float]
    notes: list[str] = field(default_factory=list)


def check_targets(targets: Mapping[str, float]) -> dict[str, float]:
    """The target shares of the four corners. Raises `CalibrationError`."""
    if set(targets) != set(TARGETS):
        raise CalibrationError(
            f"Name the four shares {', '.join(TARGETS)}, as numbers from 0 to 1."
        )
    if any(not 0 <= share <= 1 for share in targets.values()) or sum(targets.values()) > 1:
        raise CalibrationError("Each share lies from 0 to 1, and all four sum to 1 at most.")
    return {name: float(targets[name]) for name in TARGETS}


def check_prompts(count: int) -> None:
    """Raises `CalibrationError` for fewer prompts than can be parted and drawn from."""
    if count < LEAST_PROMPTS:
        raise CalibrationError(
            f"{count} prompts are too few to fit on some and look at others. Give at least "
            f"{LEAST_PROMPTS}, better 100."
        )


def fit_thresholds(table: TokenTable, targets: Mapping[str, float] = TARGETS) -> Fit:
    """Choose all thresholds so that the quadrants get their target shares of these tokens.

    high V leaves EXPLORING and RESAMPLING together above it, and high E parts those tokens. Below
    low V lie FLOWING at one end of E and TREADING at the other; low V is chosen so that FLOWING's
    corner is square, that is, so that low E and low V have the same rank among all tokens. Borders
    of the other metrics, which no published condition but `frog`'s uses, are their quartiles; those
    of attention entropy as over REFERENCE_KEYS keys.
    """
    targets = check_targets(targets)
    if len(table.keys) < 100:
        raise CalibrationError(
            f"{len(table.keys)} tokens are too few to fit thresholds to. Use more prompts or "
            "longer answers."
        )
    borders = _entropy_borders(table, targets)
    per_doubling = attention_growth(table)
    for name in Metrics._fields:
        if name in (_ENTROPY, _VARENTROPY):
            continue
        values = table.column(name)
        if name == _ATTENTION_ENTROPY:
            values = values - per_doubling * np.log2(table.keys / REFERENCE_KEYS)
        for level, share in _BORDER_QUANTILES.items():
            borders[f"{level}_{name}_threshold"] = max(0.0, float(np.quantile(values, share)))
    borders["attention_entropy_per_doubling"] = per_doubling
    shares = quadrant_shares(table, borders)
    notes = [
        f"{name} gets {shares[name]:.1%} and not {target:.1%}: this model's entropy and varentropy "
        "do not allow all shares at once."
        for name, target in targets.items()
        if abs(shares[name] - target) > 0.02
    ]
    return Fit(borders, shares, notes)


def _entropy_borders(table: TokenTable, targets: Mapping[str, float]) -> Borders:
    E, V = table.column(_ENTROPY), table.column(_VARENTROPY)
    exploring, resampling = targets["EXPLORING"], targets["RESAMPLING"]
    flowing, treading = targets["FLOWING"], targets["TREADING"]
    upper = exploring + resampling
    high_v = float(np.quantile(V, 1 - upper))
    above = E[high_v < V]
    high_e = float(np.quantile(above, exploring / upper)) if above.size else float(E.max())

    def below(rank: float) -> tuple[float, float, float]:
        """low V at that rank, and there low and medium E."""
        low_v = float(np.quantile(V, rank))
        calm = E[low_v > V]
        if not calm.size:
            return low_v, 0.0, high_e
        low_e = float(np.quantile(calm, min(1.0, flowing / rank)))
        return low_v, low_e, max(low_e, float(np.quantile(calm, max(0.0, 1 - treading / rank))))

    def borders(low_v: float, low_e: float, medium_e: float, high_e: float) -> Borders:
        between = V[(low_v <= V) & (high_v >= V)]
        return {
            f"low_{_ENTROPY}_threshold": low_e,
            f"medium_{_ENTROPY}_threshold": medium_e,
            f"high_{_ENTROPY}_threshold": high_e,
            f"low_{_VARENTROPY}_threshold": low_v,
            f"medium_{_VARENTROPY}_threshold": float(np.median(between)) if between.size else low_v,
            f"high_{_VARENTROPY}_threshold": high_v,
        }

    least, most = max(flowing + treading, 1e-3), 1 - upper
    low_rank, high_rank = least, most
    for _ in range(30):
        rank = (low_rank + high_rank) / 2
        if np.mean(below(rank)[1] > E) > rank:  # the corner is wide: raise it
            low_rank = rank
        else:
            high_rank = rank
    low_v, low_e, medium_e = below(rank)
    if medium_e <= high_e:
        return borders(low_v, low_e, medium_e, high_e)

    # The borders would cross. Of those that do not, take the ones that miss the shares least.
    candidates = []
    for rank in np.linspace(least, most, 16):
        low_v, low_e, medium_e = below(float(rank))
        candidates.append(borders(low_v, low_e, medium_e, max(high_e, medium_e)))
        if low_e <= high_e:
            candidates.append(borders(low_v, low_e, min(medium_e, high_e), high_e))

    def missed(chosen: Borders) -> float:
        shares = quadrant_shares(table, chosen)
        return sum(abs(shares[name] - target) for name, target in targets.items())

    return min(candidates, key=missed)


def attention_growth(table: TokenTable) -> float:
    """Bits that attention entropy grows by when the visible keys double, by least squares.

    0 where the tokens do not spread over different numbers of keys, or where it would fall.
    """
    doublings = np.log2(table.keys)
    if np.std(doublings) < 1e-6:
        return 0.0
    slope = np.polyfit(doublings, table.column(_ATTENTION_ENTROPY), 1)[0]
    return float(np.clip(slope, 0.0, 1.0))


def quadrants_of(table: TokenTable, borders: Mapping[str, float]) -> np.ndarray:
    """The quadrant (N,) of each token by the published conditions and these borders."""
    E, V = table.column(_ENTROPY), table.column(_VARENTROPY)
    low_e, medium_e, high_e = (borders[f"{level}_{_ENTROPY}_threshold"] for level in LEVELS)
    low_v, high_v = (borders[f"{level}_{_VARENTROPY}_threshold"] for level in ("low", "high"))
    conditions = [
        (low_e > E) & (low_v > V),
        (medium_e < E) & (low_v > V),
        (high_e > E) & (high_v < V),
        (high_e < E) & (high_v < V),
    ]
    return np.select(conditions, range(4), Quadrant.ADAPTIVE.value)


def quadrant_shares(table: TokenTable, borders: Mapping[str, float]) -> dict[str, float]:
    """The share of the tokens in each quadrant, by the published conditions and these borders."""
    counts = np.bincount(quadrants_of(table, borders), minlength=len(Quadrant))
    return {q.name: float(counts[q] / max(1, counts.sum())) for q in Quadrant}


def border_intervals(
    table: TokenTable,
    targets: Mapping[str, float] = TARGETS,
    *,
    resamples: int = 200,
    seed: int = 0,
) -> dict[str, tuple[float, float]]:
    """How sure the borders are: 95 % percentile intervals from a bootstrap over whole prompts.

    Tokens of one answer resemble each other, so prompts are drawn and not tokens (Efron and
    Tibshirani, An Introduction to the Bootstrap, 1993, chapter 8).
    """
    rng = np.random.default_rng(seed)
    fits = [fit_thresholds(table.resampled(rng), targets).borders for _ in range(resamples)]
    intervals = {}
    for name in fits[0]:
        low, high = np.quantile([borders[name] for borders in fits], (0.025, 0.975))
        intervals[name] = (float(low), float(high))
    return intervals


def with_borders(config: SamplerConfig, borders: Mapping[str, float]) -> SamplerConfig:
    """The configuration with fitted thresholds, rounded to four significant digits."""
    rounded = {name: float(f"{value:.4g}") for name, value in borders.items()}
    for metric in Metrics._fields:  # rounding must not put two equal borders out of order
        names = [f"{level}_{metric}_threshold" for level in LEVELS]
        if all(name in rounded for name in names):
            rounded |= dict(zip(names, sorted(rounded[n] for n in names), strict=True))
    return config.override({**rounded, "attention_entropy_keys": REFERENCE_KEYS})


def metric_values(metrics: Sequence[Sequence[float]]) -> np.ndarray:
    """Metrics of many tokens as (N, 6) float64."""
    return np.asarray(metrics, dtype=np.float64).reshape(-1, len(Metrics._fields))
