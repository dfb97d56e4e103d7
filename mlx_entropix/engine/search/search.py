"""One request on several paths: what all policies share.

A `Search` is the engine's policy for the rows of one request. It keeps a record of every path, asks
its configuration after each round what to fork and what to drop, holds the budget, and says

- `Answered`, as soon as tokens belong to the answer whatever comes: those that all paths which may
  win have in common, and that no fork can come before any more,
- `Settled`, when all paths have ended: what each of them gave, the vote, and which one is chosen.

In a round every path that is written takes one token. Where drafts came true, a row is ahead of the
others; what it has got waits for its round, and is told then. So the same is forked and dropped
with drafts and without, however the rows move on.

docs/forks.md has the rules in words.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from mlx_entropix.engine.events import (
    Answered,
    Path,
    Request,
    RowDropped,
    RowFailed,
    RowForked,
    Settled,
    TokenEvent,
)
from mlx_entropix.engine.policy import Batch
from mlx_entropix.engine.row import Row
from mlx_entropix.engine.search.extract import Extract, Extractor, extractor
from mlx_entropix.engine.search.fork_config import BEST, DEFAULT_BUDGET, NEVER, ForkConfig
from mlx_entropix.engine.search.scores import (
    CONFIDENCE_TOKENS,
    SCORES,
    all_scores,
    confidence,
)
from mlx_entropix.engine.search.votes import Ballot, count, weights
from mlx_entropix.text import Piece

DROPPED, FAILED = "dropped", "failed"

# A fork is made when a token is read, while the one after it is under way. The copy's first token
# comes with the one after that.
_ROUNDS_TO_COPY = 2


def forked(
    request: Request, config: ForkConfig, extract: Extractor | None = None, *, before: str = ""
) -> Request:
    """The same request on several paths; an `extract` of one's own takes the place of the rule.

    `before` is the text of the request's prefix, in which an answer may begin. Every request needs
    one of its own: what becomes of its paths is kept in it. Raises `ConfigError` where the policy
    needs what the request's sampler does not have.
    """
    config.check(request.config)
    if not request.max_tokens:
        return request  # only its prompt is scored
    budget = config.budget or max(DEFAULT_BUDGET, request.max_tokens)
    return replace(
        request,
        max_tokens=min(request.max_tokens, budget),
        alternatives=max(request.alternatives, CONFIDENCE_TOKENS, config.paths + 1),
        certainty=True,
        policy=Search(config, extract, budget=budget, shown=request.alternatives, before=before),
    )


class Result(NamedTuple):
    """What a path gave: the answer in its text, and all its scores."""

    found: Extract | None
    scores: dict[str, float]


@dataclass(eq=False)
class Branch:
    """One path on its way. Its `tokens` are those of all its answer, its own from `begin` on.

    What the row has got beyond them is `coming`; the first of it counts in `first_round`.
    `confidences` are those of the tokens. `forked_at` is the last position at which it was forked,
    or where it began. The `result` is kept once it has ended.
    """

    row: Row
    parent: "Branch | None"
    begin: int
    tokens: list[TokenEvent] = field(default_factory=list)
    text: str = ""
    reasoning: str | None = None
    finish_reason: str | None = None
    coming: deque[TokenEvent | RowFailed] = field(default_factory=deque)
    first_round: int = 1
    confidences: list[float] = field(default_factory=list)
    forked_at: int = -1
    result: Result | None = None

    def __post_init__(self) -> None:
        if self.parent:
            self.confidences = self.parent.confidences[: len(self.tokens)]
            for token in self.tokens:
                self.tell(Piece(token.text, token.reasoning))
        self.forked_at = max(self.forked_at, self.begin if self.parent else -1)

    @property
    def number(self) -> int:
        """The branch number of its row."""
        return self.row.branch

    @property
    def may_win(self) -> bool:
        """Whether it is neither dropped nor failed."""
        return self.finish_reason not in (DROPPED, FAILED)

    @property
    def length(self) -> int:
        """The position after its last token."""
        return self.row.known + len(self.tokens)

    def next(self) -> TokenEvent | RowFailed:
        """What came of it in this round. An ended row keeps its place until all is taken."""
        event = self.coming.popleft()
        self.row.is_kept = bool(self.coming)
        return event

    def end(self, finish_reason: str) -> None:
        """Nothing more is taken of it."""
        self.finish_reason = finish_reason
        self.coming.clear()
        self.row.is_kept = False

    def add(self, token: TokenEvent) -> None:
        """Take its next token."""
        self.tokens.append(token)
        self.confidences.append(confidence(token))
        self.tell(Piece(token.text, token.reasoning))
        self.finish_reason = token.finish_reason

    def tell(self, piece: Piece) -> None:
        """Put its next piece behind what it has of thoughts and answer."""
        self.text, self.reasoning = Piece(self.text, self.reasoning).then(piece)


class Search:
    """The paths of one request, as its policy.

    All together may have `budget` tokens. `shown` alternatives of a token are reported. `before` is
    what answers begin with.
    """

    def __init__(
        self,
        config: ForkConfig,
        extract: Extractor | None = None,
        *,
        budget: int = DEFAULT_BUDGET,
        shown: int = 0,
        before: str = "",
    ):
        self.config = config
        self.budget = budget
        self.before = before
        self.branches: list[Branch] = []
        self.fresh: list[Branch] = []  # the paths that got a token in this round
        self.rounds = 0
        self.used = 0  # tokens of all paths, each counted once
        self.narrowed = 0
        self._extract = extract or extractor(config.extract)
        self.shown = shown
        self._of_row: dict[int, Branch] = {}
        self._batch: Batch | None = None
        self._answered = 0  # tokens that were said to be the answer's
        self._message = ""

    # ---- what policies ask ----

    @property
    def first(self) -> Branch:
        """The path that the request began with."""
        return self.branches[0]

    @property
    def live(self) -> list[Branch]:
        """The paths that are being written."""
        return [branch for branch in self.branches if branch.finish_reason is None]

    @property
    def start(self) -> int:
        """The position of the answer's first token."""
        return self.first.row.known

    def score(self, branch: Branch, tokens: Sequence[TokenEvent] | None = None) -> float:
        """What paths are compared by: of a path, or of some of its tokens."""
        if tokens is None and branch.finish_reason:
            return self.result(branch).scores[self.config.score]
        found = self._found(branch) if tokens is None else None
        tokens = branch.tokens if tokens is None else tokens
        inside = part(tokens, found, len(self.before))
        return SCORES[self.config.score](tokens, inside, self.config.window)

    def result(self, branch: Branch) -> Result:
        """What a path that has ended gave."""
        if branch.result is None:
            found = self._found(branch)
            inside = part(branch.tokens, found, len(self.before))
            branch.result = Result(found, all_scores(branch.tokens, inside, self.config.window))
        return branch.result

    def by_score(self, branches: Sequence[Branch]) -> list[Branch]:
        """Paths, the best first; of equals the one with the lowest branch."""
        return sorted(branches, key=lambda branch: (-self.score(branch), branch.number))

    # ---- what policies do ----

    def fork(self, branch: Branch, position: int, token_id: int | None = None) -> Branch | None:
        """Copy a path with another token at `position`, or one that it draws, if there is room."""
        assert self._batch is not None, "forks are made after a read"
        live, paths = len(self.live), self.config.paths
        # One that has just ended could be copied too, but a width of 1 is for one path over all.
        if live >= paths or paths == 1 or branch.finish_reason == FAILED:
            return None
        given = () if token_id is None else (token_id,)
        after = self.used + len(given) + live + 1  # with the next token of each
        made = None
        if after <= self.budget and 4 * after < 3 * self.budget:
            made = self._batch.fork(branch.row, position, given)
        if made is None:
            self.narrowed += 1
            return None
        row, event = made
        before = branch.tokens[: position - self.start]
        twin = Branch(row, branch, position, before)
        branch.forked_at = max(branch.forked_at, position)
        twin.first_round = self.rounds + _ROUNDS_TO_COPY
        self.branches.append(twin)
        self._of_row[row.id] = twin
        if token_id is not None:
            self.used += 1
            twin.add(_given(branch.tokens[position - self.start], token_id, event, row.last))
        return twin

    def drop(self, branch: Branch) -> None:
        """End a path, which cannot win any more. One that has ended loses its vote."""
        assert self._batch is not None, "paths are dropped after a read"
        if branch.finish_reason is None:
            self._stop(branch, self._batch)
        if branch.finish_reason != FAILED:
            branch.end(DROPPED)

    # ---- what the engine asks ----

    def after_read(self, read: Sequence[tuple[Row, TokenEvent | RowFailed]], batch: Batch) -> None:
        """Take what came, and go as many rounds as it is enough for."""
        self._batch = batch
        for row, event in read:
            if not self.branches:
                self.branches.append(Branch(row, None, row.known))
                self._of_row[row.id] = self.first
            branch = self._of_row[row.id]
            branch.coming.append(event)
            row.is_kept = True
        while due := self._due():
            self._round(due, batch)
        self._batch = None

    def _due(self) -> list[Branch]:
        """The paths of the next round; none until all of them have got their tokens."""
        if not (live := self.live):
            return []
        # Where all that were written have ended, it is the round of the copies.
        following = max(self.rounds + 1, min(branch.first_round for branch in live))
        # By branch, as a row's place in the batch depends on the other requests there.
        due = [branch for branch in live if branch.first_round <= following]
        if not all(branch.coming for branch in due):
            return []
        self.rounds = following
        return due

    def _round(self, due: Sequence[Branch], batch: Batch) -> None:
        """Record, let the policy decide, hold the budget, and say what is settled."""
        self.fresh = []
        for branch in due:
            event = branch.next()
            batch.say(event)
            if isinstance(event, RowFailed):
                self._message = event.message
                branch.end(FAILED)
            else:
                branch.add(event)
                self.used += 1
                self.fresh.append(branch)
        self.config.decide(self)
        self._keep_budget(batch)
        if self._is_decided():
            for branch in self.live:
                self.drop(branch)
        next_fork = self.config.next_fork(self)
        if self.live or next_fork < NEVER:
            self._say_answered(batch, next_fork)
        else:
            self._settle(batch)

    def _keep_budget(self, batch: Batch) -> None:
        """Let the best path go on alone, and end that one too, before the budget is exceeded."""
        live = self.live
        if not live:
            return
        keep = min(1 if 4 * self.used >= 3 * self.budget else len(live), self.budget - self.used)
        if keep >= len(live):
            return
        ranked = self.by_score(live)
        for branch in ranked[max(keep, 1) :]:
            self.drop(branch)
        if not keep:
            best = ranked[0]
            self._stop(best, batch)
            rest = batch.held_back(best.row, best.length)
            last = best.tokens[-1]
            whole = Piece(last.text, last.reasoning).then(rest)
            best.tokens[-1] = replace(
                last, text=whole.text, reasoning=whole.reasoning, finish_reason="length"
            )
            best.tell(rest)
            best.end("length")

    def _stop(self, branch: Branch, batch: Batch) -> None:
        """End the row of a path that is being written, though its end may have come already."""
        batch.drop(branch.row)
        if any(event.ends for event in branch.coming):
            batch.say(RowDropped(branch.row.id, branch.row.summary()))

    def _is_decided(self) -> bool:
        """Whether the paths that are still written cannot change the majority."""
        live = len(self.live)
        if not live or self.config.vote != "majority" or self.config.next_fork(self) < NEVER:
            return False
        ballots = self._ballots()
        votes = [vote.weight for vote in count(ballots, [1.0] * len(ballots))]
        return bool(votes) and votes[0] - sum(votes[1:2]) > live

    def _say_answered(self, batch: Batch, next_fork: int) -> None:
        """Say what all paths that may win have in common, but for a path's last token."""
        running = [branch.tokens for branch in self.branches if branch.may_win]
        if not running:
            return
        end = min(min(map(len, running)), max(0, next_fork - self.start))
        at = self._answered
        while at < end:
            token = running[0][at]
            if any(
                tokens[at].token_id != token.token_id or tokens[at].finish_reason
                for tokens in running
            ):
                break
            at += 1
        self._answer(batch, running[0][self._answered : at])

    def _answer(self, batch: Batch, tokens: Sequence[TokenEvent]) -> None:
        if not tokens:
            return
        self._answered += len(tokens)
        root = self.first.row.id
        shown = tuple(
            replace(token, row=root, alternatives=token.alternatives[: self.shown])
            for token in tokens
        )
        batch.say(Answered(root, shown))

    def _settle(self, batch: Batch) -> None:
        """The end: what each path gave, and which one is the answer."""
        rows = [branch.row for branch in self.branches]
        summary = replace(
            self.first.row.summary(),
            completion_tokens=self.used,
            steps=sum(row.steps for row in rows),
            drafted_tokens=sum(row.drafted for row in rows),
            accepted_tokens=sum(row.accepted for row in rows),
            reasoning_tokens=sum(
                token.reasoning is not None
                for branch in self.branches
                for token in branch.tokens[max(0, branch.begin - self.start) :]
            ),
        )
        ended = [branch for branch in self.branches if branch.may_win]
        ballots = self._ballots() if self.config.vote != BEST else []
        rule, power = self.config.vote, self.config.power
        weight = weights(rule, ballots, power) if ballots else []
        votes = count(ballots, weight)
        chosen = None
        if votes:
            chosen = next(b for b in ended if b.number == votes[0].branches[0])
        elif ended:
            chosen = self.by_score(ended)[0]
        if chosen is not None:
            last = replace(chosen.tokens[-1], finish_reason=chosen.finish_reason, summary=summary)
            self._answer(batch, [*chosen.tokens[self._answered : -1], last])
        of_branch = {ballot.branch: w for ballot, w in zip(ballots, weight, strict=True)}
        paths = [self._path(branch, of_branch.get(branch.number, 0.0)) for branch in self.branches]
        batch.say(
            Settled(
                self.first.row.id,
                self.config.policy,
                None if chosen is None else chosen.number,
                tuple(paths),
                tuple(votes),
                self.used,
                self.narrowed,
                summary,
                None if chosen is not None else self._message,
            )
        )

    def _ballots(self) -> list[Ballot]:
        """The paths that have ended with an answer."""
        return [
            Ballot(branch.number, found.text, self.score(branch))
            for branch in self.branches
            if branch.finish_reason and branch.may_win and (found := self.result(branch).found)
        ]

    def _found(self, branch: Branch) -> Extract | None:
        return self._extract(self.before + branch.text)

    def _path(self, branch: Branch, vote: float) -> Path:
        found, scores = self.result(branch)
        return Path(
            branch=branch.number,
            parent=None if branch.parent is None else branch.parent.number,
            position=branch.begin,
            token_ids=tuple(t.token_id for t in branch.tokens[branch.begin - self.start :]),
            text=self.before + branch.text,
            finish_reason=branch.finish_reason or DROPPED,
            answer=found and found.text,
            start=found.start if found else 0,
            end=found.end if found else 0,
            scores=scores if branch.tokens else {},
            vote=vote,
            reasoning_content=branch.reasoning,
        )


def _given(drawn: TokenEvent, token_id: int, event: RowForked, added: Piece) -> TokenEvent:
    """The token that a fork begins with; the metrics are those of the position, as of `drawn`."""
    other = next(a for a in drawn.alternatives if a.token_id == token_id)
    return replace(
        drawn,
        row=event.row,
        token_id=token_id,
        token=other.token,
        text=added.text,
        reasoning=added.reasoning,
        logprob=other.logprob,
        parameters=None,
        finish_reason=event.finish_reason,
        summary=event.summary,
        stopped_by=event.stopped_by,
    )


def part(
    tokens: Sequence[TokenEvent], found: Extract | None, before: int = 0
) -> Sequence[TokenEvent]:
    """The tokens that an answer consists of; all where none was found.

    It was found in their text behind `before` characters.
    """
    if found is None:
        return tokens
    at, inside = before, []
    for token in tokens:
        if at < found.end and at + len(token.text) > found.start:
            inside.append(token)
        at += len(token.text)
    return inside or tokens
