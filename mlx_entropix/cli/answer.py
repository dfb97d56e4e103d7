"""Answers on the screen: one as it streams, those of a list as each is done."""

import signal
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field

from rich.segment import Segment, Segments
from rich.text import Text

from mlx_entropix.cli.screen import LateBar, print_error, visible
from mlx_entropix.cli.session import Session
from mlx_entropix.cli.style import legend, token_segments
from mlx_entropix.cli.tally import Tally
from mlx_entropix.cli.wrap import Lines
from mlx_entropix.engine import Engine, Event, RowFailed, TokenEvent
from mlx_entropix.errors import GenerationError, PromptError, WeightsError
from mlx_entropix.prompts import Prompt


def answer_one(session: Session, prompt: Prompt) -> int:
    """Answer one prompt and return the exit code: 0, or 130 where Ctrl-C cut the answer."""
    screen = session.screen
    tally = stream_answer(session, 0, prompt.user, session.prompt_ids(prompt), shows_legend=True)
    if screen.is_json:
        screen.print_json({**session.description(0, prompt), **tally.record()})
    return 130 if tally.is_interrupted else 0


class Stopped(KeyboardInterrupt):
    """Ctrl-C, raised between two steps of the engine, which can go on."""


@contextmanager
def stop_between_steps() -> Iterator[Callable[[], None]]:
    """Keep Ctrl-C out of the engine's steps.

    What it gives is to be called between steps, and raises `Stopped` where Ctrl-C was pressed. At
    the second time Ctrl-C does not wait. Where a shell has it ignored, it stays so.
    """
    pressed = False

    def note(*_: object) -> None:
        nonlocal pressed
        if pressed:
            raise KeyboardInterrupt
        pressed = True

    def check() -> None:
        if pressed:
            raise Stopped

    before = signal.getsignal(signal.SIGINT)
    if before is signal.default_int_handler:
        signal.signal(signal.SIGINT, note)
    try:
        yield check
    finally:
        signal.signal(signal.SIGINT, before)


def stream_answer(
    session: Session,
    index: int,
    text: str,
    prompt_ids: tuple[int, ...],
    *,
    shows_legend: bool = False,
    check: Callable[[], None] = lambda: None,
) -> Tally:
    """Write an answer to the screen and the trace, token by token, and its closing line.

    `text` is what the user asked. Ctrl-C ends the answer; what had come stays. `check` is called
    between steps, and stops the answer where it raises `Stopped`. Raises
    `PromptError` where the prompt does not fit, `WeightsError` where the model computes no finite
    numbers from the start, `GenerationError` where it ceases to.
    """
    screen, tally = session.screen, Tally()
    lines, colors = Lines.of(screen.answers), screen.answers.color_system
    try:
        with closing(_events(session, index, text, prompt_ids, shows_legend, check)) as events:
            for event in events:
                tally.add(event)
                session.trace_token(index, event)
                if not screen.is_json:
                    segments = lines.add(token_segments(event, colors))
                    screen.answers.print(Segments(segments), end="")
                check()
        session.trace_result(index, tally)
    except Stopped:
        tally.is_interrupted = True
    except KeyboardInterrupt:
        tally.is_interrupted = True
        session.drop_engine()
    except GenerationError as error:
        if tally.events:
            _end_line(session, tally, lines)
            raise
        raise WeightsError(str(error)) from None
    if not screen.is_json:
        _end_line(session, tally, lines)
        screen.note(tally.closing_lines(screen.notes.width, color_system=screen.notes.color_system))
    return tally


def _events(
    session: Session,
    index: int,
    text: str,
    prompt_ids: tuple[int, ...],
    shows_legend: bool,
    check: Callable[[], None],
) -> Generator[TokenEvent]:
    """The tokens of the answer; until the first one comes, a bar shows how far the prompt is."""
    screen, total, begun = session.screen, len(prompt_ids), False
    bar = LateBar(screen.notices, "Reading the prompt", total, shown=not screen.quiet)

    def on_prompt(done: int, _: int) -> None:
        bar.update(done, f"{done:,} of {total:,} tokens")
        check()

    events = session.stream(prompt_ids, on_prompt)
    if shows_legend:
        screen.note(legend(screen.notes, quadrants=session.shows_quadrants))
    with bar:
        for event in events:
            if not begun:
                begun = True
                bar.stop()
                session.trace_prompt(index, text, prompt_ids)
            yield event


