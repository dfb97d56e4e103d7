"""How strongly a token is tinted: as strongly as the model hesitated, whatever its quadrant.

The page tints by the same rule; tests/data/tint_cases.json holds cases for both.
"""

import math

SURE_BITS = 3.5
"""At most so unsure or surprised, a word is plain."""

LOST_BITS = 8.0
"""From here on it cannot be tinted more."""


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
