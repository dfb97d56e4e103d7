"""How strongly a word is tinted, and in which colour: the same wherever tokens are shown.

Colour says where the model hesitated: a sure token is plain, whatever its quadrant. The page tints
by the same rule (ui/src/lib/tint.ts); tests/data/tint_cases.json holds cases for both.
"""

import math
from typing import NamedTuple

from mlx_entropix.sampling.quadrants import Quadrant

SURE_BITS = 3.5
"""At most so unsure or surprised, a word is plain."""

LOST_BITS = 8.0
"""From here on it cannot be tinted more."""


class Colour(NamedTuple):
    """Of a quadrant, as 0xRRGGBB: on a dark ground and on a light one."""

    dark: int
    light: int


COLOURS: dict[Quadrant | None, Colour] = {
    Quadrant.ADAPTIVE: Colour(0x94A3B8, 0x64748B),
    Quadrant.TREADING: Colour(0xFBBF24, 0xB45309),
    Quadrant.EXPLORING: Colour(0x56B4E9, 0x0072B2),
    Quadrant.RESAMPLING: Colour(0xE58AC0, 0xA21C6E),
    None: Colour(0x2DD4BF, 0x0F766E),
}
"""By quadrant, None for the plain sampler, which has none. FLOWING has no colour."""


def uncertainty(logits_entropy: float, logprob: float) -> float:
    """The greater of entropy and surprise, in bits.

    `logits_entropy` (bits) is what the model did not know, `logprob` (nats) how little it expected
    what came.
    """
    return max(logits_entropy, -logprob / math.log(2))


def strength(logits_entropy: float, logprob: float) -> float:
    """How strong the tint of a token is, 0 (plain) to 1; entropy in bits, logprob in nats."""
    share = (uncertainty(logits_entropy, logprob) - SURE_BITS) / (LOST_BITS - SURE_BITS)
    return min(max(share, 0.0), 1.0)
