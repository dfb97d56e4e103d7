"""One answer of a response, as far as it has come."""

from dataclasses import dataclass, field
from typing import cast

from mlx_entropix.engine import (
    PromptProgress,
    PromptScored,
    Settled,
    Summary,
    TokenEvent,
)
from mlx_entropix.server.open_answer import AnswerEvent, PathEvents
from mlx_entropix.server.schemas import (
    FinishReason,
)
from mlx_entropix.text import CallSplitter, Said, ToolCall
from mlx_entropix.window import MetricWindow


@dataclass
class Choice:
    """One answer as far as it has come. `prompt` is None unless it is to be echoed.

    `prefix` is the text that it begins with before anything is generated, `prefix_reasoning` what
    of that is thoughts, None for nothing. `window` is the size of the window that each token's
    metrics are reported with, 0 for none. `prompt_tokens` are those of the prompt and the prefix.
    Where there is a `splitter`, it takes the tool calls out of the answer; `said` is what the last
    token added to it.
    """

    index: int
    prompt: str | None = None
    prefix: str = ""
    prefix_reasoning: str | None = None
    window: int = 0
    prompt_tokens: int = 0
    prompt_ids: tuple[int, ...] = ()
    splitter: CallSplitter | None = None
    scored: PromptScored | None = None
    settled: Settled | None = None
    tokens: list[TokenEvent] = field(default_factory=list)
    length: int = field(init=False)  # characters of the answer before the last token

    def __post_init__(self) -> None:
        self.length = len(self.prefix)
        self.moving = MetricWindow(self.window) if self.window else None
        self.contents: list[str] = []
        self.calls: list[ToolCall] = []
        self._say(self.prefix, None)

    def take(self, event: AnswerEvent) -> None:
        """Add what the engine made."""
        if isinstance(event, PathEvents):
            self.settled = event.settled
            return
        if isinstance(event, PromptScored):
            self.scored = event
            return
        if isinstance(event, PromptProgress):
            return
        if self.tokens:
            self.length += len(self.tokens[-1].text)
        self.tokens.append(event)
        self._say(event.text, event.finish_reason)

    def _say(self, text: str, finish_reason: str | None) -> None:
        self.said = Said(text)
        if self.splitter is not None:
            self.said = self.splitter.add(text)
            if finish_reason:
                self.said = self.said.then(self.splitter.finish(finish_reason))
        self.contents.append(self.said.content)
        self.calls += self.said.calls

    @property
    def text(self) -> str:
        """The answer, after the prompt if that is echoed."""
        return (self.prompt or "") + self.prefix + "".join(event.text for event in self.tokens)

    @property
    def reasoning(self) -> str | None:
        """What was thought before the answer; None where nothing was marked as such."""
        parts = [self.prefix_reasoning, *(event.reasoning for event in self.tokens)]
        told = [part for part in parts if part is not None]
        return "".join(told) if told else None

    @property
    def finish_reason(self) -> FinishReason | None:
        """`stop`, `length`, `tool_calls`, or None for an answer that is not finished."""
        if self.tokens:
            reason = cast("FinishReason | None", self.tokens[-1].finish_reason)
            return "tool_calls" if reason == "stop" and self.calls else reason
        return "length" if self.summary else None

    @property
    def stopped_by(self) -> str | int | None:
        """The stop string, or the token of the request's, that ended the answer, if one did."""
        return self.tokens[-1].stopped_by if self.tokens else None

    @property
    def summary(self) -> Summary | None:
        """What the answer took, once it is finished."""
        last = self.tokens[-1] if self.tokens else self.scored
        return last.summary if last else None