def _end_line(session: Session, tally: Tally, lines: Lines) -> None:
    """Write what was held back, and put what follows on a line of its own."""
    session.screen.answers.print(Segments(lines.end()), end="")
    if tally.events and not tally.text.endswith("\n"):
        session.screen.answers.print()


@dataclass
class _Row:
    """One prompt of the list on its way."""

    index: int
    prompt: Prompt
    prompt_ids: tuple[int, ...]
    is_begun: bool = False
    tally: Tally = field(default_factory=Tally)


@dataclass
class _List:
    """The list: the rows on their way, how many are done, what went wrong."""

    session: Session
    prompts: list[Prompt]
    rows: dict[int, _Row] = field(default_factory=dict)
    done: int = 0
    tokens: int = 0
    failures: dict[int, str] = field(default_factory=dict)

    def add(self, engine: Engine, index: int) -> None:
        """Put a prompt in line; one that cannot be is a failure of its own."""
        prompt = self.prompts[index]
        try:
            ids = self.session.prompt_ids(prompt)
            row = engine.add(self.session.request(ids))
        except PromptError as error:
            self.failures[index] = str(error)
        else:
            self.rows[row] = _Row(index, prompt, ids)

    def take(self, event: Event) -> None:
        """Take in what came of a step."""
        row = self.rows[event.row]
        if not row.is_begun:
            row.is_begun = True
            self.session.trace_prompt(row.index, row.prompt.user, row.prompt_ids)
        if isinstance(event, RowFailed):
            self.failures[row.index] = event.message
            del self.rows[event.row]
        elif isinstance(event, TokenEvent):
            self.tokens += 1
            row.tally.add(event)
            self.session.trace_token(row.index, event)
            if event.finish_reason is not None:
                self.session.trace_result(row.index, row.tally)
                del self.rows[event.row]
                self.done += 1
                self.show(row)

    def show(self, row: _Row) -> None:
        """Write a finished answer, whole."""
        screen = self.session.screen
        if screen.is_json:
            record = {**self.session.description(row.index, row.prompt), **row.tally.record()}
            screen.print_json(record)
            return
        if not screen.quiet:
            title = f"{row.index + 1} of {len(self.prompts)} · {visible(row.prompt.name)}"
            screen.answers.print(Text(title, "bold"))
        # In one piece, as a progress bar is drawn again after each print.
        lines, colors = Lines.of(screen.answers), screen.answers.color_system
        segments = [
            segment
            for event in row.tally.events
            for segment in lines.add(token_segments(event, colors))
        ]
        segments += lines.end()
        if not row.tally.text.endswith("\n"):
            segments.append(Segment.line())
        screen.answers.print(Segments(segments))
        colors = screen.notes.color_system
        screen.note(row.tally.closing_lines(screen.notes.width, alone=False, color_system=colors))
        screen.answers.print()

    @property
    def state(self) -> str:
        """What stands beside the progress bar."""
        plural = "s" * (self.tokens != 1)
        return f"{self.done} of {len(self.prompts)} done, {self.tokens:,} token{plural}"


def answer_list(session: Session, prompts: list[Prompt], rows: int) -> int:
    """Answer every prompt, `rows` at a time, and return the exit code.

    An answer is shown when it is done. 0: all are done; 1: some failed, and stderr says which;
    130: Ctrl-C ended it, and what was done before stays.
    """
    screen, work = session.screen, _List(session, prompts)
    screen.note(legend(screen.notes, quadrants=session.shows_quadrants))
    screen.note("")
    try:
        engine = Engine(session.model, session.tokenizer, max_rows=rows)
        for index in range(len(prompts)):
            work.add(engine, index)
        with LateBar(screen.notes, "Answering", len(prompts), shown=not screen.quiet) as bar:
            while not engine.idle:
                for event in engine.step():
                    work.take(event)
                bar.update(work.done + len(work.failures), work.state)
    except KeyboardInterrupt:
        print_error(
            f"interrupted after {work.done} of {len(prompts)} prompts. The rest had no answer yet.",
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
