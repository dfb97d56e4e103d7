"""What is counted while an answer comes, and the line that says it at the end."""

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from rich.style import Style
from rich.text import Text

from mlx_entropix.cli.style import glyph_style
from mlx_entropix.engine import (
    PromptToken,
    Request,
    Search,
    Settled,
    Summary,
    TokenEvent,
    prompt_token_record,
    result_record,
    settled_record,
    thoughts,
)
from mlx_entropix.sampling import Quadrant
from mlx_entropix.sampling.quadrants import FROM_SUREST

_SEPARATOR = " | "  # none of the quadrants' glyphs
_DIM = Style(dim=True)


@dataclass
class Tally:
    """The tokens of one answer, counted.

    `search` has the paths of one that forks, `settled` is what became of them.
    """

    search: Search | None = None
    settled: Settled | None = None
    started_at: float = field(default_factory=time.perf_counter)
    events: list[TokenEvent] = field(default_factory=list)
    first_at: float = 0.0
    last_at: float = 0.0
    is_interrupted: bool = False
    prompt_tokens: tuple[PromptToken, ...] = ()  # with their scores, where these were asked for

    @classmethod
    def of(cls, request: Request) -> "Tally":
        """That of an answer which is about to come."""
        return cls(request.policy if isinstance(request.policy, Search) else None)

    def add(self, event: TokenEvent) -> None:
        """Count one token."""
        self.last_at = time.perf_counter()
        self.first_at = self.first_at or self.last_at
        self.events.append(event)

    @property
    def tokens(self) -> int:
        """How many were written, on all paths."""
        return len(self.events) if self.search is None else self.search.used

    @property
    def text(self) -> str:
        """The answer so far."""
        return "".join(event.text for event in self.events)

    @property
    def reasoning(self) -> str | None:
        """What was thought before it; None where nothing is marked as such."""
        told = [event.reasoning for event in self.events if event.reasoning is not None]
        return "".join(told) if told else None

    @property
    def quadrants(self) -> Counter[Quadrant]:
        """How many tokens each quadrant gave; empty under the plain sampler."""
        return Counter(event.quadrant for event in self.events if event.quadrant is not None)

    @property
    def mean_entropy(self) -> float:
        """Mean entropy of the logits, in bits."""
        return sum(e.metrics.logits_entropy for e in self.events) / max(len(self.events), 1)

    @property
    def mean_varentropy(self) -> float:
        """Mean varentropy of the logits, in bits²."""
        return sum(e.metrics.logits_varentropy for e in self.events) / max(len(self.events), 1)

    def record(self) -> dict[str, Any]:
        """The answer as a JSON object; `finish_reason` is "interrupted" for one that was cut."""
        last = self.events[-1] if self.events else None
        if last is not None and last.summary is not None:
            result = result_record(self.text, last, self.reasoning)
        else:
            result = {"text": self.text, **thoughts(self.reasoning)}
            result["finish_reason"] = "interrupted"
            result["completion_tokens"] = self.tokens
        forks = self.settled and settled_record(self.settled)
        return {
            **result,
            "mean_logits_entropy": self.mean_entropy,
            "mean_logits_varentropy": self.mean_varentropy,
            "quadrants": {quadrant.name: n for quadrant, n in sorted(self.quadrants.items())},
            **({} if self.search is None else {"forks": forks}),
            **self._prompt_record(),
        }

    def _prompt_record(self) -> dict[str, Any]:
        if not self.prompt_tokens:
            return {}
        return {
            "prompt_metrics": [
                prompt_token_record(at, token) for at, token in enumerate(self.prompt_tokens)
            ]
        }

    def closing_lines(
        self, width: int, *, alone: bool = True, color_system: str | None = None
    ) -> Text:
        """Counts, speed, shares and uncertainty, in as many lines of `width` as it takes.

        The time to the first token means nothing for a row of a list, which waits its turn: it is
        left out where the answer was not computed `alone`.
        """
        counted = f"{self.tokens:,} token{'s' * (self.tokens != 1)}"
        if self.search is not None and (paths := len(self.search.branches)) > 1:
            counted += f" on {paths} paths"
        thought = sum(event.reasoning is not None for event in self.events)
        parts = [Text(counted)] + [Text(f"{thought:,} of thoughts")] * bool(thought)
        if self.events:
            if self.search is None or self.settled is not None:
                tps, first = self._speed()
                parts.append(Text(f"{tps:.1f} tok/s"))
                parts += [Text(f"first token {first:.1f} s")] * alone
                parts += [Text(drafts) for drafts in _drafts(self.events[-1].summary)]
            parts += [shares(self.quadrants, color_system)] * bool(self.quadrants)
            mean = (
                f"entropy {self.mean_entropy:.1f} bits, varentropy {self.mean_varentropy:.1f} bits²"
            )
            parts.append(Text(mean))
        if self.is_interrupted:
            parts.append(Text("interrupted"))
        elif self.events and self.events[-1].finish_reason == "length":
            parts.append(Text("cut at the token limit"))
        elif self.events and self.events[-1].finish_reason == "repetition":
            parts.append(Text("ended, as it repeats itself"))
        return joined(parts, width)

    def _speed(self) -> tuple[float, float]:
        """Tokens a second from the first one on, and seconds until the first one."""
        took = self.events[-1].summary
        if took is not None:
            return took.generation_tps, took.first_token_seconds
        seconds = max(self.last_at - self.first_at, 1e-9)
        return (len(self.events) - 1) / seconds, self.first_at - self.started_at


def _drafts(took: Summary | None) -> list[str]:
    """What guesses brought, if there were any."""
    if took is None or not took.drafted_tokens:
        return []
    pace = took.completion_tokens / max(took.steps, 1)
    right, of = took.accepted_tokens, took.drafted_tokens
    return [f"{pace:.1f} tokens a step ({right:,} of {of:,} guesses right)"]


def _percent(share: float) -> str:
    if share < 0.005:
        return "<1 %"
    return ">99 %" if 0.995 <= share < 1 else f"{100 * share:.0f} %"


def shares(counts: Counter[Quadrant], color_system: str | None) -> Text:
    """The share of each quadrant that some token is in."""
    total = counts.total()
    said = [
        Text(quadrant.glyph, glyph_style(quadrant, color_system)).append(
            f" {_percent(counts[quadrant] / total)}", _DIM
        )
        for quadrant in filter(counts.get, FROM_SUREST)
    ]
    return Text(", ").join(said)


def joined(parts: Sequence[Text | str], width: int) -> Text:
    """The parts with separators; a line is broken between two parts and not within one."""
    whole, column = Text(style=_DIM), 0
    for part in (Text(part) if isinstance(part, str) else part for part in parts):
        if column and column + len(_SEPARATOR) + len(part) > width:
            whole.append("\n")
            column = 0
        elif column:
            whole.append(_SEPARATOR)
            column += len(_SEPARATOR)
        whole.append_text(part)
        column += len(part)
    return whole
