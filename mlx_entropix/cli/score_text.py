"""A given text in its colours: what the model thought of each token, and the perplexity of all."""

import time
from collections import Counter

from mlx_entropix.cli.answer import stop_between_steps, write_tokens
from mlx_entropix.cli.screen import LateBar
from mlx_entropix.cli.session import Session
from mlx_entropix.cli.style import legend
from mlx_entropix.cli.tally import joined, shares
from mlx_entropix.engine import (
    Analysis,
    Request,
    analysed,
    engine_on,
    prompt_token_record,
)


def score(session: Session, text: str) -> int:
    """Write a text as the model saw it, and return the exit code 0.

    With --json one object with all tokens, in the trace a line for each and one for the whole.
    Raises `PromptError` where the text does not fit the context, `GenerationError` where the model
    computes no finite numbers.
    """
    screen = session.screen
    begun = time.perf_counter()
    ids = tuple(session.tokenizer.encode(text))
    bar = LateBar(screen.notices, "Reading the text", len(ids), shown=not screen.quiet)
    with stop_between_steps() as check, bar:

        def on_progress(done: int, _: int) -> None:
            bar.update(done, f"{done:,} of {len(ids):,} tokens")
            check()

        engine = engine_on(session.ranks, session.model, session.tokenizer, max_rows=1)
        request = Request(ids, session.config, 0, scores_prompt=True, attended=session.attended)
        found = analysed(engine, request, on_progress, text=text)
    session.trace_prompt(0, text, ids)
    session.trace_prompt_tokens(0, found.tokens)
    whole = found.whole()
    if session.trace is not None:
        session.trace.write("score", 0, whole)
    if screen.is_json:
        tokens = [prompt_token_record(at, token) for at, token in enumerate(found.tokens)]
        screen.print_json({"text": text, **session.origin(), **whole, "prompt_metrics": tokens})
        return 0
    screen.note(legend(screen.notes, quadrants=session.shows_quadrants))
    write_tokens(session, found.tokens)
    if not text.endswith("\n"):
        screen.answers.print()
    screen.note(_closing_lines(session, found, time.perf_counter() - begun))
    return 0


def _closing_lines(session: Session, found: Analysis, seconds: float) -> object:
    """Counts, speed, shares, and the perplexity with its interval."""
    notes, n = session.screen.notes, len(found.tokens)
    scored = [token for token in found.tokens if token.metrics is not None]
    parts: list = [f"{n:,} token{'s' * (n != 1)}", f"{n / max(seconds, 1e-9):.0f} tok/s"]
    counts = Counter(token.quadrant for token in scored if token.quadrant is not None)
    if counts:
        parts.append(shares(counts, notes.color_system))
    if scored:
        entropy = sum(t.metrics.logits_entropy for t in scored if t.metrics) / len(scored)
        likeliest = sum(token.rank == 1 for token in scored) / len(scored)
        parts += [f"entropy {entropy:.1f} bits", f"{100 * likeliest:.0f} % likeliest"]
    if whole := found.perplexity:
        said = f"perplexity {whole.value:.1f}"
        if whole.low is not None and whole.high is not None:
            said += f" (95 %: {whole.low:.1f} to {whole.high:.1f})"
        parts.append(said)
    return joined(parts, notes.width)
