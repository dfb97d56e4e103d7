"""The engine: rows of one batch, which move on by a span a step.

`add` puts a request in line, `step` moves everything on a little and returns what came of it. In
one step the engine

1. takes rows that have ended out of the batch, and lets waiting ones join it,
2. queues on the device one forward pass: the next token of every row that draws, taking the tokens
   of the step before as its input without looking at them; a piece of what rows have that is known
   and not computed yet; drafts to verify,
3. reads the tokens of the step before, while the device is at work on the new ones.

So the device never waits for the host. The price: that a row has ended is known one step late, and
the token that was queued meanwhile is thrown away. Where a draft is verified, or likely to be worth
one, the step before is read first: what was drawn has to be known to go on from it. Where an answer
is bound to a form, or tokens are banned behind others, it is read between the forward pass and the
sampler, as what may come next follows from it; the host works that out while the device is at work
on the forward pass.

An engine belongs to one thread, like all arrays of mlx.
"""

import time
from collections import Counter, deque

import mlx.core as mx

from mlx_entropix.engine.draft.drafter import Drafter
from mlx_entropix.engine.events import (
    Event,
    PromptProgress,
    Request,
    RowFailed,
    RowForked,
    TokenEvent,
)
from mlx_entropix.engine.moves import Moves
from mlx_entropix.engine.policy import Policy
from mlx_entropix.engine.prefix import PrefixCache
from mlx_entropix.engine.request_limits import within_limits
from mlx_entropix.engine.row import Row, State
from mlx_entropix.engine.shares import does_well_to_wait, shares
from mlx_entropix.engine.step import (
    Look,
    QueuedStep,
    looked_at,
    step_tokens,
)
from mlx_entropix.engine.step_sampler import StepSampler
from mlx_entropix.model.cache import places_for, rows_within
from mlx_entropix.model.decoder import Decoder, Span
from mlx_entropix.ranks.join import Ranks
from mlx_entropix.sampling import (
    measures_trends,
)
from mlx_entropix.text import Tokenizer

# mlx keeps freed buffers for reuse; after this many steps they are given back.
_STEPS_BETWEEN_CLEARING = 256

# So many positions of prompts are looked at in a step: the logits of each take room.
MOST_SCORED = 128


