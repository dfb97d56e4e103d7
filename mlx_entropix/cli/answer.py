"""An answer on the screen, as it streams."""

import signal
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, contextmanager

from rich.segment import Segment, Segments

from mlx_entropix.cli.fork_tree import fork_tree
from mlx_entropix.cli.jobs import on_continue
from mlx_entropix.cli.live_paths import LivePaths, path_lines
from mlx_entropix.cli.screen import LateBar, visible
from mlx_entropix.cli.session import Session
from mlx_entropix.cli.style import legend, prompt_segments
from mlx_entropix.cli.tally import Tally
from mlx_entropix.cli.thoughts import AnswerSegments
from mlx_entropix.cli.wrap import Lines
from mlx_entropix.engine import Event, PromptScored, PromptToken, Request, Settled, TokenEvent
from mlx_entropix.errors import GenerationError, WeightsError
from mlx_entropix.prompts import Prompt


def answer_one(session: Session, prompt: Prompt) -> int:
    """Answer one prompt and return the exit code: 0, or 130 where Ctrl-C cut the answer."""
    screen = session.screen
    prompt_ids = session.prompt_ids(prompt)
    with stop_between_steps() as check:
        tally = stream_answer(session, 0, prompt.user, prompt_ids, shows_legend=True, check=check)
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

    Of an answer that forks these are the tokens that are settled. Its paths are shown below them
    while they are written, and as a tree at the end.

    `text` is what the user asked. Ctrl-C ends the answer; what had come stays. `check` is called
    between steps, and stops the answer where it raises `Stopped`. Raises
    `PromptError` where the prompt does not fit, `WeightsError` where the model computes no finite
    numbers from the start, `GenerationError` where it ceases to.
    """
    screen, request = session.screen, session.request(prompt_ids)
    tally = Tally.of(request)
    live = LivePaths(screen, tally.search)
    lines, shown = Lines.of(screen.answers), AnswerSegments(screen)
    try:
        events = _events(session, index, text, request, tally, live, shows_legend, check)
        with live, closing(events), on_continue(lines.begin_line):
            for event in events:
                tally.add(event)
                session.trace_token(index, event)
                if not screen.is_json:
                    live.write(lines.add(shown.add(event)))
                check()
        session.trace_result(index, tally)
    except Stopped:
        tally.is_interrupted = True
    except KeyboardInterrupt:
        tally.is_interrupted = True
        session.drop_engine()
    except GenerationError as error:
        if tally.events:
            _end_line(session, tally, lines, shown)
            raise
        raise WeightsError(str(error)) from None
    if not screen.is_json:
        _end_line(session, tally, lines, shown)
        note_end(session, tally, alone=True)
    return tally


def _events(
    session: Session,
    index: int,
    text: str,
    request: Request,
    tally: Tally,
    live: LivePaths,
    shows_legend: bool,
    check: Callable[[], None],
) -> Generator[TokenEvent]:
    """The tokens of the answer; until the first one comes, a bar shows how far the prompt is."""
    screen, total, begun = session.screen, len(request.prompt), False
    bar = LateBar(screen.notices, "Reading the prompt", total, shown=not screen.quiet)

    def on_prompt(done: int, _: int) -> None:
        bar.update(done, f"{done:,} of {total:,} tokens")
        check()

    def begin() -> None:
        nonlocal begun
        if not begun:
            begun = True
            bar.stop()
            session.trace_prompt(index, text, request.prompt)

    def on_path(event: Event) -> None:
        begin()
        session.trace_path(index, event, tally)
        if isinstance(event, Settled):
            tally.settled = event
        live.update()
        check()

    def on_scored(event: PromptScored) -> None:
        begin()
        tally.prompt_tokens = event.tokens
        session.trace_prompt_tokens(index, event.tokens)
        if not screen.is_json:
            write_tokens(session, event.tokens)

    events = session.stream(request, on_prompt, on_path, on_scored)
    if shows_legend:
        screen.note(legend(screen.notes, quadrants=session.shows_quadrants))
    with bar:
        for event in events:
            begin()
            yield event


def write_tokens(session: Session, tokens: Sequence[PromptToken]) -> None:
    """Write the tokens of a prompt in their colours; what follows goes on in their line."""
    answers, decoder = session.screen.answers, session.tokenizer.stream_decoder()
    lines = Lines.of(answers)
    for token in tokens:
        segments = prompt_segments(decoder.add(token.token_id), token, answers.color_system)
        answers.print(Segments(lines.add(segments)), end="")
    rest = [*lines.add([Segment(visible(decoder.finish()))]), *lines.end()]
    answers.print(Segments(rest), end="")


def note_end(session: Session, tally: Tally, *, alone: bool) -> None:
    """Write the closing line; then the tree of the paths, or those that Ctrl-C cut."""
    screen, width = session.screen, session.screen.notes.width
    colors = screen.notes.color_system
    screen.note(tally.closing_lines(width, alone=alone, color_system=colors))
    if tally.search is not None and tally.settled is not None:
        screen.note(fork_tree(tally.settled, tally.search.config, width))
    elif tally.search is not None:
        for line in path_lines(tally.search, width, len(tally.search.branches)):
            screen.note(line)


def _end_line(session: Session, tally: Tally, lines: Lines, shown: AnswerSegments) -> None:
    """Write what was held back, and put what follows on a line of its own."""
    session.screen.answers.print(Segments(lines.end()), end="")
    if tally.events and not shown.ends_line:
        session.screen.answers.print()
