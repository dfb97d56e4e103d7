"""What is guessed of each row: as much as is worth its time, by what its text has said before."""

from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import Protocol

from mlx_entropix.choices import MOST_DRAFTED
from mlx_entropix.engine.draft.automaton import ROOT, Guess, SuffixAutomaton
from mlx_entropix.engine.draft.costs import Costs
from mlx_entropix.engine.draft.evidence import Evidence, RowEvidence
from mlx_entropix.engine.row import Row
from mlx_entropix.errors import ConfigError

# A row's text is searched as far back as this, and past answers of the process hold twice as many
# tokens at most, for all their owners together.
_MOST_INDEXED = 32_768
_PAST_TOKENS = 12_288

_UNLIKELY = 0.05  # a draft ends where it is less likely than this to be needed
_MARGIN = 1.03  # a draft has to promise so much more of tokens a second


class Drafter(Protocol):
    """Guesses at the next tokens of an engine's rows, and learns from what is drawn."""

    def begin(self, row: Row) -> None:
        """A row draws from now on, or goes on as a copy of another."""
        ...

    def learn(self, row: Row, count: int) -> None:
        """A row, which may have ended, has got its last `count` tokens."""
        ...

    def end(self, row: Row) -> None:
        """A row has left."""
        ...

    def plan(self, room: Mapping[Row, int], positions: int) -> dict[Row, tuple[int, ...]]:
        """The drafts of a step for some of the rows that draw in it.

        `room` is how many tokens each row may have verified, `positions` those of the step without
        drafts.
        """
        ...

    def took(self, positions: int, seconds: float) -> None:
        """A step of so many positions took so long."""
        ...


@dataclass(eq=False)
class _Past:
    """Past answers of one owner. Of two automata the older one goes when the newer is full."""

    young: SuffixAutomaton = field(default_factory=SuffixAutomaton)
    old: SuffixAutomaton = field(default_factory=SuffixAutomaton)

    def add(self, tokens: Sequence[int]) -> None:
        """Take in an answer."""
        if self.young.tokens + len(tokens) > _PAST_TOKENS:
            self.young, self.old = SuffixAutomaton(), self.young
        state = ROOT
        for token_id in tokens[:_PAST_TOKENS]:
            state = self.young.extend(state, token_id)

    @property
    def tokens(self) -> int:
        """How many tokens it has."""
        return self.young.tokens + self.old.tokens


@dataclass(eq=False)
class _Cursor:
    """Where a row stands: in the index of its own text, and in those of past answers."""

    own: SuffixAutomaton
    state: int
    past: list[tuple[SuffixAutomaton, int, int]]  # state and matched length in each
    evidence: RowEvidence = field(default_factory=RowEvidence)
    guess: Guess | None = None  # at the row's next token

    def add(self, token_id: int) -> None:
        """Take the row's next token."""
        self.state = self.own.extend(self.state, token_id)
        self.past = [
            (index, *index.follow(state, matched, token_id)) for index, state, matched in self.past
        ]

    def guesses(self) -> Iterator[Guess]:
        """What may come next, by the longest match; of equals by the row's own text."""
        best = self.own.guesses(self.state)
        first = next(best, None)
        for index, state, matched in self.past:
            if matched > (first.matched if first else 0):
                others = index.guesses(state, matched)
                other = next(others, None)
                if other and other.matched > (first.matched if first else 0):
                    best, first = others, other
        return chain([first], best) if first else best


def make_drafter(most: int = MOST_DRAFTED) -> Drafter | None:
    """A drafter for an engine, of so many tokens at once; None for 0.

    Raises `ConfigError` where there are fewer than none.
    """
    if most < 0:
        raise ConfigError(
            f"speculate is {most}. Give how many tokens may be guessed ahead, or 0 for none."
        )
    return IndexDrafter(most) if most else None


