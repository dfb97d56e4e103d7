"""What several traces say of a metric, with intervals: the numbers of `mlx-entropix compare`.

An answer has a token that is its position 0: its first, its last, or one of a phrase. Around it
every answer gives three numbers for each metric; over answers there are means, and bootstrap
intervals of 95 % (percentiles; answers are what is drawn again).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlx_entropix.cli.trace_file import Answer, Trace
from mlx_entropix.errors import UsageError
from mlx_entropix.window import mean_and_slope

Floats = NDArray[np.float64]

STATISTICS = ("mean", "slope", "rise")
_RESAMPLES = 10_000
_BAND_RESAMPLES = 2_000  # a band is looked at, not read to a digit
_MOST_DRAWS = 20_000_000  # of all resamples together, which bounds the memory


@dataclass(frozen=True)
class Alignment:
    """Where answers are laid side by side.

    `kind` is `start`, `end` or `phrase`; `anchor`, `first` or `last`, says which token of the
    phrase is position 0. The region has `before` and `after` tokens on either side of it, all where
    they are None. `window` is a number of tokens.
    """

    kind: str
    phrase: str | None
    anchor: str
    before: int | None
    after: int | None
    window: int

    def position(self, answer: Answer) -> int | None:
        """The index of the token at position 0; None where the answer lacks the phrase."""
        if self.kind == "start":
            return 0
        if self.kind == "end":
            return len(answer.tokens) - 1
        assert self.phrase is not None
        place = answer.place_of(self.phrase)
        return place and place[self.anchor == "last"]

    def region(self, zero: int, length: int) -> range:
        """The indices of an answer's tokens that lie in the region."""
        first = 0 if self.before is None else max(0, zero - self.before)
        end = length if self.after is None else min(length, zero + self.after + 1)
        return range(first, end)


@dataclass(frozen=True)
class Estimate:
    """A mean over `answers` with its interval, which takes two answers or more."""

    value: float | None
    low: float | None
    high: float | None
    answers: int
    difference: "Estimate | None" = None

    def record(self) -> dict[str, Any]:
        """It as a JSON object; `difference` is to the first file."""
        record: dict[str, Any] = {"value": self.value, "low": self.low, "high": self.high}
        record["answers"] = self.answers
        if self.difference is not None:
            record["difference"] = self.difference.record()
        return record


@dataclass
class Aligned:
    """A file's answers that have a position 0, in their order."""

    trace: Trace
    number: int
    alignment: Alignment
    answers: list[Answer]
    zeros: list[int]

    @property
    def missing(self) -> int:
        """How many answers lack the phrase."""
        return len(self.trace.answers) - len(self.answers)

    def statistic(self, name: str, metric: str) -> dict[tuple[int, str, int], float]:
        """A number of each answer that has it, by the answer's key.

        `mean`: of the region. `slope`: by least squares, over the window that ends at position 0
        (from the start: over the first window). `rise`: the mean of the window of tokens before
        position 0, less that of the window before those.
        """
        found = {}
        for answer, zero in zip(self.answers, self.zeros, strict=True):
            values = [float(token[metric]) for token in answer.tokens]
            value = self._of_answer(name, values, zero)
            if value is not None:
                found[answer.key] = value
        return found

    def _of_answer(self, name: str, values: list[float], zero: int) -> float | None:
        size = self.alignment.window
        if name == "mean":
            region = self.alignment.region(zero, len(values))
            return mean_and_slope(values[region.start : region.stop])[0]
        if name == "slope":
            end = size if self.alignment.kind == "start" else zero + 1
            return mean_and_slope(values[max(0, end - size) : end])[1]
        if zero < 2 * size:
            return None
        before, last = values[zero - 2 * size : zero - size], values[zero - size : zero]
        return mean_and_slope(last)[0] - mean_and_slope(before)[0]

    def curve(self, metric: str, seed: int) -> list[dict[str, Any]]:
        """Along the aligned positions: the moving mean and slope, and how many answers reach it."""
        size, regions = self.alignment.window, []
        for answer, zero in zip(self.answers, self.zeros, strict=True):
            regions.append(self.alignment.region(zero, len(answer.tokens)))
        first = min(r.start - zero for r, zero in zip(regions, self.zeros, strict=True))
        last = max(r.stop - zero for r, zero in zip(regions, self.zeros, strict=True))
        means = np.full((len(self.answers), last - first), np.nan)
        slopes = means.copy()
        for row, (answer, zero, region) in enumerate(
            zip(self.answers, self.zeros, regions, strict=True)
        ):
            values = [float(token[metric]) for token in answer.tokens]
            for at in region:
                mean, slope = mean_and_slope(values[max(0, at + 1 - size) : at + 1])
                means[row, at - zero - first] = mean
                slopes[row, at - zero - first] = np.nan if slope is None else slope
        lows, highs = _band(means, _weights(len(means), seed, self.number))
        counts = np.sum(~np.isnan(means), axis=0)
        return [
            {
                "position": first + i,
                "mean": float(np.nanmean(means[:, i])),
                "low": float(lows[i]) if counts[i] > 1 else None,
                "high": float(highs[i]) if counts[i] > 1 else None,
                "slope": None
                if np.all(np.isnan(slopes[:, i]))
                else float(np.nanmean(slopes[:, i])),
                "answers": int(counts[i]),
            }
            for i in range(last - first)
            if counts[i]
        ]


