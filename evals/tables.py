"""Tables in Markdown, and how numbers are written in them."""

from collections.abc import Sequence

from evals.intervals import Estimate


def markdown_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def share(value: Estimate) -> str:
    """A share of answers in %, with its interval."""
    return f"{percent(value.value)} ({percent(value.low)}–{percent(value.high)})"


def points(value: Estimate | None) -> str:
    """A difference in points with its interval, bold where that excludes zero."""
    if value is None:
        return ""
    text = f"{100 * value.value:+.1f} ({100 * value.low:+.1f} to {100 * value.high:+.1f})"
    return f"**{text}**" if value.excludes_zero else text


def percent(value: float) -> str:
    """A share in %."""
    return "–" if value != value else f"{100 * value:.1f}"
