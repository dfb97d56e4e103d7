"""What a smaller model guesses of each row, beside what was written before.

A row draws by its seed, branch and position. So does the smaller model here, with the row's own
sampler, from its own logits: where both models are of much the same opinion, the same noise picks
the same token. It takes k passes for drafts of k tokens, of all rows that get one; its cache holds
what rows have and what it guessed, which is taken back as far as it was wrong.
"""

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

import mlx.core as mx

from mlx_entropix.choices import MOST_DRAFTED
from mlx_entropix.engine.draft.costs import Costs
from mlx_entropix.engine.draft.drafter import MARGIN, UNLIKELY, IndexDrafter
from mlx_entropix.engine.draft.evidence import SURE, Agreement, RowEvidence
from mlx_entropix.engine.prefix import PrefixCache
from mlx_entropix.engine.row import Row
from mlx_entropix.engine.shares import common_beginning
from mlx_entropix.engine.step import CLARIFYING_TEXT, Samplers, looked_at, xtc_exempt
from mlx_entropix.model.decoder import Decoder, Span
from mlx_entropix.sampling import Sampled, position_key, sample_rows
from mlx_entropix.text import Tokenizer

# Known tokens that it computes in a step at most, beside those that go with its first pass.
_CHUNK = 512
_BESIDE = 8
# What it has to read of a row is taken to serve so many of the row's tokens.
_SERVES = 128
_PREFIX_BYTES = 64 << 20  # of past rows, for those that begin like them

# It is tried for so many steps with drafts so long: at first, and where it did not pay, again after
# a while, which is doubled each time that it still does not.
_TRIED_STEPS, _TRIED_TOKENS = 4, 3
_SHORTEST_PAUSE, _LONGEST_PAUSE = 128, 2048  # steps


@dataclass(eq=False)
class _Place:
    """How the smaller model stands with a row: it holds `agreed` tokens of it, then `guessed`."""

    agreed: int = 0
    guessed: tuple[int, ...] = ()
    proposed: tuple[int, tuple[int, ...]] | None = None  # a draft, and the position it begins at
    evidence: RowEvidence = field(default_factory=RowEvidence)


