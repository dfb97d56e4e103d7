"""One answer, streamed to the terminal as it comes."""

from collections.abc import Iterator

from rich.segment import Segments

from mlx_entropix.cli.progress import LateBar
from mlx_entropix.cli.session import Session
from mlx_entropix.cli.style import legend, token_segments
from mlx_entropix.cli.tally import Tally
from mlx_entropix.cli.wrap import Lines
from mlx_entropix.engine import TokenEvent
from mlx_entropix.errors import GenerationError, WeightsError
from mlx_entropix.prompts import Prompt


def answer_one(session: Session, prompt: Prompt) -> int:
    """Answer one prompt and return the exit code: 0, or 130 where Ctrl-C cut the answer."""
    screen = session.screen
    tally = stream_answer(session, 0, prompt.user, session.prompt_ids(prompt), shows_legend=True)
    if screen.is_json:
        screen.print_json({**session.description(0, prompt), **tally.record()})
    return 130 if tally.is_interrupted else 0


def stream_answer(
    session: Session,
    index: int,
    text: str,
    prompt_ids: tuple[int, ...],
    *,
    shows_legend: bool = False,
) -> Tally:
    """Write an answer to the screen and the trace, token by token, and its closing line.

    `text` is what the user asked. Ctrl-C ends the answer; what had come stays. Raises
    `PromptError` where the prompt does not fit, `WeightsError` where the model computes no finite
    numbers from the start, `GenerationError` where it ceases to.
    """
    screen, tally = session.screen, Tally()
    lines, colors = Lines.of(screen.answers), screen.answers.color_system
    try:
        for event in _events(session, index, text, prompt_ids, shows_legend):
            tally.add(event)
            session.trace_token(index, event)
            if not screen.is_json:
                segments = lines.add(token_segments(event, colors))
                screen.answers.print(Segments(segments), end="")
        session.trace_result(index, tally)
    except KeyboardInterrupt:
        tally.is_interrupted = True
        session.interrupt()
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
    session: Session, index: int, text: str, prompt_ids: tuple[int, ...], shows_legend: bool
) -> Iterator[TokenEvent]:
    """The tokens of the answer; until the first one comes, a bar shows how far the prompt is."""
    screen, total, begun = session.screen, len(prompt_ids), False
    bar = LateBar(screen.notices, "Reading the prompt", total, shown=not screen.quiet)

    def on_prompt(done: int, _: int) -> None:
        bar.update(done, f"{done:,} of {total:,} tokens")

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
