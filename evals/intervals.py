"""How sure one can be of a mean or a difference, where answers come in clusters.

Answers to one question are alike: three seeds are not three questions. So a question's answers are
one cluster, and the standard error is the cluster-robust one (Miller 2024, "Adding Error Bars to
Evals", https://arxiv.org/abs/2411.00640). Two arms are compared question by question: most of what
makes an answer right is the question, and that falls out of the difference.
"""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

NORMAL_95 = 1.959963984540054  # the 97.5 % point of the standard normal distribution

Floats = NDArray[np.float64]


class Estimate(NamedTuple):
    """A value, its standard error, and its 95 % interval."""

    value: float
    error: float
    low: float
    high: float

    @property
    def excludes_zero(self) -> bool:
        """Whether the whole interval lies on one side of zero."""
        return self.low > 0 or self.high < 0


def estimate(value: float, error: float) -> Estimate:
    """The normal interval around a value."""
    return Estimate(value, error, value - NORMAL_95 * error, value + NORMAL_95 * error)


def clustered_mean(clusters: Sequence[Sequence[float]]) -> Estimate:
    """The mean of all values (each counts alike), its error clustered.

    With n values x in clusters c, the squared error is Σ_c (Σ_{i∈c} (x_i − x̄))² / n² (Miller's
    equation 4), times C/(C−1) for the number C of clusters, which makes it the usual s²/C where
    clusters are of one size. NaN where there is one cluster or none.
    """
    values = [value for cluster in clusters for value in cluster]
    C, n = len(clusters), len(values)
    if C < 2:
        return estimate(values[0] if n == 1 else float(np.mean(values or [math.nan])), math.nan)
    mean = math.fsum(values) / n
    sums = [math.fsum(value - mean for value in cluster) for cluster in clusters]
    squares = math.fsum(total**2 for total in sums)
    return estimate(mean, math.sqrt(squares * C / (C - 1)) / n)


def paired_difference(
    ours: Sequence[Sequence[float]], theirs: Sequence[Sequence[float]]
) -> Estimate:
    """The mean over questions of (mean of ours − mean of theirs), with its error over questions.

    Element i of both are the answers to question i, in any number. Each question is one cluster.
    """
    differences = [
        [math.fsum(a) / len(a) - math.fsum(b) / len(b)] for a, b in zip(ours, theirs, strict=True)
    ]
    return clustered_mean(differences)


def mean_of(estimates: Sequence[Estimate]) -> Estimate:
    """The plain mean of independent estimates: of tasks, of which each counts alike."""
    k = len(estimates)
    error = math.sqrt(math.fsum(e.error**2 for e in estimates)) / k
    return estimate(math.fsum(e.value for e in estimates) / k, error)


def bootstrap(
    clusters: int,
    statistic: Callable[[NDArray[np.intp]], float],
    *,
    rounds: int = 1000,
    seed: int = 0,
) -> Estimate:
    """A percentile interval of a statistic of clusters, which are drawn with replacement.

    `statistic` takes the indices of the drawn clusters. Rounds where it is not defined (NaN) are
    left out.
    """
    generator = np.random.default_rng(seed)
    drawn = np.array(
        [statistic(generator.integers(0, clusters, clusters)) for _ in range(rounds)],
        dtype=np.float64,
    )
    drawn = drawn[~np.isnan(drawn)]
    value = statistic(np.arange(clusters))
    if len(drawn) < 2:
        return Estimate(value, math.nan, math.nan, math.nan)
    low, high = np.quantile(drawn, [0.025, 0.975])
    return Estimate(value, float(drawn.std(ddof=1)), float(low), float(high))


def auroc(scores: Floats, wrong: NDArray[np.bool_]) -> float:
    """The probability that a wrong answer has the higher score, a tie counting half.

    `scores` and `wrong` (N,). NaN where all answers are alike. It is the Mann-Whitney statistic
    over the number of pairs.
    """
    positives = int(wrong.sum())
    negatives = len(wrong) - positives
    if not positives or not negatives:
        return math.nan
    _, inverse, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    ranks = (ends - (counts - 1) / 2)[inverse]  # from 1; ties share the mean of theirs
    above = float(ranks[wrong].sum()) - positives * (positives + 1) / 2
    return above / (positives * negatives)
