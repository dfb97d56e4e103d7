"""The engine: rows of one batch, one token a step for all of them.

`add` puts a request in line, `step` moves everything on a little and returns what came of it. In
one step the engine

1. computes a chunk of the prompts of rows that wait to join, if there are any,
2. queues on the device the next token of every live row, taking the tokens of the step before as
   its input without looking at them,
3. reads the tokens of the step before, while the device is at work on the new ones.

So the device never waits for the host. The price: that a row has ended is known one step late, and
the token that was queued meanwhile is thrown away.

An engine belongs to one thread, like all arrays of mlx.
"""

import time
from collections import deque
from dataclasses import replace

import mlx.core as mx

from mlx_entropix.engine.events import (
    Event,
    PromptProgress,
    PromptScored,
    PromptToken,
    Request,
)
from mlx_entropix.engine.prefill import Prefill, shares
from mlx_entropix.engine.prefix import PrefixCache
from mlx_entropix.engine.rows import Row
from mlx_entropix.engine.scoring import score_tokens
from mlx_entropix.engine.step import QueuedStep
from mlx_entropix.errors import PromptError
from mlx_entropix.model.cache import KVRows
from mlx_entropix.model.llama import Llama
from mlx_entropix.sampling import (
    candidate_count,
    draw_count,
    measures_sigma,
    measures_trends,
    no_recent,
    parameter_rows,
    position_key,
    sample_rows,
)
from mlx_entropix.text import Tokenizer

CLARIFYING_TEXT = " ..."

# mlx keeps freed buffers for reuse; after this many steps they are given back.
_STEPS_BETWEEN_CLEARING = 256

# Taking a row out of the batch copies the caches of all others, which may take as long as a step.
# So up to one row in so many stays after its end, its tokens thrown away, until others end or new
# ones join.
_ROWS_TO_ONE_ENDED = 8


