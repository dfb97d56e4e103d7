"""A token as a notebook shows it."""

from collections.abc import Sequence
from typing import NamedTuple

from mlx_entropix.sampling import Metrics, Parameters, Quadrant


class SeenToken(NamedTuple):
    """A token as it is shown, whatever it comes from.

    `text` is what it adds to the whole text, `name` how it reads alone. `metrics` and `logprob`
    (nats) are None for a token that nothing foretold. `alternatives` are texts with their
    log-probabilities, best first. `drawn` is False for a token of a given text, `aside` True for
    thoughts and control tokens.
    """

    text: str
    name: str
    position: int
    metrics: Metrics[float] | None
    logprob: float | None
    quadrant: Quadrant | None
    parameters: Parameters[float] | None = None
    alternatives: Sequence[tuple[str, float]] = ()
    rank: int | None = None
    drawn: bool = True
    aside: bool = False
