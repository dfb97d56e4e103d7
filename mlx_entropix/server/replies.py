"""What a request is answered with, whole or in chunks: what the APIs have in common."""

import hashlib
import time
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, ClassVar

from mlx_entropix.engine import (
    Alternative,
    PromptProgress,
    PromptToken,
    TokenEvent,
    prompt_token_record,
    token_record,
)
from mlx_entropix.installed import versions
from mlx_entropix.server.choice import Choice
from mlx_entropix.server.fork_events import fork_events, settled_event
from mlx_entropix.server.open_answer import PathEvents
from mlx_entropix.server.schemas import (
    ChatChoice,
    ChatChunkChoice,
    TextChoice,
    Usage,
    UsageSoFar,
)
from mlx_entropix.server.token_ids import NOTHING_MORE, Told
from mlx_entropix.server.token_schemas import TopLogprob
from mlx_entropix.text import Tokenizer


@dataclass
class Reply:
    """One response: the fields that all its objects share, and how they are put together.

    `seed` is that of the first answer. `answers` are made for each prompt. `alternatives` is how
    many each token is reported with; None for no log-probabilities. With `with_prompt_metrics` the
    prompt's tokens are reported too, once for each prompt, `with_draws` the probabilities of draws
    beside those of the model.
    """

    model: str
    tokenizer: Tokenizer
    seed: int
    answers: int
    alternatives: int | None
    with_metrics: bool
    with_prompt_metrics: bool = False
    with_draws: bool = False
    told: Told = NOTHING_MORE
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
        if self.with_prompt_metrics:
            several = len(choices) > 1
            reply["prompt_metrics"] = [m for c in choices for m in self._prompt_metrics(c, several)]
        if settled := [settled_event(c.index, c.settled) for c in choices if c.settled]:
            reply["forks"] = settled
        return reply

    def first_chunk(self, choice: Choice) -> dict[str, Any] | None:
        """What a stream says of an answer before its first token, if anything."""
        raise NotImplementedError

    def prompt_chunk(self, choice: Choice) -> dict[str, Any] | None:
        """What a stream says of an answer when its prompt has been scored, if anything."""
        raise NotImplementedError

    def scored_chunk(self, choice: Choice, *, several: bool) -> dict[str, Any] | None:
        """The same with the metrics of the prompt's tokens, if these are asked for."""
        chunk = self.prompt_chunk(choice)
        if records := self._prompt_metrics(choice, several):
            chunk = chunk or self._envelope(self.chunk_name, [self._nothing(choice)])
            chunk["prompt_metrics"] = records
        return chunk

    def progress_chunk(self, choice: Choice, event: PromptProgress) -> dict[str, Any]:
        """How much of the prompt of `choice` is computed, which adds nothing to the answer."""
        done, total = prompt_tokens(event)
        chunk = self._envelope(self.chunk_name, [self._nothing(choice)])
        return chunk | {
            "prompt_progress": {
                "total": total,
                "cache": event.cached,
                "processed": done,
                "time_ms": round(1000 * event.seconds),
            }
        }

    def paths_chunk(self, choice: Choice, paths: PathEvents) -> dict[str, Any]:
        """What became of the paths of `choice` in a step, which adds nothing to the answer."""
        chunk = self._envelope(self.chunk_name, [self._nothing(choice)])
        top = self._top_logprobs if self.with_logprobs else None
        return chunk | {"forks": fork_events(choice.index, paths, top)}

    def token_chunk(self, choice: Choice, *, several: bool) -> dict[str, Any]:
        """What the last token of `choice` adds; `several` where there are other choices."""
        chunk = self._envelope(self.chunk_name, [self._delta(choice)])
        if self.with_metrics:
            chunk["metrics"] = self._metrics(choice, choice.tokens[-1:], several)
            chunk["cur_pos"] = choice.tokens[-1].position
        return chunk

    def last_chunk(self, choice: Choice) -> dict[str, Any]:
        """Why an answer ended."""
        raise NotImplementedError

    def usage_chunk(self, choices: Sequence[Choice]) -> dict[str, Any]:
        """The end of a stream whose client asked for usage."""
        return self._envelope(self.chunk_name, []) | {"usage": self._usage(choices)}

    def usage_so_far(self, choices: Sequence[Choice]) -> UsageSoFar:
        """Tokens of the response up to now; a prompt counts once for all its answers."""
        prompt = sum(choice.prompt_tokens for choice in choices[:: self.answers])
        completion = sum(len(choice.tokens) for choice in choices)
        return {
            "prompt_tokens": prompt,
            "completion_tokens": completion,
            "total_tokens": prompt + completion,
        }

    @property
    def with_logprobs(self) -> bool:
        """Whether log-probabilities are reported."""
        return self.alternatives is not None

    def _choice(self, choice: Choice) -> ChatChoice | TextChoice:
        raise NotImplementedError

    def _nothing(self, choice: Choice) -> ChatChunkChoice | TextChoice:
        """A choice of a chunk that adds nothing to the answer."""
        raise NotImplementedError

    def _delta(self, choice: Choice) -> ChatChunkChoice | TextChoice:
        raise NotImplementedError

    def _envelope(
        self, name: str, choices: Sequence[ChatChoice | ChatChunkChoice | TextChoice]
    ) -> dict[str, Any]:
        return {
            "id": self.id,
            "object": name,
            "created": self.created,
            "model": self.model,
            "system_fingerprint": _fingerprint(self.model),
            "choices": choices,
            "seed": self.seed,
        }

    def _metrics(
        self, choice: Choice, events: Iterable[TokenEvent], several: bool
    ) -> list[dict[str, Any]]:
        """Records of the next tokens of `choice`: each token is asked for once, in their order."""
        extra = {"choice": choice.index} if several else {}
        return [token_record(event, choice.moving) | extra for event in events]

    def _prompt_metrics(self, choice: Choice, several: bool) -> list[dict[str, Any]]:
        """Records of the prompt's tokens, with the first of its answers."""
        asked = self.with_prompt_metrics and choice.index % self.answers == 0
        tokens = choice.scored.tokens if asked and choice.scored else ()
        extra = {"choice": choice.index} if several else {}
        decoder = self.tokenizer.stream_decoder()
        records = []
        for at, token in enumerate(tokens):
            record = prompt_token_record(at, token) | {"text": decoder.add(token.token_id)} | extra
            if self.with_logprobs:
                record["top_logprobs"] = self._top_logprobs(token)
            records.append(record)
        return records

    def _top_logprobs(self, event: TokenEvent | PromptToken) -> list[TopLogprob]:
        return [self._logprob(other) for other in event.alternatives[: self.alternatives]]

    def _logprob(self, token: TokenEvent | Alternative) -> TopLogprob:
        return {
            "token": self.told.name(token.token_id, token.token),
            "token_id": token.token_id,
            "logprob": token.logprob,
            "bytes": list(self.tokenizer.token_bytes(token.token_id)),
        }

    def _prompt_logprobs(self, choice: Choice) -> list[dict[str, Any] | None]:
        """What the model thought of the prompt's tokens, as vLLM has it."""
        tokens = choice.scored.tokens if choice.scored else ()
        return self.told.prompt_logprobs(tokens, self.tokenizer.token_text)

    def _usage(self, choices: Sequence[Choice]) -> Usage:
        """Tokens of the whole response; a prompt counts once for all its answers."""
        summaries = [choice.summary for choice in choices if choice.summary]
        prompt = sum(summary.prompt_tokens for summary in summaries[:: self.answers])
        cached = sum(summary.cached_tokens for summary in summaries[:: self.answers])
        completion = sum(summary.completion_tokens for summary in summaries)
        drafted = sum(summary.drafted_tokens for summary in summaries)
        accepted = sum(summary.accepted_tokens for summary in summaries)
        return {
            "prompt_tokens": prompt,
            "completion_tokens": completion,
            "total_tokens": prompt + completion,
            "prompt_tokens_details": {"cached_tokens": cached},
            "completion_tokens_details": {
                "reasoning_tokens": sum(summary.reasoning_tokens for summary in summaries),
                "accepted_prediction_tokens": accepted,
                "rejected_prediction_tokens": drafted - accepted,
            },
            "steps": sum(summary.steps for summary in summaries),
        }


def prompt_tokens(event: PromptProgress) -> tuple[int, int]:
    """How many of how many tokens of a prompt are computed; the last comes with the answer's."""
    return event.done + (event.done == event.total), event.total + 1


@cache
def _fingerprint(model: str) -> str:
    """A name of what computes the answers: equal seeds give equal answers where it is the same."""
    parts = (model, *versions().values())
    return "fp_" + hashlib.sha256(" ".join(parts).encode()).hexdigest()[:12]