class Engine:
    """Generates for many rows at once, each with its own sampler, seed and limits.

    At most `max_rows` rows are live; the rest wait their turn. The caches of all live rows may hold
    `max_kv_tokens` tokens (None: as many as `max_rows` contexts). A step computes up to
    `prefill_chunk` tokens of prompts; while rows are being written, up to `chunk_beside_rows` for
    every row that waits per row that is written, so that these are not held up for long. Up to
    `prefix_cache_bytes` of past sequences are kept, so that prompts that begin alike are not
    computed again.
    """

    def __init__(
        self,
        model: Llama,
        tokenizer: Tokenizer,
        *,
        max_rows: int = 16,
        max_kv_tokens: int | None = None,
        prefill_chunk: int = 512,
        chunk_beside_rows: int = 512,
        prefix_cache_bytes: int = 0,
    ):
        self.model = model
        self.tokenizer = tokenizer
        self.max_rows = max_rows
        self.max_kv_tokens = max_kv_tokens or max_rows * model.context_length
        self.prefill_chunk = prefill_chunk
        self.chunk_beside_rows = chunk_beside_rows
        self.prefixes = PrefixCache(prefix_cache_bytes) if prefix_cache_bytes else None
        self.clarifying_token = tokenizer.first_token_of(CLARIFYING_TEXT)
        self.waiting: deque[Row] = deque()
        self.live: list[Row] = []
        self._filling: list[Prefill] = []
        self._ready: list[Prefill] = []
        self._cache: KVRows | None = None
        self._cached_rows: list[Row] = []  # the rows of self._cache, in its order
        self._step: QueuedStep | None = None
        self._parameters: mx.array | None = None
        self._has_trends = False  # of the same rows as the parameters
        self._next_id = 0
        self._steps = 0

    @property
    def idle(self) -> bool:
        """Whether there is nothing to do."""
        return not (self.waiting or self._filling or self._ready or self._step)

    def add(self, request: Request) -> int:
        """Put a request in line. Returns the number of its row, which its events will bear.

        Raises `PromptError` where the prompt is empty or does not fit, `ValueError` for limits
        that make no sense. `max_tokens` is cut to what the context has room for.
        """
        prefix = request.prefix
        request = replace(request, prompt=request.prompt + prefix, prefix=())
        prompt = len(request.prompt)
        if not prompt:
            raise PromptError("The prompt is empty. Give at least one character of text.")
        if request.max_tokens < (1 if request.prompt_logprobs is None else 0):
            raise ValueError(f"max_tokens is {request.max_tokens}; it must be at least 1.")
        limit = min(self.model.context_length, self.max_kv_tokens)
        if prompt >= limit:
            raise PromptError(
                f"The prompt has {prompt:,} tokens, and {self.model.name} takes at most "
                f"{limit - 1:,}, to leave room for an answer. Shorten the prompt."
            )
        if prompt + request.max_tokens > limit:
            request = replace(request, max_tokens=limit - prompt)
        row = Row.of(self._next_id, request, self.tokenizer)
        for token_id in prefix:
            row.decoder.add(token_id)
        self._next_id += 1
        self.waiting.append(row)
        return row.id

    def cancel(self, row_id: int) -> None:
        """End a row without further events. It leaves the batch with the next step."""
        for row in [*self.waiting, *self.live]:
            if row.id == row_id:
                row.finished = True
        self.waiting = deque(row for row in self.waiting if not row.finished)

    def step(self) -> list[Event]:
        """Move on by one token a row, or one chunk of prompts, or both."""
        self._admit()
        events = self._fill()
        before, self._step = self._step, None
        rows = self._gather_rows()
        if rows:
            self._step = self._queue(rows, before)
        if before is not None:
            events += before.read(self.model.name, self.tokenizer)
        self.live = [row for row in self.live if not row.finished]
        self._steps += 1
        if self._steps % _STEPS_BETWEEN_CLEARING == 0:
            mx.clear_cache()
        return events

    def _admit(self) -> None:
        """Start on the prompts of the next rows in line, as far as they fit beside the live ones.

        One whose beginning is just being computed for another row waits, and takes it from there.
        """
        for row in list(self.waiting):
            # Every row takes as many columns as the longest, so this is what may have to be held.
            longest = max(other.most_tokens for other in [*self.live, row])
            rows = len(self.live) + 1
            if rows > self.max_rows or (rows > 1 and rows * longest > self.max_kv_tokens):
                return
            prompt, cache = row.request.prompt, None
            if self.prefixes is not None and row.request.prompt_logprobs is None:
                cache = self.prefixes.find(prompt[:-1])
                known = cache.length if cache is not None else 0
                if any(prefill.will_help(prompt, known) for prefill in self._filling):
                    continue
                row.cached_tokens = known
            self.waiting.remove(row)
            row.started_at = time.perf_counter()
            self.live.append(row)
            self._filling.append(Prefill(row, cache or self.model.empty_cache()))

    def _fill(self) -> list[Event]:
        """Compute the next piece of every prompt that has a share in this step.

        The rows are ready to join after their last.
        """
        self._filling = [prefill for prefill in self._filling if not prefill.row.finished]
        counts = shares([prefill.left for prefill in self._filling], self._prompt_budget())
        filling = [(p, n) for p, n in zip(self._filling, counts, strict=True) if n]
        if filling:
            self._compute(filling)
        events: list[Event] = [PromptProgress(p.row.id, p.done, p.total) for p, _ in filling]
        for prefill in self._filling:
            if not prefill.left:
                events += self._finish_prompt(prefill)
        self._filling = [prefill for prefill in self._filling if prefill.left]
        return events

    def _prompt_budget(self) -> int:
        """How many tokens of prompts to compute in this step."""
        written = len(self._cached_rows)
        if not written:
            return self.prefill_chunk
        waiting = len(self._filling)
        return min(self.prefill_chunk, self.chunk_beside_rows * max(1, waiting // written))

    def _compute(self, filling: list[tuple[Prefill, int]]) -> None:
        """Put the next n tokens of some prompts into their caches, together."""
        spans = [(prefill.row, prefill.done, prefill.done + n) for prefill, n in filling]
        caches = [prefill.cache for prefill, _ in filling]
        pieces = [row.request.prompt[begin:end] for row, begin, end in spans]
        hidden = self.model.prefill_packed(pieces, caches)
        for (row, begin, end), states in zip(spans, hidden, strict=True):
            if (count := row.request.prompt_logprobs) is not None:
                following = row.request.prompt[begin + 1 : end + 1]
                row.scored += score_tokens(self.model, self.tokenizer, states, following, count)
        arrays = [array for cache in caches for array in cache.arrays()]
        mx.async_eval(arrays)
        if self._step is None:
            mx.eval(arrays)  # nothing else paces the host

    def _finish_prompt(self, prefill: Prefill) -> list[Event]:
        """A prompt is in the cache: its row may join the batch."""
        row = prefill.row
        row.prompt_done_at = time.perf_counter()
        if self.prefixes is not None:
            self.prefixes.keep(row.request.prompt[:-1], prefill.cache.extract(0))
        row.finished = row.request.max_tokens == 0
        if not row.finished:
            self._ready.append(prefill)
        if row.request.prompt_logprobs is None:
            return []
        first = row.request.prompt[0]
        tokens = (PromptToken(first, self.tokenizer.token_text(first), None), *row.scored)
        return [PromptScored(row.id, tokens, row.summary() if row.finished else None)]

    def _gather_rows(self) -> list[Row]:
        """Bring the cache to the rows of the coming step: without those that ended, with new ones.

        The rows that stay keep their order, and come first. A few that ended may be among them.
        """
        self._keep_prefixes()
        stay = [i for i, row in enumerate(self._cached_rows) if row.wants_more]
        joining = [prefill for prefill in self._ready if not prefill.row.finished]
        self._ready = []
        ended = len(self._cached_rows) - len(stay)
        if stay and not joining and ended * _ROWS_TO_ONE_ENDED <= len(self._cached_rows):
            return self._cached_rows
        self._parameters = None
        rows = [self._cached_rows[i] for i in stay]
        if not rows:
            self._cache = None
        elif self._cache is not None and len(stay) < len(self._cached_rows):
            self._cache.keep(stay)
        caches = [prefill.cache for prefill in joining]
        if self._cache is None and caches:
            self._cache = caches.pop(0)
        if self._cache is not None and caches:
            self._cache.extend(*caches)
        rows += [prefill.row for prefill in joining]
        self._cached_rows = rows
        return rows

    def _keep_prefixes(self) -> None:
        """Remember the sequences of rows that have just got their last token."""
        if self.prefixes is None or self._cache is None:
            return
        lengths = self._cache.lengths
        for i, row in enumerate(self._cached_rows):
            if row.wants_more or row.is_kept:
                continue
            row.is_kept = True
            if len(row.tokens) >= lengths[i]:
                self.prefixes.keep(row.tokens[: lengths[i]], self._cache.extract(i))

    def _queue(self, rows: list[Row], before: QueuedStep | None) -> QueuedStep:
        """Queue one step of `rows` on the device."""
        assert self._cache is not None
        tokens = self._input_tokens(rows, before)
        configs = [row.request.config for row in rows]
        if self._parameters is None:
            self._parameters = parameter_rows(configs, self.clarifying_token)
            self._has_trends = measures_trends(configs)
        keys = [position_key(row.request.seed, row.next_position) for row in rows]
        logits, scores, mask = self.model.step(tokens, self._cache)
        sampled = sample_rows(
            logits,
            scores,
            mask,
            tokens,
            self._parameters,
            mx.array(keys, dtype=mx.uint32),
            candidates=candidate_count(configs, self.model.vocabulary_size),
            draws=draw_count(configs),
            sigma=measures_sigma(configs),
            recent=_recent_values(rows, before) if self._has_trends else None,
        )
        # Joined here and not when they are read: that would wait in line behind the next step.
        numbers = mx.stack([sampled.logprob, *sampled.metrics, *sampled.parameters], axis=1)
        wanted = max(row.request.alternatives for row in rows)
        best = None
        if wanted:
            best = sampled.candidates[:, :wanted], sampled.candidate_logprobs[:, :wanted]
        mx.async_eval(sampled.token, sampled.quadrant, sampled.recent, numbers, best)
        for row in rows:
            row.queued += 1
        return QueuedStep(rows, sampled, numbers, best)

    def _input_tokens(self, rows: list[Row], before: QueuedStep | None) -> mx.array:
        """The token (B,) that each row goes on from: still on the device, or a prompt's last."""
        new = [row.request.prompt[-1] for row in rows if row.queued == 0]
        parts = []
        if before is not None and len(new) < len(rows):
            parts.append(before.of_staying(rows, before.sampled.token))
        if new:
            parts.append(mx.array(new, dtype=parts[0].dtype if parts else mx.uint32))
        return parts[0] if len(parts) == 1 else mx.concatenate(parts)


def _recent_values(rows: list[Row], before: QueuedStep | None) -> mx.array:
    """The last metrics (B, 6, W) of each row, still on the device.

    A step in which no row needed them has none; then those that need them now have just joined.
    """
    new = sum(row.queued == 0 for row in rows)
    if before is None or before.sampled.recent is None or new == len(rows):
        return no_recent(len(rows))
    staying = before.of_staying(rows, before.sampled.recent)
    return mx.concatenate([staying, no_recent(new)]) if new else staying
