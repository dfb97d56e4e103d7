"""A chat's answers in the form of OpenAI's API."""

from collections.abc import Iterable, Sequence
from typing import Any

from mlx_entropix.engine import (
    Chance,
    TokenEvent,
)
from mlx_entropix.server.choice import Choice
from mlx_entropix.server.replies import Reply
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
    TokenLogprob,
)
from mlx_entropix.server.token_schemas import TopProb
from mlx_entropix.text import ToolCall


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
