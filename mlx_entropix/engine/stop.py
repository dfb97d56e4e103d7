"""What ends an answer early: stop strings, across the borders of tokens, and a text that loops."""

from collections.abc import Sequence

from mlx_entropix.text.overlap import overlap

LONGEST_REPEATED = 128
"""So many tokens at most are a piece whose repetition is noticed."""

SHORTEST_LOOP = 24
"""So many tokens at least, all repetitions together: `ha ha ha` is no loop yet."""


class StopStrings:
    """Lets text pass until one of `stops` appears in it.

    Text that may be the beginning of a stop string is held back until that is decided, so nothing
    of a stop string is ever let through, but the whole of it where `keeps` is true. `found` is the
    one that appeared, None for none yet.
    """

    found: str | None = None

    def __init__(self, stops: Sequence[str], *, keeps: bool = False):
        self.stops = [stop for stop in stops if stop]
        self.keeps = keeps
        self.held = ""

    def add(self, text: str) -> tuple[str, bool]:
        """Take more text. Returns what may pass, and whether a stop string was found."""
        if not self.stops:
            return text, False
        self.held += text
        found = [(at, stop) for stop in self.stops if (at := self.held.find(stop)) >= 0]
        if found:
            begin, self.found = min(found)
            end = begin + len(self.found) if self.keeps else begin
            passed, self.held = self.held[:end], ""
            return passed, True
        keep = max(overlap(self.held, stop) for stop in self.stops)
        cut = len(self.held) - keep
        passed, self.held = self.held[:cut], self.held[cut:]
        return passed, False

    def finish(self) -> str:
        """What was held back, once no more text comes."""
        passed, self.held = self.held, ""
        return passed


class Repeats:
    """Notices a text that repeats itself: its last tokens are one piece, `times` in a row.

    A piece has 1 to LONGEST_REPEATED tokens, and all of it together SHORTEST_LOOP at least. 0 times
    notices nothing.
    """

    def __init__(self, times: int):
        self.times = times
        # For how many tokens, up to now, each was the one that stood a piece's length before it.
        self._alike = [0] * (LONGEST_REPEATED + 1)

    def add(self, tokens: Sequence[int]) -> bool:
        """Take the last of the `tokens`, which are all so far. Returns whether they loop."""
        if not self.times:
            return False
        loops = False
        for size in range(1, min(LONGEST_REPEATED, len(tokens) - 1) + 1):
            if tokens[-1] != tokens[-1 - size]:
                self._alike[size] = 0
                continue
            self._alike[size] += 1
            alike = self._alike[size]
            loops |= alike >= (self.times - 1) * size and alike + size >= SHORTEST_LOOP
        return loops
