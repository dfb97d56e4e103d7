"""How the metrics of a row went over its last tokens: their means and slopes.

A row's last values travel with it on the device, so nothing is read back to know them. There is
room for the longest window that a configuration may ask for, whatever the rows of a step do ask
for: sums are then made over equally many numbers, and a row's last bit does not depend on another
row's window.
"""

import mlx.core as mx

from mlx_entropix.sampling.metrics import Metrics

LONGEST_WINDOW = 64


def no_recent(rows: int) -> mx.array:
    """What rows have that generated nothing yet: (B, 6, W) float32, NaN where a value is missing.

    W is `LONGEST_WINDOW`.
    """
    return mx.full((rows, len(Metrics._fields), LONGEST_WINDOW), mx.nan, dtype=mx.float32)


def move_on(recent: mx.array, metrics: mx.array) -> mx.array:
    """The last values (B, 6, W), the oldest first, once the metrics (B, 6) joined them."""
    return mx.concatenate([recent[..., 1:], metrics[..., None]], axis=-1)


def means_and_slopes(recent: mx.array, window: mx.array) -> mx.array:
    """The mean of each metric over a row's last `window` (B, 1) tokens, then its slope: (B, 12).

    The slope is that of the least-squares line, in the metric's unit per token; 0 for one value.
    Where a row has fewer values than its window, these count.
    """
    age = mx.arange(LONGEST_WINDOW - 1, -1, -1).astype(mx.float32)
    counts = (age < window[..., None]) & (recent == recent)  # (B, 6, W)
    n = mx.sum(counts, axis=-1, keepdims=True).astype(mx.float32)
    mean = mx.sum(mx.where(counts, recent, 0.0), axis=-1, keepdims=True) / n
    centred = (n - 1) / 2 - age  # the time of each value, from the middle of the window
    products = mx.where(counts, centred * (recent - mean), 0.0)
    squares = n * (mx.square(n) - 1) / 12  # the sum of the squared times
    slope = mx.sum(products, axis=-1, keepdims=True) / mx.maximum(squares, 0.5)
    return mx.squeeze(mx.concatenate([mean, slope], axis=1), axis=-1)
