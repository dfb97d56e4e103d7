"""What is guessed of each row: as much as is worth its time, by what its text has said before."""

from collections import OrderedDict, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import Protocol

from mlx_entropix.choices import MOST_DRAFTED
from mlx_entropix.engine.draft.automaton import ROOT, Guess, SuffixAutomaton
from mlx_entropix.engine.draft.costs import Costs
from mlx_entropix.engine.draft.evidence import SURE, Evidence, RowEvidence
from mlx_entropix.engine.draft.trust import Promise, Trust
from mlx_entropix.engine.row import Row

# A row's text is searched as far back as this, and past answers of the process hold twice as many
# tokens at most, for all their owners together.
_MOST_INDEXED = 32_768
_PAST_TOKENS = 12_288

UNLIKELY = 0.05  # a draft ends where it is less likely than this to be needed
MARGIN = 1.03  # a draft has to promise so much more of tokens a second


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

    def wants(self, room: Mapping[Row, int], positions: int) -> bool:
        """Whether the step after the one under way may have drafts, so that this is read first."""
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


class IndexDrafter:
    """Drafts from what was written before: the row's prompt and answer, the other paths of its
    request, what the request says is to be expected, past answers for the same owner.

    After each token the longest end of the text that occurred before says what may follow. Whether
    that comes true is counted for every token, verified drafts or not; so is what steps cost. A
    step has the drafts that promise the most tokens a second, none if none promises more than a
    step without. What steps with drafts promised is held against what came of them: where it was
    too much, they have to promise more, and are tried again after a while. `most` is how many
    tokens a draft has at most.
    """

    def __init__(self, most: int = MOST_DRAFTED):
        self.most = most
        self.costs = Costs()
        self._evidence = Evidence()
        self._trust: defaultdict[int, Trust] = defaultdict(Trust)  # by rows, in powers of two
        self._promise: Promise | None = None  # of the last plan
        self._drawn = 0  # tokens of this step
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
        self._drawn += count
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

    def wants(self, room: Mapping[Row, int], positions: int) -> bool:
        """Whether drafts promise more than none, by the guesses at the tokens under way."""
        return bool(self.best(room, positions))

    def plan(self, room: Mapping[Row, int], positions: int) -> dict[Row, tuple[int, ...]]:
        """The drafts with which a step promises the most tokens a second."""
        drafts: dict[Row, list[int]] = {}
        for _, row, token_id in self.best(room, positions):
            drafts.setdefault(row, []).append(token_id)
        return {row: tuple(draft) for row, draft in drafts.items()}

    def best(self, room: Mapping[Row, int], positions: int) -> list[tuple[float, Row, int]]:
        """The tokens of these drafts, each with how likely it is to be needed, likeliest first."""
        guesses: list[tuple[float, Row, int]] = []
        for row, most in room.items():
            cursor = self._cursors.get(row)
            if cursor is None:
                continue
            needed = 1.0
            for probability, token_id in islice(self._likely(row, cursor), min(most, self.most)):
                needed *= probability
                if needed < UNLIKELY:
                    break
                guesses.append((needed, row, token_id))
        self._promise = None
        if not guesses:
            return []
        guesses.sort(key=lambda guess: -guess[0])  # stable: those of a row stay in their order
        trust = self._trust[len(room).bit_length()]
        tokens = float(len(room))
        least = MARGIN * tokens / self.costs.seconds(positions)
        best, taken = 0.0, 0
        for n, (needed, _, _) in enumerate(guesses, 1):
            tokens += needed
            seconds = self.costs.seconds(positions + n)
            if tokens / seconds > max(best, least):
                best, taken = tokens / seconds, n
                promise = Promise(len(room), positions + n, tokens, seconds)
        if taken and best * trust.factor <= least:
            trust.forget()
            taken = 0
        if taken:
            self._promise = promise
        return guesses[:taken]

    def _likely(self, row: Row, cursor: _Cursor) -> Iterator[tuple[float, int]]:
        """What may come next, each with how likely it is where those before it come true.

        Where the form of the answer leaves no choice about its text, that is all there is to say.
        """
        if forced := row.forced():
            yield from ((SURE, token_id) for token_id in forced)
        elif cursor.guess is not None:
            for guess in cursor.guesses():
                yield cursor.evidence.probability(self._evidence.probability(guess)), guess.token_id

    def took(self, positions: int, seconds: float) -> None:
        """Note what a step cost, and what came of it."""
        promise, self._promise = self._promise, None
        # Of the last plan it may be that no step was made.
        if promise is not None and promise.positions == positions:
            self._trust[promise.rows.bit_length()].add(promise, self._drawn, seconds)
        elif self._drawn:
            expected = self.costs.seconds(positions)
            self._trust[self._drawn.bit_length()].add_without(expected, seconds)
        self._drawn = 0
        self.costs.add(positions, seconds)