def align(traces: Sequence[Trace], alignment: Alignment) -> list[Aligned]:
    """Lay the answers side by side. Raises `UsageError` for a file in which none has the phrase."""
    aligned = []
    for number, trace in enumerate(traces):
        places = [(answer, alignment.position(answer)) for answer in trace.answers]
        kept = [(answer, zero) for answer, zero in places if zero is not None]
        if not kept:
            raise UsageError(
                f"The phrase {alignment.phrase!r} is in none of the {len(places)} finished answers "
                f"of {trace.path}. It has to be written as the model writes it."
            )
        answers, zeros = zip(*kept, strict=True)
        aligned.append(Aligned(trace, number, alignment, list(answers), list(zeros)))
    return aligned


def is_paired(first: Aligned, other: Aligned) -> bool:
    """Whether both files answer the same prompts, and two answers or more can be paired."""
    common = {answer.key for answer in first.answers} & {answer.key for answer in other.answers}
    return first.trace.prompts == other.trace.prompts and len(common) >= 2


def estimates(files: Sequence[Aligned], name: str, metric: str, seed: int) -> list[Estimate]:
    """A statistic of every file, each but the first with its difference to the first."""
    found = [file.statistic(name, metric) for file in files]
    first, *others = found
    result = [_estimate(_array(first), seed, 0)]
    for file, values in zip(files[1:], others, strict=True):
        if is_paired(files[0], file):
            pairs = [values[key] - first[key] for key in first if key in values]
            difference = _estimate(np.array(pairs), seed, 0)
        else:
            difference = _unpaired(_array(first), _array(values), seed, file.number)
        own = _estimate(_array(values), seed, file.number)
        result.append(replace(own, difference=difference))
    return result


def _array(values: dict[tuple[int, str, int], float]) -> Floats:
    return np.array(list(values.values()), dtype=np.float64)


def _estimate(values: Floats, seed: int, number: int) -> Estimate:
    if not len(values):
        return Estimate(None, None, None, 0)
    low = high = None
    if len(values) > 1:
        low, high = _interval(_weights(len(values), seed, number) @ values)
    return Estimate(float(np.mean(values)), low, high, len(values))


def _unpaired(first: Floats, other: Floats, seed: int, number: int) -> Estimate:
    """The difference of two means whose answers have nothing to do with each other."""
    fewest = min(len(first), len(other))
    if not fewest:
        return Estimate(None, None, None, 0)
    low = high = None
    if fewest > 1:
        means = _weights(len(first), seed, 0) @ first
        others = _weights(len(other), seed, number) @ other
        count = min(len(means), len(others))
        low, high = _interval(others[:count] - means[:count])
    return Estimate(float(np.mean(other) - np.mean(first)), low, high, fewest)


def _interval(means: Floats) -> tuple[float, float]:
    low, high = np.percentile(means, [2.5, 97.5])
    return float(low), float(high)


def _band(values: Floats, weights: Floats) -> tuple[Floats, Floats]:
    """Intervals of the column means of `values` (answers, positions), NaN where there is none."""
    known = ~np.isnan(values)
    counted = weights[:_BAND_RESAMPLES]
    with np.errstate(invalid="ignore", divide="ignore"):  # a resample may miss a position
        means = counted @ np.where(known, values, 0.0) / (counted @ known)
    lows, highs = np.full(values.shape[1], np.nan), np.full(values.shape[1], np.nan)
    some = known.sum(axis=0) > 1
    if some.any():
        lows[some], highs[some] = np.nanpercentile(means[:, some], [2.5, 97.5], axis=0)
    return lows, highs


@lru_cache(maxsize=8)
def _weights(answers: int, seed: int, number: int) -> Floats:
    """Shares of each answer in each resample, (resamples, answers); files draw independently."""
    resamples = max(1000, min(_RESAMPLES, _MOST_DRAWS // answers))
    rng = np.random.default_rng([seed, number])
    return rng.multinomial(answers, np.full(answers, 1 / answers), size=resamples) / answers
