"""The last few tokens of a row: the mean of each metric over them, and where it is heading."""

import math
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

LONGEST_WINDOW = 512
"""The longest window that is computed, in tokens: each token costs as many steps as it is long."""


def mean_and_slope(values: Sequence[float]) -> tuple[float, float | None]:
    """The mean of one value or more, and how fast they rise, per value, by least squares.

    The slope is in the values' unit a token; it is None for a single value.
    """
    count = len(values)
    mean = math.fsum(values) / count
    if count < 2:
        return mean, None
    middle = (count - 1) / 2
    rise = math.fsum((i - middle) * (value - mean) for i, value in enumerate(values))
    return mean, 12 * rise / (count * (count * count - 1))  # the sum of (i − middle)² is below it


def moving(values: Sequence[float], size: int) -> list[tuple[float, float | None]]:
    """Mean and slope, at each value, over the last `size` (1 or more) values so far."""
    return [mean_and_slope(values[max(0, end - size) : end]) for end in range(1, len(values) + 1)]


class MetricWindow:
    """The metrics of a row's last `size` tokens (1 or more)."""

    def __init__(self, size: int):
        self.size = size
        self._metrics: deque[Mapping[str, float | None]] = deque(maxlen=size)

    def add(self, metrics: Mapping[str, float | None]) -> dict[str, Any]:
        """Take in a token's metrics by their names. Returns the object `window` of its record.

        That is the `size`, and for each metric `mean`, in its own unit, and `slope`, in that unit a
        token, over the last `size` tokens so far; the slope of a first token is None, and so are
        both of a metric that has no values.
        """
        self._metrics.append(metrics)
        record: dict[str, Any] = {"size": self.size}
        for name in metrics:
            values = [value for one in self._metrics if (value := one[name]) is not None]
            mean, slope = mean_and_slope(values) if values else (None, None)
            record[name] = {"mean": mean, "slope": slope}
        return record
