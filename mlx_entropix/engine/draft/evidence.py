"""How often a guess comes true, by what speaks for it."""

from bisect import bisect_right
from dataclasses import dataclass

from mlx_entropix.engine.draft.automaton import Guess

# Classes of how many tokens matched, and what is taken for the share of guesses that come true
# until it is known better. These are rough: a few dozen tokens correct them.
_MATCHED = (1, 2, 3, 4, 5, 7, 9, 13, 17, 33)
_PRIOR = (0.15, 0.2, 0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.7)
_OF_WAYS = (1.0, 0.6, 0.4)  # the share of it where one, two or more tokens followed before
_PRIOR_WEIGHT = 4.0  # guesses

_AGREED, _AGREED_WEIGHT = 0.6, 8.0  # what is taken for a smaller model's share, and tokens

_HORIZON = 500  # guesses of a class that are remembered
_ROW_HORIZON = 50  # guesses of a row
_ROW_WEIGHT = 4.0
SURE = 0.99


class Evidence:
    """Counts, over all rows, of guesses that came true."""

    def __init__(self) -> None:
        self._true = [[0.0] * len(_OF_WAYS) for _ in _MATCHED]
        self._all = [[0.0] * len(_OF_WAYS) for _ in _MATCHED]

    def probability(self, guess: Guess) -> float:
        """How likely it is that a guess comes true."""
        i, j = _class(guess)
        prior = _PRIOR[i] * _OF_WAYS[j] * _PRIOR_WEIGHT
        return (self._true[i][j] + prior) / (self._all[i][j] + _PRIOR_WEIGHT)

    def add(self, guess: Guess, came_true: bool) -> None:
        """Take what became of a guess."""
        i, j = _class(guess)
        fade = 1 - 1 / _HORIZON
        self._true[i][j] = self._true[i][j] * fade + came_true
        self._all[i][j] = self._all[i][j] * fade + 1


def _class(guess: Guess) -> tuple[int, int]:
    return bisect_right(_MATCHED, guess.matched) - 1, min(guess.ways, len(_OF_WAYS)) - 1


@dataclass
class RowEvidence:
    """What became of a row's own guesses, against what was to be expected of them."""

    true: float = 0.0
    expected: float = 0.0

    def add(self, probability: float, came_true: bool) -> None:
        """Take what became of a guess that had this probability."""
        fade = 1 - 1 / _ROW_HORIZON
        self.true = self.true * fade + came_true
        self.expected = self.expected * fade + probability

    def probability(self, probability: float) -> float:
        """How likely a guess of this row is to come true, where others like it have this one."""
        factor = (self.true + _ROW_WEIGHT) / (self.expected + _ROW_WEIGHT)
        return min(SURE, probability * factor)


class Agreement:
    """How often a smaller model's next token was that of the larger one, over all rows."""

    def __init__(self) -> None:
        self._true = 0.0
        self._all = 0.0

    @property
    def probability(self) -> float:
        """How likely its next token is to come true."""
        return (self._true + _AGREED * _AGREED_WEIGHT) / (self._all + _AGREED_WEIGHT)

    def add(self, came_true: bool) -> None:
        """Take what became of a token, where those before it came true."""
        fade = 1 - 1 / _HORIZON
        self._true = self._true * fade + came_true
        self._all = self._all * fade + 1