class Engine:
    """Generates for many rows at once, each with its own sampler, seed and limits.

    At most `max_rows` rows are in the batch; the rest wait their turn, also where the caches of all
    rows might come to hold more than `max_kv_tokens` tokens (None: as many as `max_rows` contexts;
    kv_budget.py says how many there is memory for). A step computes up to
    `prefill_chunk` known tokens; while rows are being written, up to `chunk_beside_rows` for every
    row that waits per row that is written, so that these are not held up for long. Up to
    `prefix_cache_bytes` of past sequences are kept, so that prompts that begin alike are not
    computed again. A `drafter` guesses at what rows draw next, see draft/; without one each step
    gives a row one token. With `ranks` each of them has an engine that gets the same calls in
    the same order (ranked.py), and all go on with the tokens of rank 0.
    """

    def __init__(
        self,
        model: Decoder,
        tokenizer: Tokenizer,
        *,
        max_rows: int = 16,
        max_kv_tokens: int | None = None,
        prefill_chunk: int = 512,
        chunk_beside_rows: int = 512,
        prefix_cache_bytes: int = 0,
        drafter: Drafter | None = None,
        ranks: Ranks | None = None,
    ):
        self.model = model
        self.ranks = ranks
        self.tokenizer = tokenizer
        self.max_rows = max_rows
        self.max_kv_tokens = max_kv_tokens or places_for(max_rows) * model.context_length
        self.prefill_chunk = prefill_chunk
        self.chunk_beside_rows = chunk_beside_rows
        self.prefixes = PrefixCache(prefix_cache_bytes) if prefix_cache_bytes else None
        self.drafter = drafter
        self._sampler = StepSampler(model, tokenizer, ranks)
        self.waiting: deque[Row] = deque()
        self.rows: list[Row] = []  # of the cache, in its order
        self._cache = model.empty_cache()
        self._copies: list[tuple[int, int]] = []  # the last rows, while the cache lacks them
        self._queued: QueuedStep | None = None
        self._reads_first = False  # before the next step is queued
        self._next_id = 0
        self._steps = 0
        self._began = 0.0  # when `step` was called
        self._spent = 0.0  # seconds in `step` since the last read, in calls that have ended

    @property
    def can_rewind(self) -> bool:
        """Whether rows can be copied at a position before their last, and drafts be verified."""
        return self._cache.can_rewind

    @property
    def idle(self) -> bool:
        """Whether there is nothing to do."""
        return not (self.waiting or self.rows or self._queued)

    @property
    def kv_usage(self) -> float:
        """Tokens in the caches of all rows, of those that may be there: 0 to 1."""
        return sum(self._cache.lengths) / self.max_kv_tokens

    def add(self, request: Request) -> int:
        """Put a request in line. Returns the number of its row, which its events will bear.

        Raises `PromptError` where the prompt is empty or does not fit, `ConfigError` for forks of
        a model that cannot rewind and for a bias or a rule of no token, `ConstraintError` for a
        form of the answer that cannot be held or that the prefix does not have, `ValueError` for
        limits that make no sense. `max_tokens` is cut to what the context has room for; a prompt
        that is only scored may fill it.
        """
        limit = min(self.model.context_length, self.max_kv_tokens)
        request = within_limits(request, self.model, limit, can_rewind=self.can_rewind)
        row = Row.of(self._new_id(), request, self.tokenizer)
        self.waiting.append(row)
        return row.id

    def cancel(self, row_id: int) -> None:
        """End a row and its forks without further events. They leave with the next step."""
        for row in [*self.waiting, *self.rows]:
            if row_id in (row.id, row.root):
                row.state, row.is_kept = State.ENDED, False
        self.waiting = deque(row for row in self.waiting if row.state is State.WAITING)

    def step(self) -> list[Event]:
        """Move on by a token a row or more, or one piece of what is known, or both."""
        self._began = time.perf_counter()
        before, self._queued = self._queued, None
        events: list[Event] = []
        if before is not None and self._reads_first:
            events += self._read(before)
        self._remove_ended()
        self._admit()
        events += self._queue(before)
        if before is not None and not before.is_read:
            events += self._read(before)
        self._steps += 1
        if self._steps % _STEPS_BETWEEN_CLEARING == 0:
            mx.clear_cache()
        self._spent += time.perf_counter() - self._began
        return events

    def _new_id(self) -> int:
        self._next_id += 1
        return self._next_id - 1

    # ---- rows come and go ----

    def _remove_ended(self) -> None:
        """Take rows that have ended out of the cache. The last row takes the place of each."""
        if not any(row.leaves for row in self.rows):
            return
        self._keep_ended()
        for i, row in enumerate(self.rows):
            if row.leaves and self.drafter is not None:
                self.drafter.end(row)
            # What was queued of it is not read, and was not seen to be finite.
            seen = len(row.tokens) - 1 if row.generated else 0
            if row.leaves and self._cache.lengths[i] > seen:
                self._cache.blank(i, seen)
        order = list(range(len(self.rows)))
        i = 0
        while i < len(order):
            if not self.rows[order[i]].leaves:
                i += 1
                continue
            last = order.pop()
            if i < len(order):
                order[i] = last
        self._cache.select(order)
        self.rows = [self.rows[i] for i in order]

    def _keep_ended(self) -> None:
        """Remember the sequences of rows that have got their last token."""
        if self.prefixes is None:
            return
        for i, row in enumerate(self.rows):
            cached = self._cache.lengths[i]
            if row.leaves and not row.dropped and cached <= len(row.tokens):
                self.prefixes.keep(row.tokens[:cached], self._cache.extract(i), row.request.salt)

    def _admit(self) -> None:
        """Let the next rows in line join, as far as they fit beside the others.

        One whose beginning is just being computed for another row waits, and takes it from there.
        """
        for row in list(self.waiting):
            # A place has as many columns as the longest row, so this is what may have to be held.
            longest = max(other.most_tokens for other in [*self.rows, row])
            count = len(self.rows) + 1
            if count > self.max_rows or (
                count > 1 and places_for(count) * longest > self.max_kv_tokens
            ):
                return
            layers = []
            is_whole = row.request.scores_prompt or row.request.fresh
            if self.prefixes is not None and not is_whole:
                salt = row.request.salt
                layers = self.prefixes.find(row.tokens[:-1], salt)
                known = layers[0].offset if layers else 0
                filling = [
                    r.tokens
                    for r in self.rows
                    if r.state is State.FILLING and r.request.salt == salt
                ]
                if any(does_well_to_wait(row.tokens, known, other) for other in filling):
                    continue
                row.cached_tokens = known
            self.waiting.remove(row)
            row.started_at = time.perf_counter()
            row.state = State.FILLING
            self._cache.join(layers, room=len(row.tokens) + min(row.request.max_tokens, 64))
            self.rows.append(row)

    def _room(self) -> int:
        """How many rows may be made beside those that are there and those that wait."""
        rows = [row for row in [*self.rows, *self.waiting] if not row.leaves]
        longest = max((row.most_tokens for row in rows), default=1)
        return max(0, min(self.max_rows, rows_within(self.max_kv_tokens // longest)) - len(rows))

    def fork(
        self, row: Row, position: int, token_ids: tuple[int, ...], recent: mx.array | None
    ) -> tuple[Row, RowForked] | None:
        """Copy a row with other tokens from `position` on, if there is room; see `Batch`.

        `recent` are the metrics (1, 6, W) of the row's last tokens, where its sampler looks back.
        """
        if not self._room() or not self.can_rewind:
            return None
        twin, whole, reason = row.fork(self._new_id(), position, token_ids, self.tokenizer)
        summary = twin.summary() if reason else None
        if not reason:
            i, there = self.rows.index(row), len(self._cache.lengths)
            if i >= there:  # it is itself a copy that is still to be made
                i, _ = self._copies[i - there]
            held = self._cache.lengths[i]  # nothing of a row that has failed
            self._copies.append((i, min(position, len(twin.tokens) - 1, held)))
            twin.state, twin.recent = State.FILLING, recent if position > row.known else None
            self.rows.append(twin)
        return twin, RowForked(
            twin.id,
            row.id,
            twin.branch,
            position,
            token_ids,
            whole.text,
            reason,
            summary,
            whole.reasoning,
            twin.stopped_by(self.tokenizer) if reason else None,
        )

    # ---- to the device ----

    def _queue(self, before: QueuedStep | None) -> list[Event]:
        """Queue one step on the device. Returns what is known of it at once."""
        events: list[Event] = []
        for i, row in enumerate(self.rows):
            if row.state is State.FILLING and not row.left(self._cache.lengths[i]):
                events += self._filled(i, row)  # there was nothing to fill
        spans, looks, sources = self._spans()
        if not spans:
            return events
        tokens = step_tokens(sources, before)
        looked = self.model.forward(tokens, spans, self._cache)
        if looked is None:
            mx.eval(self._cache.arrays())  # nothing else paces the host
        else:
            previous = looked_at(tokens, spans)
            if before is not None and not before.is_read and _are_constrained(looks):
                mx.async_eval(looked, self._cache.arrays())
                events += self._read(before)
            self._queued = self._sampler.queue(
                looked, looks, previous, before, len(sources), self._cache.arrays()
            )
        for i, _, _ in spans:
            row = self.rows[i]
            if row.state is State.FILLING:
                done = self._cache.lengths[i]
                seconds = time.perf_counter() - row.started_at
                events.append(
                    PromptProgress(row.id, done, len(row.tokens) - 1, row.cached_tokens, seconds)
                )
                if not row.left(done):
                    events += self._filled(i, row)
        return events

    def _filled(self, i: int, row: Row) -> list[Event]:
        """All that is known of a row is in the cache but the last token: it may draw."""
        row.state = State.LIVE
        row.filled_at = row.filled_at or time.perf_counter()
        # Not where it looks back at all its tokens: a condition needs each before the next.
        row.may_draft = self.can_rewind and not measures_trends([row.request.config])
        if self.drafter is not None and row.may_draft:
            self.drafter.begin(row)
        if self.prefixes is not None and row.parent is None:
            self.prefixes.keep(row.tokens[:-1], self._cache.extract(i), row.request.salt)
        scored = row.prompt_scored() if len(row.tokens) == 1 else None
        return [scored] if scored else []

    def _spans(self) -> tuple[list[Span], list[Look], list[int | Row]]:
        """The spans of the coming step, what is looked at, and where each token comes from.

        A token is known, or it is the last that a row drew, which is still on the device.
        """
        spans: list[Span] = []
        looks: list[Look] = []
        sources: list[int | Row] = []
        fills = self._fills()
        drafts = self._drafts(sum(fills.values())) if self._reads_first else {}
        for i, row in enumerate(self.rows):
            cached = self._cache.lengths[i]
            if n := fills.get(i, 0):
                sources += row.tokens[cached : cached + n]
                scores = row.request.scores_prompt and cached + n < row.known
                spans.append(Span(i, n, n if scores else 0))
                if scores:
                    following = range(cached + 1, cached + n + 1)
                    looks += [Look(row, at, given=row.tokens[at]) for at in following]
            elif row.draws(cached):
                draft = row.draft = drafts.get(row, ())
                row.drafted += len(draft)
                sources += [row if cached == len(row.tokens) else row.tokens[cached], *draft]
                spans.append(Span(i, 1 + len(draft), 1 + len(draft)))
                ends = zip((None, *draft), (*draft, None), strict=True)
                looks += [
                    Look(row, cached + 1 + k, after=after, guess=guess)
                    for k, (after, guess) in enumerate(ends)
                ]
        return spans, looks, sources

    def _drafts(self, filled: int) -> dict[Row, tuple[int, ...]]:
        """The drafts of a step that fills so many positions, for rows whose last token is known."""
        room = self._room_of_drafts()
        if self.drafter is None or not room:
            return {}
        drafts = self.drafter.plan(room, filled + len(room))
        return {row: draft[: row.may_take(draft)] for row, draft in drafts.items()}

    def _room_of_drafts(self) -> dict[Row, int]:
        """How many tokens may be verified of each row that draws."""
        return {
            row: row.request.max_tokens - row.generated - 1 if row.may_draft else 0
            for row in self.rows
            if row.state is State.LIVE and row.generated < row.request.max_tokens
        }

    def _fills(self) -> dict[int, int]:
        """How many known tokens of which rows to compute in this step."""
        filling = [i for i, row in enumerate(self.rows) if row.state is State.FILLING]
        if not filling:
            return {}
        written = sum(row.state is State.LIVE for row in self.rows)
        budget = self.prefill_chunk
        if written:
            budget = min(budget, self.chunk_beside_rows * max(1, len(filling) // written))
        left = [self.rows[i].left(self._cache.lengths[i]) for i in filling]
        counts, scored = shares(left, budget), MOST_SCORED
        for k, i in enumerate(filling):
            if self.rows[i].request.scores_prompt:
                counts[k] = min(counts[k], scored)
                scored -= counts[k]
        return dict(zip(filling, counts, strict=True))

    # ---- from the device ----

    def _read(self, step: QueuedStep) -> list[Event]:
        """The events of a step, and of what policies make of them."""
        step.is_read = True
        read = step.read(self.model.name, self.tokenizer)
        self._settle_drafts(step)
        events: list[Event] = []
        asked: dict[int, tuple[Policy, list[tuple[Row, TokenEvent | RowFailed]]]] = {}
        for row, event in read:
            if isinstance(event, RowFailed):
                self._cache.blank(self.rows.index(row))
                if self.prefixes is not None:
                    self.prefixes.clear()  # its prompt is among them, and may be spoilt throughout
            policy = row.request.policy
            if policy is None or not isinstance(event, TokenEvent | RowFailed):
                events.append(event)
            else:
                asked.setdefault(id(policy), (policy, []))[1].append((row, event))
        for policy, its in asked.values():
            policy.after_read(its, Moves(self, step, events))
        if self._copies:
            self._cache.copy(self._copies)  # all at once
            self._copies = []
        if self.drafter is not None:
            drawn = Counter(row for row, event in read if isinstance(event, TokenEvent))
            for row, count in drawn.items():
                self.drafter.learn(row, count)
            self.drafter.took(step.positions, self._since_last_read())
            # Of the next step's tokens, which are under way, the first is taken to be guessed.
            room = self._room_of_drafts()
            self._reads_first = self.drafter.wants(room, len(room))
        return events

    def _since_last_read(self) -> float:
        """Seconds in `step` between the last read and now: what the step that was read took.

        That is the device's time and what of the host's was not beside it.
        """
        now = time.perf_counter()
        seconds = self._spent + now - self._began
        self._began, self._spent = now, 0.0
        return seconds

    def _settle_drafts(self, step: QueuedStep) -> None:
        """Take back what the cache has of a step's drafts beyond what was drawn."""
        counts = [0] * len(self.rows)
        for i, row in enumerate(self.rows):
            if row.draft and row.id in step.last:
                drawn = len(row.tokens) - 1
                if row.id in step.spoilt:
                    self._cache.blank(i, drawn)
                counts[i] = max(0, self._cache.lengths[i] - drawn)
                row.draft = ()
        if any(counts):
            self._cache.rewind(counts)


def _are_constrained(looks: list[Look]) -> bool:
    """Whether what a row of these may take follows from the token before."""
    return any(look.row.is_bound for look in looks)