class ModelDrafter:
    """Drafts by a smaller model of the same tokenizer, or by an `IndexDrafter` where these promise
    more.

    How often its tokens come true is counted, and what its passes cost: a step has the drafts that
    promise the most tokens a second with that cost, if any do. `model` has to be able to rewind;
    the larger one's logits are `vocabulary_size` wide. A draft has `most` tokens at most.
    """

    def __init__(
        self, model: Decoder, tokenizer: Tokenizer, vocabulary_size: int, most: int = MOST_DRAFTED
    ):
        self.model = model
        self.most = most
        self.index = IndexDrafter(most)
        self._width = min(vocabulary_size, model.vocabulary_size)
        self._clarifying_token = tokenizer.first_token_of(CLARIFYING_TEXT)
        self._xtc_exempt = xtc_exempt(tokenizer)
        self._cache = model.empty_cache()
        self._prefixes = PrefixCache(_PREFIX_BYTES)
        self._places: dict[Row, _Place] = {}
        self._cached: list[Row] = []  # rows of the cache, in its order
        self._samplers = Samplers.of((), 0, 0, model.attends)
        self._costs = Costs()
        self._agreement = Agreement()
        self._is_sound = True
        self._rounds = 0  # of drafts; the first also compiles its kernels
        self._trials = _TRIED_STEPS
        self._pause = _SHORTEST_PAUSE
        self._paused = 0  # steps
        self._spent = 0.0  # seconds for drafts, since the last step was read

    # ---- rows come and go ----

    def begin(self, row: Row) -> None:
        """A row draws from now on."""
        self.index.begin(row)
        self._places[row] = _Place()

    def learn(self, row: Row, count: int) -> None:
        """See how far the model was right."""
        self.index.learn(row, count)
        place = self._places.get(row)
        if place is None or place.proposed is None:
            return
        begin, draft = place.proposed
        place.proposed = None
        drawn = row.tokens[begin : begin + len(draft)]
        right = common_beginning(draft, drawn)
        for came_true in [True] * right + [False] * (right < len(drawn)):
            place.evidence.add(self._agreement.probability, came_true)
            self._agreement.add(came_true)

    def end(self, row: Row) -> None:
        """Let the row go; what the model read of it is kept for a while."""
        self.index.end(row)
        place = self._places.pop(row, None)
        if place is None or row not in self._cached:
            return
        i, last = self._cached.index(row), len(self._cached) - 1
        counts = [0] * (last + 1)
        counts[i] = len(place.guessed)
        self._cache.rewind(counts)
        self._prefixes.keep(row.tokens[: place.agreed], self._cache.extract(i))
        order = list(range(last + 1))
        order[i] = last
        self._cache.select(order[:-1])
        self._cached[i] = self._cached[last]
        self._cached.pop()

    def took(self, positions: int, seconds: float) -> None:
        """Note what a step cost, less what the drafts of it took."""
        self.index.took(positions, seconds - self._spent)

    # ---- what is worth its time ----

    def wants(self, room: Mapping[Row, int], positions: int) -> bool:
        """Whether the index or the model has drafts that promise more than none."""
        self._spent = 0.0
        if self.index.wants(room, positions):
            return True
        mine = self._mine(room)
        if not mine:
            return False
        is_timed = self._rounds > 1 and 0 < self._trials < _TRIED_STEPS
        if is_timed and not self._lengths(mine, {}, len(room), positions, if_right=True):
            self._trials = 0  # it takes too long however right it is
        if self._trials or self._lengths(mine, {}, len(room), positions):
            return True
        self._paused += 1
        if self._paused >= self._pause:
            self._trials, self._paused = _TRIED_STEPS, 0
            self._pause = min(2 * self._pause, _LONGEST_PAUSE)
        return False

    def plan(self, room: Mapping[Row, int], positions: int) -> dict[Row, tuple[int, ...]]:
        """The drafts with which a step promises the most tokens a second."""
        best = self.index.best(room, positions)
        drafts: dict[Row, tuple[int, ...]] = {}
        promised: dict[Row, float] = {}
        for needed, row, token_id in best:
            drafts[row] = (*drafts.get(row, ()), token_id)
            promised[row] = promised.get(row, 0.0) + needed
        if lengths := self._chosen(self._mine(room), promised, len(room), positions, len(best)):
            began = time.perf_counter()
            drafts |= self._drafted(lengths)
            self._spent += time.perf_counter() - began
        return drafts

    def _mine(self, room: Mapping[Row, int]) -> dict[Row, int]:
        """How many tokens the model may guess of which rows."""
        if not self._is_sound:
            return {}
        context = self.model.context_length
        most = {
            row: min(room[row], self.most, context - len(row.tokens))
            for row in room
            if row in self._places
        }
        return {row: n for row, n in most.items() if n > 0}

    def _chosen(
        self,
        mine: Mapping[Row, int],
        promised: Mapping[Row, float],
        tokens: int,
        positions: int,
        indexed: int,
    ) -> dict[Row, int]:
        """How long a draft the model is to make of which rows, in a step of so many `positions`.

        The index has `indexed` tokens for the step, which promise that many of each row.
        """
        if not self._trials:
            return self._lengths(mine, promised, tokens, positions + indexed)
        return {row: min(n, _TRIED_TOKENS) for row, n in mine.items() if row not in promised}

    def _lengths(
        self,
        mine: Mapping[Row, int],
        promised: Mapping[Row, float],
        tokens: int,
        positions: int,
        *,
        if_right: bool = False,
    ) -> dict[Row, int]:
        """The lengths of drafts that promise the most tokens a second; none if none is better.

        `tokens` are those of a step of so many `positions` without the model, but for what is
        `promised` by the index. `if_right`: as if the model were nearly always right.
        """
        guesses: list[tuple[float, int, Row]] = []
        for row, most in mine.items():
            probability = SURE
            if not if_right:
                evidence = self._places[row].evidence
                probability = evidence.probability(self._agreement.probability)
            needed, depth, likely = 1.0, 0, []
            while depth < most and (needed := needed * probability) >= UNLIKELY:
                likely.append((needed, depth, row))
                depth += 1
            if sum(guess[0] for guess in likely) > promised.get(row, 0.0):
                guesses += likely
        guesses.sort(key=lambda guess: -guess[0])  # stable: those of a row stay in their order
        made = tokens + sum(promised.values())
        best, taken = MARGIN * made / self.index.costs.seconds(positions), 0
        passes = [0] * (self.most + 1)  # rows of each
        drafting = 0.0
        for n, (needed, depth, row) in enumerate(guesses, 1):
            made += needed
            if depth == 0:
                made -= promised.get(row, 0.0)
                drafting += self._reading(row)
            before = self._costs.seconds(passes[depth]) if passes[depth] else 0.0
            passes[depth] += 1
            drafting += self._costs.seconds(passes[depth]) - before
            rate = made / (self.index.costs.seconds(positions + n) + drafting)
            if rate > best:
                best, taken = rate, n
        lengths: dict[Row, int] = {}
        for _, depth, row in guesses[:taken]:
            lengths[row] = depth + 1
        if lengths and not if_right:
            self._pause, self._paused = _SHORTEST_PAUSE, 0
        return lengths

    def _reading(self, row: Row) -> float:
        """Seconds that fall to a step, of those for what the model has not read of a row."""
        unread = self._unread(row)
        if unread <= _BESIDE:
            return 0.0
        left = row.request.max_tokens - row.generated
        return (
            self._costs.seconds(min(unread, _CHUNK))
            * max(1.0, unread / _CHUNK)
            / min(left, _SERVES)
        )

    # ---- the model ----

    def _drafted(self, lengths: Mapping[Row, int]) -> dict[Row, tuple[int, ...]]:
        """Drafts of these lengths, of the rows that the model has read by now."""
        self._settle()
        for row in lengths:
            if row not in self._cached:
                self._join(row)
        self._read(lengths)
        rows = [row for row in self._cached if row in lengths and self._unread(row) <= _BESIDE]
        if not rows:
            return {}
        self._trials = max(0, self._trials - 1)
        began = time.perf_counter()
        passes, positions = self._passes(rows, lengths)
        numbers = mx.concatenate([sampled.numbers[:, 0] for _, sampled in passes])
        tokens = mx.concatenate([sampled.token for _, sampled in passes])
        ids = iter(cast(list[int], tokens.tolist()))
        if not all(map(math.isfinite, cast(list[float], numbers.tolist()))):
            self._give_up()
            return {}
        seconds = time.perf_counter() - began
        if self._rounds:
            self._costs.add(max(1, positions // len(passes)), seconds / len(passes))
        self._rounds += 1
        drafts: dict[Row, tuple[int, ...]] = {}
        for drawn, _ in passes:
            for row in drawn:
                drafts[row] = (*drafts.get(row, ()), next(ids))
        for row, draft in drafts.items():
            place = self._places[row]
            place.agreed, place.guessed = len(row.tokens), draft[:-1]
            place.proposed = len(row.tokens), draft
        return drafts

    def _passes(
        self, rows: Sequence[Row], lengths: Mapping[Row, int]
    ) -> tuple[list[tuple[Sequence[Row], Sampled]], int]:
        """The rows of each pass, what it drew, and how many positions all have. Nothing is read."""
        known = [row.tokens[self._places[row].agreed :] for row in rows]
        tokens = self._tokens([token_id for part in known for token_id in part])
        spans = [
            Span(self._cached.index(row), len(part), 1)
            for row, part in zip(rows, known, strict=True)
        ]
        passes: list[tuple[Sequence[Row], Sampled]] = []
        positions = 0
        while True:
            positions += len(tokens)
            sampled = self._sampled(tokens, spans, rows, len(passes))
            passes.append((rows, sampled))
            going = [i for i, row in enumerate(rows) if lengths[row] > len(passes)]
            if not going:
                return passes, positions
            tokens = sampled.token
            if len(going) < len(rows):
                tokens = tokens[mx.array(going, dtype=mx.int32)]
            rows = [rows[i] for i in going]
            spans = [Span(spans[i].row, 1, 1) for i in going]

    def _sampled(
        self, tokens: mx.array, spans: Sequence[Span], rows: Sequence[Row], ahead: int
    ) -> Sampled:
        """Draw the token of each row that is so far `ahead` of its next, as the row would.

        Less its penalties and biases, which go by its history: with them it is seldom right.
        """
        looked = self.model.forward(tokens, spans, self._cache)
        assert looked is not None, "every span is looked at"
        configs = [row.request.config for row in rows]
        if not self._samplers.are_those_of(configs):
            self._samplers = Samplers.of(
                configs, self._clarifying_token, self._width, self.model.attends
            )
        keys = [position_key(row.request.seed, len(row.tokens) + ahead, row.branch) for row in rows]
        sampled = sample_rows(
            looked.logits[:, : self._width],
            looked.scores,
            looked.mask,
            looked_at(tokens, spans),
            self._samplers.parameters,
            mx.array(keys, dtype=mx.uint32),
            candidates=self._samplers.candidates,
            draws=self._samplers.draws,
            filters=self._samplers.filters,
            exempt=self._xtc_exempt,
        )
        mx.async_eval(sampled.token, sampled.numbers, self._cache.arrays())
        return sampled

    def _tokens(self, ids: Sequence[int]) -> mx.array:
        """Tokens (N,) int32 that the model knows; ids beyond its vocabulary have no text."""
        return mx.array([min(token_id, self.model.vocabulary_size - 1) for token_id in ids])

    # ---- its cache ----

    def _unread(self, row: Row) -> int:
        return len(row.tokens) - self._places[row].agreed

    def _settle(self) -> None:
        """Take back what rows did not draw. The last token of each is left to be computed."""
        counts = []
        for row in self._cached:
            place = self._places[row]
            held = place.agreed + len(place.guessed)
            place.agreed += common_beginning(place.guessed, row.tokens[place.agreed :])
            place.agreed, place.guessed = min(place.agreed, len(row.tokens) - 1), ()
            counts.append(held - place.agreed)
        if any(counts):
            self._cache.rewind(counts)

    def _join(self, row: Row) -> None:
        """Give a row its place in the cache, with what is known of its beginning."""
        known, i = max(
            (
                (common_beginning(other.tokens[: self._places[other].agreed], row.tokens[:-1]), i)
                for i, other in enumerate(self._cached)
            ),
            default=(0, 0),
        )
        layers = self._prefixes.find(row.tokens[:-1])
        if known and (not layers or layers[0].offset <= known):
            self._cache.copy([(i, known)])
        else:
            known = layers[0].offset if layers else 0
            self._cache.join(layers, room=len(row.tokens) + _SERVES)
        self._cached.append(row)
        self._places[row].agreed = known

    def _read(self, lengths: Mapping[Row, int]) -> None:
        """Compute more of what the model has not read of rows."""
        budget = _CHUNK
        spans, ids = [], []
        for i, row in enumerate(self._cached):
            unread = self._unread(row)
            if row in lengths and unread > _BESIDE and budget:
                place, n = self._places[row], min(unread - 1, budget)
                ids += row.tokens[place.agreed : place.agreed + n]
                spans.append(Span(i, n))
                place.agreed, budget = place.agreed + n, budget - n
        if spans:
            began = time.perf_counter()
            self.model.forward(self._tokens(ids), spans, self._cache)
            mx.eval(self._cache.arrays())
            if self._rounds:
                self._costs.add(len(ids), time.perf_counter() - began)

    def _give_up(self) -> None:
        """Guess no more: what is not finite would spoil the places of the rows to come."""
        self._is_sound = False
        self._cached, self._cache = [], self.model.empty_cache()
        self._prefixes.clear()
