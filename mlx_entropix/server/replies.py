"""What a request is answered with, in the form of each API: whole objects and chunks of streams."""

import hashlib
import time
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, ClassVar, cast

from mlx_entropix.engine import (
    Alternative,
    Chance,
    Draw,
    PromptProgress,
    PromptScored,
    PromptToken,
    Settled,
    Summary,
    TokenEvent,
    prompt_token_record,
    token_record,
)
from mlx_entropix.installed import versions
from mlx_entropix.server.fork_events import fork_events, settled_event
from mlx_entropix.server.open_answer import AnswerEvent, PathEvents
from mlx_entropix.server.schemas import (
    AnswerMessage,
    AnswerToolCall,
    ChatChoice,
    ChatChunkChoice,
    ChatLogprobs,
    Delta,
    FinishReason,
    FunctionCall,
    InTheDraw,
    TextChoice,
    TextLogprobs,
    TokenLogprob,
    Usage,
    UsageSoFar,
)
from mlx_entropix.server.token_ids import NOTHING_MORE, Told
from mlx_entropix.server.token_schemas import TopLogprob, TopProb
from mlx_entropix.text import CallSplitter, Said, Tokenizer, ToolCall
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


class ChatReply(Reply):
    """A chat's answers as `chat.completion` and `chat.completion.chunk` objects."""

    id_prefix = "chatcmpl-"
    object_name = "chat.completion"
    chunk_name = "chat.completion.chunk"

    def first_chunk(self, choice: Choice) -> dict[str, Any]:
        """Who speaks, and what the answer begins with."""
        delta = _added(choice, choice.prefix_reasoning if self.told.reasoning else None)
        chunk = self._chunk(choice, {"role": "assistant", "content": "", **delta})
        return chunk | ({"prompt_token_ids": choice.prompt_ids} if self.told.ids else {})

    def whole(self, choices: Sequence[Choice]) -> dict[str, Any]:
        """The response for answers that are all finished."""
        reply = super().whole(choices)
        if self.told.ids:
            reply["prompt_token_ids"] = choices[0].prompt_ids
        if self.told.of_prompt is not None:
            reply["prompt_logprobs"] = self._prompt_logprobs(choices[0])
        return reply

    def prompt_chunk(self, _choice: Choice) -> None:
        """Nothing: a chat's prompt is not echoed."""

    def last_chunk(self, choice: Choice) -> dict[str, Any]:
        """Why an answer ended."""
        last = _delta(choice.index, {}, None, choice.finish_reason)
        if choice.stopped_by is not None:
            last["stop_reason"] = choice.stopped_by
        return self._envelope(self.chunk_name, [last])

    def _nothing(self, choice: Choice) -> ChatChunkChoice:
        return _delta(choice.index, {}, None, None)

    def _chunk(self, choice: Choice, delta: Delta) -> dict[str, Any]:
        return self._envelope(self.chunk_name, [_delta(choice.index, delta, None, None)])

    def _delta(self, choice: Choice) -> ChatChunkChoice:
        event = choice.tokens[-1]
        delta = _added(choice, event.reasoning if self.told.reasoning else None)
        added = _delta(choice.index, delta, self._logprobs([event]), None)
        if self.told.ids:
            added["token_ids"] = [event.token_id]
        return added

    def _choice(self, choice: Choice) -> ChatChoice:
        assert choice.finish_reason, "a whole answer is finished"
        content, calls = "".join(choice.contents), choice.calls
        message: AnswerMessage = {
            "role": "assistant",
            "content": None if calls and not content else content,
            "refusal": None,
        }
        if calls:
            message["tool_calls"] = [_call(call) for call in calls]
        if self.told.reasoning and choice.reasoning is not None:
            message["reasoning_content"] = choice.reasoning
        whole: ChatChoice = {
            "index": choice.index,
            "message": message,
            "logprobs": self._logprobs(choice.tokens),
            "finish_reason": choice.finish_reason,
        }
        if choice.stopped_by is not None:
            whole["stop_reason"] = choice.stopped_by
        if self.told.ids:
            whole["token_ids"] = [event.token_id for event in choice.tokens]
        return whole

    def _in_the_draw(self, event: TokenEvent) -> InTheDraw:
        if event.draw is None:
            return {}
        chances = [self._prob(c) for c in event.draw.alternatives[: self.alternatives]]
        return {"prob": event.draw.probability, "top_probs": chances}

    def _prob(self, chance: Chance) -> TopProb:
        return {
            "token": self.told.name(chance.token_id, chance.token),
            "token_id": chance.token_id,
            "prob": chance.probability,
            "bytes": list(self.tokenizer.token_bytes(chance.token_id)),
        }

    def _logprobs(self, events: Iterable[TokenEvent]) -> ChatLogprobs | None:
        if not self.with_logprobs:
            return None
        content: list[TokenLogprob] = [
            {
                **self._logprob(event),
                "top_logprobs": self._top_logprobs(event),
                **self._in_the_draw(event),
            }
            for event in events
        ]
        return {"content": content, "refusal": None}


