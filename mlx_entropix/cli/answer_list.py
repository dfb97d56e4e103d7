"""The answers to a list of prompts, as rows of one batch, each shown when it is done."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from rich.segment import Segment, Segments
from rich.text import Text

from mlx_entropix.cli.answer import note_end
from mlx_entropix.cli.resume import check_resumed
from mlx_entropix.cli.screen import LateBar, print_error, visible
from mlx_entropix.cli.session import Session
from mlx_entropix.cli.style import legend
from mlx_entropix.cli.tally import Tally
from mlx_entropix.cli.thoughts import AnswerSegments
from mlx_entropix.cli.wrap import Lines
from mlx_entropix.engine import (
    Answered,
    Engine,
    Event,
    RowFailed,
    RowForked,
    Settled,
    SpreadEngine,
    TokenEvent,
    engine_on,
)
from mlx_entropix.engine.draft import make_drafter
from mlx_entropix.engine.kv_budget import kv_budget
from mlx_entropix.errors import PromptError
from mlx_entropix.prompts import Prompt
from mlx_entropix.ranks.launch import DATA


@dataclass(eq=False)
class _Answer:
    """One prompt of the list on its way, on one path or on several."""

    index: int
    prompt: Prompt
    prompt_ids: tuple[int, ...]
    tally: Tally
    is_begun: bool = False


@dataclass
class _List:
    """The list: the answers on their way by their rows, how many are done, what went wrong.

    Of its prompts those are asked whose numbers are in `asked`.
    """

    session: Session
    prompts: list[Prompt]
    asked: list[int]
    rows: dict[int, _Answer] = field(default_factory=dict)
    begun: int = 0
    done: int = 0
    tokens: int = 0
    failures: dict[int, str] = field(default_factory=dict)
    begun_at: float = field(default_factory=time.perf_counter)

    @property
    def ended(self) -> int:
        """How many prompts have come to their end."""
        return self.done + len(self.failures)

    @property
    def progress(self) -> float:
        """The same, with the part that is written of the others: half of it at the usual length."""
        usual = (self.tokens / self.done if self.done else 0) or _USUAL_TOKENS
        on_their_way = {id(answer): answer for answer in self.rows.values()}.values()
        lengths = [len(answer.tally.events) for answer in on_their_way]
        return self.ended + sum(length / (length + usual) for length in lengths)

    def begin(self, engine: Engine | SpreadEngine) -> None:
        """Put the next prompt in line; one that cannot be is a failure of its own."""
        index, self.begun = self.asked[self.begun], self.begun + 1
        prompt = self.prompts[index]
        try:
            ids = self.session.prompt_ids(prompt)
            request = self.session.request(ids)
            row = engine.add(request)
        except PromptError as error:
            self.failures[index] = str(error)
        else:
            self.rows[row] = _Answer(index, prompt, ids, Tally.of(request))

    def take(self, event: Event) -> None:
        """Take in what came of a step."""
        if isinstance(event, RowForked):
            self.rows[event.row] = self.rows[event.parent]
            self.tokens += len(event.token_ids)
        answer = self.rows[event.row]
        if not answer.is_begun:
            answer.is_begun = True
            asked = answer.prompt
            self.session.trace_prompt(answer.index, asked.user, answer.prompt_ids, asked.name)
        self.tokens += isinstance(event, TokenEvent)
        if answer.tally.search is not None:
            self._take_path(answer, event)
        elif isinstance(event, RowFailed):
            self._fail(answer, event.message)
        elif isinstance(event, TokenEvent):
            self._add(answer, event)
            if event.ends:
                self._finish(answer)

    def _take_path(self, answer: _Answer, event: Event) -> None:
        """Take in what came of an answer that forks."""
        self.session.trace_path(answer.index, event, answer.tally)
        if isinstance(event, Answered):
            for token in event.tokens:
                self._add(answer, token)
        elif isinstance(event, Settled):
            answer.tally.settled = event
            if event.message is not None:
                self._fail(answer, event.message)
            else:
                self._finish(answer)

    def _add(self, answer: _Answer, token: TokenEvent) -> None:
        answer.tally.add(token)
        self.session.trace_token(answer.index, token)

    def _finish(self, answer: _Answer) -> None:
        self.session.trace_result(answer.index, answer.tally)
        self._leave(answer)
        self.done += 1
        self.show(answer)

    def _fail(self, answer: _Answer, message: str) -> None:
        self.failures[answer.index] = message
        self._leave(answer)

    def _leave(self, answer: _Answer) -> None:
        self.rows = {row: other for row, other in self.rows.items() if other is not answer}

    def show(self, answer: _Answer) -> None:
        """Write a finished answer, whole."""
        screen = self.session.screen
        if screen.is_json:
            described = self.session.description(answer.index, answer.prompt)
            screen.print_json({**described, **answer.tally.record()})
            return
        if not screen.quiet:
            title = f"{answer.index + 1} of {len(self.prompts)} · {visible(answer.prompt.name)}"
            screen.answers.print(Text(title, "bold"))
        # In one piece, as a progress bar is drawn again after each print.
        lines, shown = Lines.of(screen.answers), AnswerSegments(screen)
        segments = [
            segment for event in answer.tally.events for segment in lines.add(shown.add(event))
        ]
        segments += lines.end()
        if not shown.ends_line:
            segments.append(Segment.line())
        screen.answers.print(Segments(segments))
        note_end(self.session, answer.tally, alone=False)
        screen.answers.print()

    @property
    def state(self) -> str:
        """What stands beside the progress bar."""
        plural = "s" * (self.tokens != 1)
        tps = self.tokens / max(time.perf_counter() - self.begun_at, 1e-9)
        done = f"{self.done} of {len(self.asked)} done"
        return f"{done}, {self.tokens:,} token{plural}, {tps:.0f} tok/s"


# How long an answer may be, until some are done.
_USUAL_TOKENS = 100


def answer_list(
    session: Session,
    prompts: list[Prompt],
    rows: int,
    answered: Mapping[int, Mapping[str, Any]] = MappingProxyType({}),
) -> int:
    """Answer every prompt, `rows` at a time, and return the exit code.

    Those that are `answered`, by the lines of a trace, are left out; raises `UsageError` where
    these are other prompts or of another sampler. An answer is shown when it is done. 0: all are
    done; 1: some failed, and stderr says which; 130: Ctrl-C ended it, and what was done before
    stays.
    """
    check_resumed(session, prompts, answered)
    asked = [index for index in range(len(prompts)) if index not in answered]
    screen, work = session.screen, _List(session, prompts, asked)
    if answered:
        screen.notice(f"{len(answered)} of {len(prompts)} were answered before.")
    if not asked:
        return 0
    screen.note(legend(screen.notes, quadrants=session.shows_quadrants))
    screen.note("")
    paths = 1 if session.fork is None else session.fork.paths
    try:
        ranks, model, tokenizer = session.ranks, session.model, session.tokenizer
        engine: Engine | SpreadEngine
        if ranks is None or ranks.share != DATA:
            at_once = rows
            drafter = make_drafter(session.speculate, session.draft)
            models = [model] if session.draft is None else [model, session.draft.model]
            budget = kv_budget(models, max_rows=rows * paths, ranks=ranks)
            engine = engine_on(
                ranks,
                model,
                tokenizer,
                max_rows=rows * paths,
                max_kv_tokens=budget.tokens,
                drafter=drafter,
            )
        else:  # each rank has as many
            at_once = rows * ranks.size
            engine = SpreadEngine(ranks, model, tokenizer, max_rows=rows * paths)
        with LateBar(screen.notes, "Answering", len(prompts), shown=not screen.quiet) as bar:
            while work.ended < len(asked):
                # Prompts in line would take the room of others' forks: each waits here.
                while work.begun < min(work.ended + at_once, len(asked)):
                    work.begin(engine)
                for event in engine.step():
                    work.take(event)
                bar.update(work.progress, work.state)
    except KeyboardInterrupt:
        print_error(
            f"interrupted after {work.done} of {len(asked)} prompts. {_how_to_go_on(session)}",
            no_color=screen.no_color,
        )
        return 130
    for index, message in sorted(work.failures.items()):
        name = visible(prompts[index].name)
        print_error(
            f"prompt {index + 1} of {len(prompts)} ({name}) failed: {message}",
            no_color=screen.no_color,
        )
    return 1 if work.failures else 0


def _how_to_go_on(session: Session) -> str:
    if session.trace is None:
        return "The rest had no answer yet."
    return f"To go on, put --resume {session.trace.path} in place of --trace."
