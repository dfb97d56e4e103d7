"""What the host knows of one row: its request, how far it is, its text so far."""

import time
from dataclasses import dataclass, field

import mlx.core as mx

from mlx_entropix.engine.events import PromptToken, Request, Summary
from mlx_entropix.engine.stop import StopStrings
from mlx_entropix.text import StreamDecoder, Tokenizer


@dataclass(eq=False)
class Row:
    """A row from the moment it is added to its last token."""

    id: int
    request: Request
    decoder: StreamDecoder
    stops: StopStrings
    tokens: list[int]  # the prompt and what was generated, as far as it was read
    scored: list[PromptToken] = field(default_factory=list)
    queued: int = 0  # tokens asked of the device, at most one ahead
    finished: bool = False
    is_kept: bool = False  # its sequence was offered to the prefix cache
    cached_tokens: int = 0
    added_at: float = field(default_factory=time.perf_counter)
    started_at: float = 0.0
    prompt_done_at: float = 0.0
    first_token_at: float = 0.0

    @classmethod
    def of(cls, row_id: int, request: Request, tokenizer: Tokenizer) -> "Row":
        """A new row."""
        decoder, stops = tokenizer.stream_decoder(), StopStrings(request.stop)
        return cls(row_id, request, decoder, stops, list(request.prompt))

    @property
    def generated(self) -> int:
        """Tokens read from the device."""
        return len(self.tokens) - len(self.request.prompt)

    @property
    def next_position(self) -> int:
        """Where, in the whole sequence, the next token to queue will stand."""
        return len(self.request.prompt) + self.queued

    @property
    def wants_more(self) -> bool:
        """Whether another token may be queued, as far as the host knows."""
        return not self.finished and self.queued < self.request.max_tokens

    @property
    def most_tokens(self) -> int:
        """How many tokens the row may come to hold."""
        return len(self.request.prompt) + self.request.max_tokens

    def take(self, token_id: int, is_end: bool) -> tuple[str, str | None]:
        """Add the row's next token. Returns the new text and the finish reason, if it ends."""
        self.tokens.append(token_id)
        if is_end:
            # The end-of-sequence token has no text; what was incomplete before it is let go.
            text, stopped = self.stops.add(self.decoder.finish())
            reason: str | None = "stop"
        else:
            text, stopped = self.stops.add(self.decoder.add(token_id))
            reason = "stop" if stopped else None
            if reason is None and self.generated == self.request.max_tokens:
                rest, stopped = self.stops.add(self.decoder.finish())
                text, reason = text + rest, "stop" if stopped else "length"
        if reason is not None:
            self.finished = True
            text += "" if stopped else self.stops.finish()
        return text, reason

    def summary(self) -> Summary:
        """What the row took, as of now."""
        now = time.perf_counter()
        return Summary(
            prompt_tokens=len(self.request.prompt),
            completion_tokens=self.generated,
            cached_tokens=self.cached_tokens,
            prompt_seconds=self.prompt_done_at - self.started_at,
            first_token_seconds=(self.first_token_at or now) - self.added_at,
            generation_seconds=now - self.prompt_done_at,
            peak_memory_gb=mx.get_peak_memory() / 1e9,
        )
