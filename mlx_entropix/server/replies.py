"""What both APIs' responses have in common; chat_reply.py and text_reply.py write the rest."""

import time
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from mlx_entropix.engine import PromptScored, Summary, TokenEvent, token_record
from mlx_entropix.text import Tokenizer
from mlx_entropix.window import MetricWindow


@dataclass
class Choice:
    """One answer as far as it has come. `prompt` is None unless it is to be echoed.

    `prefix` is the text that it begins with before anything is generated. `window` is the size of
    the window that each token's metrics are reported with, 0 for none.
    """

    index: int
    prompt: str | None = None
    prefix: str = ""
    window: int = 0
    scored: PromptScored | None = None
    tokens: list[TokenEvent] = field(default_factory=list)
    length: int = field(init=False)  # characters of the answer before the last token

    def __post_init__(self) -> None:
        self.length = len(self.prefix)
        self.moving = MetricWindow(self.window) if self.window else None

    def take(self, event: TokenEvent | PromptScored) -> None:
        """Add what the engine made."""
        if isinstance(event, PromptScored):
            self.scored = event
            return
        if self.tokens:
            self.length += len(self.tokens[-1].text)
        self.tokens.append(event)

    @property
    def text(self) -> str:
        """The answer, after the prompt if that is echoed."""
        return (self.prompt or "") + self.prefix + "".join(event.text for event in self.tokens)

    @property
    def finish_reason(self) -> str | None:
        """`stop`, `length`, or None for an answer that is not finished."""
        if self.tokens:
            return self.tokens[-1].finish_reason
        return "length" if self.summary else None

    @property
    def summary(self) -> Summary | None:
        """What the answer took, once it is finished."""
        last = self.tokens[-1] if self.tokens else self.scored
        return last.summary if last else None


@dataclass
class Reply:
    """One response: the fields that all its objects share, and how they are put together.

    `seed` is that of the first answer. `answers` are made for each prompt.
    """

    model: str
    tokenizer: Tokenizer
    seed: int
    answers: int
    with_logprobs: bool
    with_metrics: bool
    id: str = field(init=False)
    created: int = field(default_factory=lambda: int(time.time()))

    id_prefix: ClassVar[str]
    object_name: ClassVar[str]
    chunk_name: ClassVar[str]

    def __post_init__(self) -> None:
        self.id = self.id_prefix + uuid.uuid4().hex

    def whole(self, choices: Sequence[Choice]) -> dict[str, Any]:
        """The response for answers that are all finished."""
        reply = self._envelope(self.object_name, [self._choice(choice) for choice in choices])
        reply["usage"] = self._usage(choices)
        if self.with_metrics:
            several = len(choices) > 1
            reply["metrics"] = [m for c in choices for m in self._metrics(c, c.tokens, several)]
        return reply

    def first_chunk(self, choice: Choice) -> dict[str, Any] | None:
        """What a stream says of an answer before its first token, if anything."""
        raise NotImplementedError

    def prompt_chunk(self, choice: Choice) -> dict[str, Any] | None:
        """What a stream says of an answer when its prompt has been scored, if anything."""
        raise NotImplementedError

    def token_chunk(self, choice: Choice, *, several: bool) -> dict[str, Any]:
        """What the last token of `choice` adds; `several` where there are other choices."""
        chunk = self._envelope(self.chunk_name, [self._delta(choice)])
        if self.with_metrics:
            chunk["metrics"] = self._metrics(choice, choice.tokens[-1:], several)
        return chunk

    def last_chunk(self, choice: Choice) -> dict[str, Any]:
        """Why an answer ended."""
        raise NotImplementedError

    def usage_chunk(self, choices: Sequence[Choice]) -> dict[str, Any]:
        """The end of a stream whose client asked for usage."""
        return self._envelope(self.chunk_name, []) | {"usage": self._usage(choices)}

    def _choice(self, choice: Choice) -> dict[str, Any]:
        raise NotImplementedError

    def _delta(self, choice: Choice) -> dict[str, Any]:
        raise NotImplementedError

    def _envelope(self, name: str, choices: list[dict[str, Any]]) -> dict[str, Any]:
        return {
            "id": self.id,
            "object": name,
            "created": self.created,
            "model": self.model,
            "choices": choices,
            "seed": self.seed,
        }

    def _metrics(
        self, choice: Choice, events: Iterable[TokenEvent], several: bool
    ) -> list[dict[str, Any]]:
        """Records of the next tokens of `choice`: each token is asked for once, in their order."""
        extra = {"choice": choice.index} if several else {}
        return [token_record(event, choice.moving) | extra for event in events]

    def _usage(self, choices: Sequence[Choice]) -> dict[str, Any]:
        """Tokens of the whole response; a prompt counts once for all its answers."""
        summaries = [choice.summary for choice in choices if choice.summary]
        prompt = sum(summary.prompt_tokens for summary in summaries[:: self.answers])
        cached = sum(summary.cached_tokens for summary in summaries[:: self.answers])
        completion = sum(summary.completion_tokens for summary in summaries)
        return {
            "prompt_tokens": prompt,
            "completion_tokens": completion,
            "total_tokens": prompt + completion,
            "prompt_tokens_details": {"cached_tokens": cached},
        }
