"""What the engine knows of a model: tokens go in as spans, and it says what it sees at the end.

A *span* is what one row contributes to a step: tokens that are known and not in the cache yet. At
the last `look` of its positions logits and attention scores are asked for. Decoding is a span of
one token that is looked at; a piece of a prompt is not looked at; a text to be scored is looked at
everywhere; a draft of k tokens behind the last one is looked at k + 1 times.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import mlx.core as mx


class Span(NamedTuple):
    """`length` tokens of row number `row`, of which the last `look` positions are looked at."""

    row: int
    length: int
    look: int = 0


class Looked(NamedTuple):
    """What a decoder saw at the N positions that were looked at, in the order of the spans."""

    logits: mx.array  # (N, V)
    # (N, H, T), of the last layer with full attention: q·k/√d before softmax, −inf at hidden keys.
    # None where there is none.
    scores: mx.array | None
    mask: mx.array | None  # (N, T), true at the keys that a position sees; None where all are seen


class Cache(Protocol):
    """What a decoder keeps of the tokens of its rows, which are numbered from 0."""

    @property
    def lengths(self) -> Sequence[int]:
        """Tokens of each row."""
        ...

    @property
    def can_rewind(self) -> bool:
        """Whether rows can forget their last tokens; not so where a state sums up all of them."""
        ...

    def join(self, layers: Sequence[Any] = (), *, room: int = 0) -> None:
        """Add a row after the others, empty or with what `extract` gave.

        `room` is for how many tokens to reserve memory now; it grows by itself beyond that.
        """
        ...

    def select(self, rows: Sequence[int]) -> None:
        """Make `rows` the rows, in that order: leaving one out drops it, naming it twice copies."""
        ...

    def copy(self, copies: Sequence[tuple[int, int]]) -> None:
        """Add a row for each (row, n) after the others: the first n tokens of that row."""
        ...

    def rewind(self, counts: Sequence[int]) -> None:
        """Forget the last `counts[r]` tokens of each row r. Raises `ValueError` if it has fewer."""
        ...

    def extract(self, row: int) -> list[Any]:
        """One row as mlx-lm's own caches, a copy that does not hold on to the other rows.

        The first says by `offset` of how many tokens it is. Empty where rows cannot be kept.
        """
        ...

    def blank(self, row: int, begin: int = 0) -> None:
        """Zero and forget what a row holds from token `begin` on.

        If that is not finite, it would spoil the place for the row that has it next.
        """
        ...

    def arrays(self) -> list[mx.array]:
        """Every array that is held, for `mx.eval`."""
        ...


def limits(model: "Decoder") -> list[str]:
    """What a model cannot do that others can, a sentence each."""
    said = []
    if not model.attends:
        said.append(
            f"{model.name} has no attention that can be measured: the four metrics of attention "
            "are null, and what a sampler makes of them is off."
        )
    if not model.empty_cache().can_rewind:
        said.append(f"{model.name} cannot take tokens back: {NO_FORKS}.")
    return said


NO_FORKS = "it answers without forks and without drafts"


class Decoder(Protocol):
    """A model as the engine uses it.

    `context_length` is the most tokens that a row may hold, `vocabulary_size` the width of logits,
    `weights` where they were read from, if anywhere. `attends` is whether it reports attention.
    """

    name: str
    weights: Path | None
    context_length: int
    vocabulary_size: int

    @property
    def attends(self) -> bool:
        """Whether it reports attention scores; not so where no layer has full attention."""
        ...

    def empty_cache(self) -> Cache:
        """A cache without rows."""
        ...

    def promise(self, length: int, cache: Any) -> None:
        """Append that many tokens to the only row of a cache, without computing any of them."""
        ...

    def forward(self, tokens: mx.array, spans: Sequence[Span], cache: Any) -> Looked | None:
        """Append the tokens of `spans` to rows of a cache of its own, and look where asked to.

        `tokens` (N,) are those of all spans, one span after the other, rows in ascending order and
        none twice. Returns None where nothing is looked at.
        """
        ...
