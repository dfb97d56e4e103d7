"""What an object of many tokens can do in a notebook."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from mlx_entropix.notebook.frame import frame
from mlx_entropix.notebook.page import page
from mlx_entropix.notebook.plot import plot
from mlx_entropix.notebook.seen import SeenToken

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Shown(ABC):
    """An answer or a text, token by token. A notebook shows it as tinted text with a card each."""

    @abstractmethod
    def seen_tokens(self) -> Sequence[SeenToken]:
        """Its tokens, to be shown."""

    @abstractmethod
    def records(self) -> list[dict[str, Any]]:
        """Its tokens as the trace file has them (docs/trace.md), less `type` and `index`."""

    @abstractmethod
    def summary_line(self) -> str:
        """What is said of the whole, in a line."""

    def _repr_html_(self) -> str:
        return page(self.seen_tokens(), self.summary_line())

    def to_frame(self, library: str | None = None) -> Any:
        """A data frame with a row a token, and the columns of `records`.

        `library` is "pandas" or "polars"; by default the one that is imported already, or else the
        one that is installed, pandas first. Raises `UsageError` where there is none.
        """
        return frame(self.records(), library)

    def plot(self, metrics: Sequence[str] = ("logits_entropy", "logits_varentropy")) -> "Figure":
        """The metrics, by their names, over the tokens, each in its unit: a figure of matplotlib.

        Each point has the colour of its token's quadrant. Raises `UsageError` for other names, and
        where matplotlib is not installed.
        """
        return plot(self.seen_tokens(), metrics)
