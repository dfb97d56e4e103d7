"""What the host knows of one row: its request, its state, its tokens and its text so far."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum, auto
from itertools import count

import mlx.core as mx
import numpy as np

from mlx_entropix.engine.events import PromptScored, PromptToken, Request, Summary
from mlx_entropix.engine.history import History
from mlx_entropix.engine.stop import Repeats, StopStrings
from mlx_entropix.engine.token_rules import TokenMask
from mlx_entropix.errors import ConstraintError
from mlx_entropix.text import NOTHING, Matcher, Piece, ReasoningSplitter, StreamDecoder, Tokenizer


class State(Enum):
    """Where a row stands."""

    WAITING = auto()  # in line: nothing of it is computed
    FILLING = auto()  # tokens that are known are on their way into the cache
    LIVE = auto()  # it draws
    ENDED = auto()


@dataclass(eq=False)
class Row:
    """A row from the moment it is added to its last token.

    `tokens` are the prompt, the request's prefix, and what was drawn, as far as it was read. The
    first `known` of them were not drawn. `branch` is 0, or the number of a copy, whose `parent` is
    the row that it was copied of, and whose `root` is the row that the request began with. A policy
    may have ended it (`dropped`), or not be through with it (`is_kept`), so that it stays. `last`
    is what its last token added. The tokens of `ends` end it, and where there is a `mask` not all
    can be drawn.
    """

    id: int
    request: Request
    decoder: StreamDecoder
    splitter: ReasoningSplitter
    stops: StopStrings
    matcher: Matcher | None
    mask: TokenMask | None
    ends: frozenset[int]
    tokens: list[int]
    known: int
    root: int
    branch: int = 0
    parent: int | None = None
    branches: Iterator[int] = field(default_factory=lambda: count(1))  # of it and its copies
    state: State = State.WAITING
    dropped: bool = False
    is_kept: bool = False
    may_draft: bool = False  # whether guesses of its tokens can be verified
    draft: tuple[int, ...] = ()  # a guess at what comes after `tokens`, while it is verified
    steps: int = 0  # that gave it tokens
    drafted: int = 0  # tokens that were guessed
    accepted: int = 0  # of these, those that it drew
    reasoning_tokens: int = 0  # of what it drew, those of thoughts
    last: Piece = NOTHING
    repeats: Repeats = field(init=False)
    history: History = field(init=False)
    recent: mx.array | None = None  # metrics of its last tokens (1, 6, W), where it starts with any
    scored: list[PromptToken] = field(default_factory=list)  # the first, and those looked at
    cached_tokens: int = 0
    added_at: float = field(default_factory=time.perf_counter)
    started_at: float = 0.0
    filled_at: float = 0.0
    first_token_at: float = 0.0

    def __post_init__(self) -> None:
        self.repeats = Repeats(self.request.stop_repeats)
        self.history = History(len(self.request.prompt))

    @classmethod
    def of(cls, row_id: int, request: Request, tokenizer: Tokenizer) -> "Row":
        """A new row. What the prefix leaves of a character goes on in the answer.

        Raises `ConstraintError` for a form that cannot be held, or that the prefix does not have.
        """
        decoder = tokenizer.stream_decoder(
            shows_calls=request.shows_calls, shows_control=request.shows_control
        )
        chat = request.prompt if request.splits_reasoning else None
        splitter = tokenizer.reasoning_splitter(chat)
        matcher = None if request.constraint is None else tokenizer.matcher(request.constraint)
        rules = request.rules
        mask = TokenMask(rules, tokenizer.eos_token_ids) if rules.masks else None
        tokens = [*request.prompt, *request.prefix]
        row = cls(
            row_id,
            request,
            decoder,
            splitter,
            StopStrings(request.stop, keeps=request.keeps_stop),
            matcher,
            mask,
            tokenizer.eos_token_ids.union(rules.stop_ids),
            tokens,
            known=len(tokens),
            root=row_id,
            branch=request.branch,
        )
        for token_id in request.prefix:
            row._read(token_id)
        if matcher is not None and matcher.error is not None:
            raise ConstraintError(
                f"The answer cannot begin so and have the form that is asked for: {matcher.error}"
            )
        row.scored.append(PromptToken(tokens[0], tokenizer.token_text(tokens[0])))
        return row

    def fork(
        self, row_id: int, position: int, token_ids: tuple[int, ...], tokenizer: Tokenizer
    ) -> tuple["Row", Piece, str | None]:
        """A copy that has other tokens from `position` on, which is one that was drawn.

        Returns it, its text, and why it has ended, if these tokens end it.
        """
        twin = Row.of(row_id, self.request, tokenizer)
        twin.branch, twin.parent, twin.branches = next(self.branches), self.id, self.branches
        twin.root = self.root
        twin.cached_tokens = self.cached_tokens
        twin.added_at, twin.started_at = self.added_at, self.started_at
        twin.filled_at, twin.first_token_at = self.filled_at, self.first_token_at
        whole, reason = NOTHING, None
        for token_id in (*self.tokens[self.known : position], *token_ids):
            if reason is None:
                reason = twin.take(token_id, token_id in twin.ends)
                whole = whole.then(twin.last)
        return twin, whole, reason

    @property
    def generated(self) -> int:
        """Tokens read from the device."""
        return len(self.tokens) - self.known

    @property
    def leaves(self) -> bool:
        """Whether the batch has no use for it any more."""
        return self.state is State.ENDED and not self.is_kept

    @property
    def most_tokens(self) -> int:
        """How many tokens the row may come to hold."""
        return self.known + self.request.max_tokens

    def left(self, cached: int) -> int:
        """Known tokens to put in the cache, which has `cached`, before the row draws.

        That is all but the last, which the first step that draws takes.
        """
        return len(self.tokens) - 1 - cached

    def draws(self, cached: int) -> bool:
        """Whether another token may be asked of the device, where the cache has `cached`."""
        return self.state is State.LIVE and cached + 1 - self.known < self.request.max_tokens

    def take(self, token_id: int, is_end: bool) -> str | None:
        """Add the row's next token, see `last`. Returns the finish reason, if it ends.

        Stop strings are looked for in the answer, and not in the thoughts before it.
        """
        self.tokens.append(token_id)
        # The token that ends it has no text; what was incomplete before it is let go.
        kept = self.request.keeps_stop and token_id in self.request.rules.stop_ids
        piece = NOTHING if is_end and not kept else self._read(token_id)
        is_end = is_end or (self.matcher is not None and self.matcher.is_done)
        loops = self._loops()
        is_last = is_end or loops or self.generated == self.request.max_tokens
        if is_last:
            piece = piece.then(self.splitter.finish(self.decoder.finish()))
        if self.generated > self.request.rules.min_tokens:
            text, stopped = self.stops.add(piece.text)
        else:
            text, stopped = piece.text, False
        reason = "length" if is_last else None
        if stopped or is_end:
            reason = "stop"
        elif loops:
            reason = "repetition"
        if reason is not None:
            self.state = State.ENDED
            text += self.stops.finish()  # nothing, where a stop string was found
        self.last = Piece(text, piece.reasoning)
        self.reasoning_tokens += piece.reasoning is not None
        return reason

    def stopped_by(self, tokenizer: Tokenizer) -> str | int | None:
        """What ended the row by its request: a stop string, or a token of its rules."""
        last = self.tokens[-1]
        is_ruled = last in self.request.rules.stop_ids and last not in tokenizer.eos_token_ids
        return last if self.stops.found is None and is_ruled else self.stops.found

    def _loops(self) -> bool:
        """Whether what was drawn repeats itself, as of the token that was added last."""
        return self.repeats.times > 0 and self.repeats.add(self.tokens[self.known :])

    def _read(self, token_id: int) -> Piece:
        """What a token adds to thoughts and answer. The form is that of the answer alone."""
        text = self.decoder.add(token_id)
        matcher, splitter = self.matcher, self.splitter
        if matcher is None:
            return splitter.add(token_id, text)
        if splitter.inside or (not matcher.begun and token_id == splitter.opening):
            piece = splitter.add(token_id, text)
            matcher.take_text(piece.text)
            return piece
        matcher.take(token_id)
        return Piece(text)

    def may_take(self, draft: tuple[int, ...]) -> int:
        """How many tokens of a guess at what comes next the row could draw."""
        if self.matcher is None:
            return len(draft)
        # Where thoughts end is where the form begins: nothing is guessed across that.
        return 0 if self.splitter.inside else self.matcher.allows(draft)

    def forced(self) -> list[int]:
        """The tokens that come next as the form of the answer leaves no other text."""
        if self.matcher is None or self.splitter.inside:
            return []
        return self.matcher.forced()

    def allowed(self, ahead: tuple[int, ...]) -> np.ndarray:
        """The tokens that may come after a guess `ahead`, of a row with a matcher, see `bits`.

        In thoughts all may but those that would end the answer. Some models begin with thoughts of
        their own accord, and may.
        """
        assert self.matcher is not None, "there is nothing to follow"
        if self.splitter.inside:
            return self.matcher.unbound
        if ahead or self.matcher.begun:
            return self.matcher.bits(ahead)
        return self.matcher.bits(also=self.splitter.opening)

    @property
    def is_bound(self) -> bool:
        """Whether what it may draw follows from the token before, which has to be known."""
        return self.matcher is not None or self.request.rules.looks_back

    def ruled(self, position: int, ahead: tuple[int, ...], size: int) -> np.ndarray:
        """The tokens of `size` that the rules of a row with a mask let stand at `position`.

        `ahead` is a guess at the tokens before it, see `TokenMask.words`.
        """
        assert self.mask is not None, "there are no rules"
        begin = len(self.request.prompt)
        past = [*self.tokens[max(begin, len(self.tokens) - self.mask.rules.memory) :], *ahead]
        return self.mask.words(size, position - self.known, past)

    def held_back(self, end: int, tokenizer: Tokenizer) -> Piece:
        """What waits for what comes next, where nothing comes from position `end` on."""
        twin = Row.of(self.id, self.request, tokenizer)
        for token_id in self.tokens[self.known : end]:
            twin.take(token_id, False)
        piece = twin.splitter.finish(twin.decoder.finish())
        text, _ = twin.stops.add(piece.text)
        return Piece(text + twin.stops.finish(), piece.reasoning)

    def prompt_scored(self) -> PromptScored | None:
        """The event of a prompt that has just got the last of its scores. It may end the row."""
        if len(self.scored) < self.known or not self.request.scores_prompt:
            return None
        if ends := not self.request.max_tokens:
            self.state = State.ENDED
        return PromptScored(self.id, tuple(self.scored), self.summary() if ends else None)

    def summary(self) -> Summary:
        """What the row took, as of now."""
        now = time.perf_counter()
        return Summary(
            prompt_tokens=self.known,
            completion_tokens=self.generated,
            cached_tokens=self.cached_tokens,
            prompt_seconds=self.filled_at - self.started_at,
            first_token_seconds=(self.first_token_at or now) - self.added_at,
            generation_seconds=now - self.filled_at,
            peak_memory_gb=mx.get_peak_memory() / 1e9,
            steps=self.steps,
            drafted_tokens=self.drafted,
            accepted_tokens=self.accepted,
            reasoning_tokens=self.reasoning_tokens,
            queue_seconds=self.started_at - self.added_at,
        )
