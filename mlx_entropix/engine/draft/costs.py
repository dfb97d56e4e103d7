"""What a step costs, by how many positions it has, as measured while it runs."""

import math

# Until it is measured, a further position is taken to cost this share of a step.
_PRIOR_SLOPE = 0.04
# Weights of the newest measurement. What takes longer than before mostly does so because of others
# on the machine; what is faster shows what a step can be. So all numbers of positions are compared
# at their best.
_FASTER, _SLOWER = 0.5, 0.05


class Costs:
    """Seconds of a step by its positions, in classes of powers of two."""

    def __init__(self) -> None:
        self._seconds: dict[int, tuple[float, float]] = {}  # positions and seconds by class

    def add(self, positions: int, seconds: float) -> None:
        """Take the time of a step."""
        group = (positions - 1).bit_length()
        if known := self._seconds.get(group):
            weight = _FASTER if seconds < known[1] else _SLOWER
            self._seconds[group] = (
                known[0] + weight * (positions - known[0]),
                known[1] + weight * (seconds - known[1]),
            )
        else:
            self._seconds[group] = float(positions), seconds

    def seconds(self, positions: int) -> float:
        """What a step of so many positions takes; in a unit of its own until one was measured.

        Between two known numbers it is on a line; beyond them each position costs its share.
        """
        below = above = None
        least = math.inf
        # More positions do not take less time; where it seems so, the machine was busy before.
        for at, seconds in sorted(self._seconds.values(), reverse=True):
            least = min(least, seconds)
            if at > positions:
                above = at, least
            else:
                below = at, least
                break
        if below and above:
            rise = above[1] - below[1]
            return below[1] + rise * (positions - below[0]) / (above[0] - below[0])
        at, seconds = below or above or (1.0, 1.0)
        return seconds * (1 + _PRIOR_SLOPE * positions) / (1 + _PRIOR_SLOPE * at)
