"""Stop strings, found across the borders of tokens."""

from collections.abc import Sequence

from mlx_entropix.text.overlap import overlap


class StopStrings:
    """Lets text pass until one of `stops` appears in it.

    Text that may be the beginning of a stop string is held back until that is decided, so nothing
    of a stop string is ever let through.
    """

    def __init__(self, stops: Sequence[str]):
        self.stops = [stop for stop in stops if stop]
        self.held = ""

    def add(self, text: str) -> tuple[str, bool]:
        """Take more text. Returns what may pass, and whether a stop string was found."""
        if not self.stops:
            return text, False
        self.held += text
        found = [at for stop in self.stops if (at := self.held.find(stop)) >= 0]
        if found:
            passed, self.held = self.held[: min(found)], ""
            return passed, True
        keep = max(overlap(self.held, stop) for stop in self.stops)
        cut = len(self.held) - keep
        passed, self.held = self.held[:cut], self.held[cut:]
        return passed, False

    def finish(self) -> str:
        """What was held back, once no more text comes."""
        passed, self.held = self.held, ""
        return passed