def _added(choice: Choice, reasoning: str | None) -> Delta:
    """What the last token, or else the prefix, adds; thoughts and calls say nothing beside them."""
    content, calls = choice.said
    delta: Delta = {} if reasoning is None else {"reasoning_content": reasoning}
    if calls:
        first = len(choice.calls) - len(calls)
        delta["tool_calls"] = [{"index": i, **_call(c)} for i, c in enumerate(calls, first)]
    return {**delta, "content": content} if content or not delta else delta


def _call(call: ToolCall) -> AnswerToolCall:
    function: FunctionCall = {"name": call.name, "arguments": call.arguments}
    return {"id": call.id, "type": "function", "function": function}


def _delta(
    index: int, delta: Delta, logprobs: ChatLogprobs | None, finish_reason: FinishReason | None
) -> ChatChunkChoice:
    return {"index": index, "delta": delta, "logprobs": logprobs, "finish_reason": finish_reason}


class TextReply(Reply):
    """Continued texts as `text_completion` objects, in a stream and whole alike."""

    id_prefix = "cmpl-"
    object_name = chunk_name = "text_completion"

    def whole(self, choices: Sequence[Choice]) -> dict[str, Any]:
        """The response for answers that are all finished."""
        reply = super().whole(choices)
        if self.told.of_prompt is not None:
            for i, its in enumerate(reply["choices"]):
                scored = choices[i - i % self.answers]  # one answer's row scores the prompt for all
                its["prompt_logprobs"] = self._prompt_logprobs(scored)
        return reply

    def first_chunk(self, choice: Choice) -> dict[str, Any] | None:
        """What the answer begins with: the echoed prompt, unless its scores are still to come."""
        first = choice.prefix or ("" if self.with_logprobs else choice.prompt or "")
        if not (first or self.told.ids):
            return None
        return self._chunk(choice, first, None, with_prompt=True)

    def prompt_chunk(self, choice: Choice) -> dict[str, Any] | None:
        """The echoed prompt with its scores."""
        if choice.prompt is None or not self.with_logprobs:
            return None
        return self._chunk(choice, choice.prompt, self._logprobs(choice, []))

    def last_chunk(self, choice: Choice) -> dict[str, Any]:
        """Why an answer ended."""
        last = self._chunk(choice, "", None, choice.finish_reason)
        if choice.stopped_by is not None:
            last["choices"][0]["stop_reason"] = choice.stopped_by
        return last

    def _nothing(self, choice: Choice) -> TextChoice:
        return _text_choice(choice.index, "", None, None)

    def _chunk(
        self,
        choice: Choice,
        text: str,
        logprobs: TextLogprobs | None,
        finish_reason: FinishReason | None = None,
        *,
        with_prompt: bool = False,
    ) -> dict[str, Any]:
        added = _text_choice(choice.index, text, logprobs, finish_reason)
        if self.told.ids:
            self._tell_ids(added, choice, (), with_prompt=with_prompt)
        return self._envelope(self.chunk_name, [added])

    def _tell_ids(
        self,
        told: TextChoice,
        choice: Choice,
        events: Iterable[TokenEvent],
        *,
        with_prompt: bool,
    ) -> None:
        """Put the ids of tokens into what is said of `choice`."""
        told["token_ids"] = [event.token_id for event in events]
        if with_prompt:
            told["prompt_token_ids"] = list(choice.prompt_ids)

    def _delta(self, choice: Choice) -> TextChoice:
        event = choice.tokens[-1]
        start = len(choice.prompt or "") + choice.length
        logprobs = self._columns([event], [start]) if self.with_logprobs else None
        added = _text_choice(choice.index, event.text, logprobs, None)
        if self.told.ids:
            self._tell_ids(added, choice, [event], with_prompt=False)
        return added

    def _choice(self, choice: Choice) -> TextChoice:
        logprobs = self._logprobs(choice, choice.tokens) if self.with_logprobs else None
        whole = _text_choice(choice.index, choice.text, logprobs, choice.finish_reason)
        if choice.stopped_by is not None:
            whole["stop_reason"] = choice.stopped_by
        if self.told.ids:
            self._tell_ids(whole, choice, choice.tokens, with_prompt=True)
        return whole

    def _logprobs(self, choice: Choice, events: Sequence[TokenEvent]) -> TextLogprobs:
        """Columns for the echoed prompt, if there is one, and for `events`."""
        echoed = choice.scored.tokens if choice.scored and choice.prompt is not None else ()
        offsets, at = [], 0
        decoder = self.tokenizer.stream_decoder()
        for token in echoed:
            offsets.append(at)
            at += len(decoder.add(token.token_id))
        at = len(choice.prompt or "") + len(choice.prefix)
        for event in events:
            offsets.append(at)
            at += len(event.text)
        return self._columns([*echoed, *events], offsets)

    def _columns(
        self, tokens: Sequence[TokenEvent | PromptToken], offsets: list[int]
    ) -> TextLogprobs:
        """Log-probabilities as the API's four lists, one item a token."""
        columns: TextLogprobs = {
            "tokens": [self.told.name(token.token_id, token.token) for token in tokens],
            "token_logprobs": [token.logprob for token in tokens],
            "top_logprobs": [self._by_name(token) for token in tokens],
            "text_offset": offsets,
        }
        if self.with_draws:
            draws = [token.draw if isinstance(token, TokenEvent) else None for token in tokens]
            columns["token_probs"] = [draw and draw.probability for draw in draws]
            columns["top_probs"] = [draw and self._chances_by_name(draw) for draw in draws]
        return columns

    def _chances_by_name(self, draw: Draw) -> dict[str, float]:
        """The likeliest tokens in a draw; of tokens that read alike, the likeliest counts."""
        chances = draw.alternatives[: self.alternatives]
        return {self.told.name(c.token_id, c.token): c.probability for c in reversed(chances)}

    def _by_name(self, token: TokenEvent | PromptToken) -> dict[str, float] | None:
        """The alternatives and the token itself; of those that read alike, the likeliest counts."""
        if token.logprob is None:
            return None
        others = reversed(token.alternatives[: self.alternatives])
        names = {self.told.name(o.token_id, o.token): o.logprob for o in others}
        name = self.told.name(token.token_id, token.token)
        names[name] = max(token.logprob, names.get(name, token.logprob))
        return names


def _text_choice(
    index: int, text: str, logprobs: TextLogprobs | None, finish_reason: FinishReason | None
) -> TextChoice:
    return {"index": index, "text": text, "logprobs": logprobs, "finish_reason": finish_reason}
