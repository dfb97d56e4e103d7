"""An answer with the thoughts before it, as a terminal shows them: these dim, an empty line, that.

Where the answer goes to a file or a pipe, or is wanted alone, the thoughts are left out.
"""

from rich.segment import Segment

from mlx_entropix.cli.screen import Screen
from mlx_entropix.cli.style import token_segments
from mlx_entropix.engine import TokenEvent


class AnswerSegments:
    """Makes segments of an answer's tokens, in their order."""

    def __init__(self, screen: Screen):
        self._colors = screen.answers.color_system
        self._shows_thoughts = screen.notes is screen.answers and not screen.quiet
        self._thinks = False  # whether what was written last is a thought
        self.ends_line = False

    def add(self, event: TokenEvent) -> list[Segment]:
        """What a token adds to the screen."""
        segments = []
        if event.reasoning and self._shows_thoughts:
            segments += token_segments(event, self._colors, thought=event.reasoning)
            self._thinks = True
        if event.text:
            segments += [Segment("\n\n")] * self._thinks
            segments += token_segments(event, self._colors)
            self._thinks = False
        if segments:
            self.ends_line = segments[-1].text.endswith("\n")
        return segments
