"""The five ways in which the sampler answers to the model's uncertainty."""

from enum import IntEnum


class Quadrant(IntEnum):
    """Entropy against varentropy. The conditions are tried in the order of the values."""

    FLOWING = 0
    TREADING = 1
    EXPLORING = 2
    RESAMPLING = 3
    ADAPTIVE = 4

    @property
    def code(self) -> str:
        """The short code for logs: low (l) or high (h) entropy (e) and varentropy (v)."""
        return ("lelv", "helv", "lehv", "hehv", "adaptive")[self]

    @property
    def phrase(self) -> str:
        """What the quadrant means, for people."""
        return (
            "flowing with unspoken intent",
            "treading carefully, asking clarifying questions",
            "exploring forks in the path",
            "resampling in the mist",
            "smooth transition",
        )[self]

    @property
    def glyph(self) -> str:
        """One character that stands for the quadrant."""
        return "~εΨ!·"[self]


FROM_SUREST = (
    Quadrant.FLOWING,
    Quadrant.ADAPTIVE,
    Quadrant.TREADING,
    Quadrant.EXPLORING,
    Quadrant.RESAMPLING,
)
"""From the surest to the least sure: the order of legends, bars and counts."""
