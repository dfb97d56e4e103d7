"""How far drafts keep what they promise: tokens that come true, and seconds that steps take."""

from dataclasses import dataclass

_HORIZON = 40  # steps that are remembered
_PRIOR_WEIGHT = 3.0  # steps that are taken to have kept their promise
_FORGET = 1 / 300  # of what is known, at each step that drafts were kept from
_MOST_OFF = 2.0  # a step that took more than so many times as long was held up by something else


@dataclass(frozen=True)
class Promise:
    """What is expected of a step: so many tokens, in so many seconds."""

    rows: int
    positions: int
    tokens: float
    seconds: float


@dataclass
class _Share:
    """What came of what was promised, over the last steps; the weight of an old one fades."""

    total: float = 0.0
    steps: float = 0.0

    def add(self, share: float) -> None:
        self._fade(1 / _HORIZON)
        self.total += share
        self.steps += 1

    def forget(self) -> None:
        self._fade(_FORGET)

    def _fade(self, by: float) -> None:
        self.total *= 1 - by
        self.steps *= 1 - by

    @property
    def mean(self) -> float:
        """The mean of the shares; 1 at first."""
        return (self.total + _PRIOR_WEIGHT) / (self.steps + _PRIOR_WEIGHT)


class Trust:
    """The experience with steps of about as many rows.

    What a step takes is compared with what it should have taken at its best. Steps without drafts
    are late too, where others use the machine, so it is how much later those with drafts are that
    speaks against drafts.
    """

    def __init__(self) -> None:
        self._tokens = _Share()
        self._with = _Share()
        self._without = _Share()

    def add(self, promise: Promise, tokens: int, seconds: float) -> None:
        """Take what came of a step with drafts."""
        self._tokens.add(tokens / promise.tokens)
        self._with.add(_late(promise.seconds, seconds))

    def add_without(self, promised: float, seconds: float) -> None:
        """Take what a step without drafts took, where it should have taken `promised` seconds."""
        self._without.add(_late(promised, seconds))

    def forget(self) -> None:
        """Drafts were not tried: let them be, sooner or later."""
        self._tokens.forget()
        self._with.forget()

    @property
    def factor(self) -> float:
        """What the promised tokens a second are to be multiplied by: 1, or less."""
        return min(1.0, self._tokens.mean * self._without.mean / self._with.mean)


def _late(promised: float, seconds: float) -> float:
    return min(seconds / promised, _MOST_OFF)