class IndexDrafter:
    """Drafts from what was written before: the row's prompt and answer, the other paths of its
    request, what the request says is to be expected, past answers for the same owner.

    After each token the longest end of the text that occurred before says what may follow. Whether
    that comes true is counted for every token, verified drafts or not; so is what steps cost. A
    step has the drafts that promise the most tokens a second, none if none promises more than a
    step without. `most` is how many tokens a draft has at most.
    """

    def __init__(self, most: int = MOST_DRAFTED):
        self.most = most
        self._costs = Costs()
        self._evidence = Evidence()
        self._cursors: dict[Row, _Cursor] = {}
        self._families: dict[int, tuple[SuffixAutomaton, set[Row]]] = {}
        self._past: OrderedDict[str, _Past] = OrderedDict()

    @property
    def indexed_tokens(self) -> int:
        """How many tokens are in its memory."""
        families = sum(index.tokens for index, _ in self._families.values())
        return families + sum(past.tokens for past in self._past.values())

    def begin(self, row: Row) -> None:
        """Read what the row has of a text."""
        index, rows = self._families.setdefault(row.root, (SuffixAutomaton(), set()))
        if not rows:  # the first of its request
            foretold = ROOT
            for token_id in row.request.prediction[-_MOST_INDEXED:]:
                foretold = index.extend(foretold, token_id)
        rows.add(row)
        past = self._past.get(row.request.owner)
        others = [past.young, past.old] if past is not None else []
        cursor = _Cursor(index, ROOT, [(other, ROOT, 0) for other in others if other.tokens])
        for token_id in row.tokens[-_MOST_INDEXED:]:
            cursor.add(token_id)
        self._cursors[row] = cursor
        self._guess(cursor)

    def learn(self, row: Row, count: int) -> None:
        """See which guesses came true, and guess again."""
        cursor = self._cursors.get(row)
        if cursor is None:
            return
        for token_id in row.tokens[len(row.tokens) - count :]:
            if guess := cursor.guess:
                came_true = guess.token_id == token_id
                cursor.evidence.add(self._evidence.probability(guess), came_true)
                self._evidence.add(guess, came_true)
            cursor.add(token_id)
            self._guess(cursor)

    def _guess(self, cursor: _Cursor) -> None:
        cursor.guess = next(cursor.guesses(), None)

    def end(self, row: Row) -> None:
        """Let the row's text go when no other path of its request needs it; keep its answer."""
        if self._cursors.pop(row, None) is None:
            return
        _, rows = self._families[row.root]
        rows.discard(row)
        if not rows:
            del self._families[row.root]
        if row.generated and not row.dropped:
            owner = row.request.owner
            self._past.setdefault(owner, _Past()).add(row.tokens[row.known :])
            self._past.move_to_end(owner)
            while sum(past.tokens for past in self._past.values()) > 2 * _PAST_TOKENS:
                self._past.popitem(last=False)

    def plan(self, room: Mapping[Row, int], positions: int) -> dict[Row, tuple[int, ...]]:
        """The drafts with which a step promises the most tokens a second."""
        guesses: list[tuple[float, Row, int]] = []
        for row, most in room.items():
            cursor = self._cursors.get(row)
            if cursor is None or cursor.guess is None:
                continue
            needed = 1.0
            for guess in islice(cursor.guesses(), min(most, self.most)):
                needed *= cursor.evidence.probability(self._evidence.probability(guess))
                if needed < _UNLIKELY:
                    break
                guesses.append((needed, row, guess.token_id))
        if not guesses:
            return {}
        guesses.sort(key=lambda guess: -guess[0])  # stable: those of a row stay in their order
        tokens = float(len(room))
        best, taken = _MARGIN * tokens / self._costs.seconds(positions), 0
        for n, (needed, _, _) in enumerate(guesses, 1):
            tokens += needed
            rate = tokens / self._costs.seconds(positions + n)
            if rate > best:
                best, taken = rate, n
        drafts: dict[Row, list[int]] = {}
        for _, row, token_id in guesses[:taken]:
            drafts.setdefault(row, []).append(token_id)
        return {row: tuple(draft) for row, draft in drafts.items()}

    def took(self, positions: int, seconds: float) -> None:
        """Note what a step cost."""
        self._costs.add(positions, seconds)
