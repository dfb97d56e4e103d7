"""Responses of `/v1/chat/completions`."""

from collections.abc import Iterable
from typing import Any

from mlx_entropix.engine import Alternative, TokenEvent
from mlx_entropix.server.replies import Choice, Reply


class ChatReply(Reply):
    """A chat's answers as `chat.completion` and `chat.completion.chunk` objects."""

    id_prefix = "chatcmpl-"
    object_name = "chat.completion"
    chunk_name = "chat.completion.chunk"

    def first_chunk(self, choice: Choice) -> dict[str, Any]:
        """Who speaks, and what the answer begins with."""
        return self._chunk(choice, {"role": "assistant", "content": choice.prefix})

    def prompt_chunk(self, _choice: Choice) -> None:
        """Nothing: a chat's prompt is not echoed."""

    def last_chunk(self, choice: Choice) -> dict[str, Any]:
        """Why an answer ended."""
        return self._chunk(choice, {}, finish_reason=choice.finish_reason)

    def _chunk(self, choice: Choice, delta: dict[str, str], **fields: Any) -> dict[str, Any]:
        return self._envelope(self.chunk_name, [_delta(choice.index, delta) | fields])

    def _delta(self, choice: Choice) -> dict[str, Any]:
        event = choice.tokens[-1]
        delta = _delta(choice.index, {"content": event.text})
        return delta | {"logprobs": self._logprobs([event])}

    def _choice(self, choice: Choice) -> dict[str, Any]:
        return {
            "index": choice.index,
            "message": {"role": "assistant", "content": choice.text, "refusal": None},
            "logprobs": self._logprobs(choice.tokens),
            "finish_reason": choice.finish_reason,
        }

    def _logprobs(self, events: Iterable[TokenEvent]) -> dict[str, Any] | None:
        if not self.with_logprobs:
            return None
        content = [
            self._logprob(event) | {"top_logprobs": list(map(self._logprob, event.alternatives))}
            for event in events
        ]
        return {"content": content, "refusal": None}

    def _logprob(self, token: TokenEvent | Alternative) -> dict[str, Any]:
        return {
            "token": token.token,
            "token_id": token.token_id,
            "logprob": token.logprob,
            "bytes": list(self.tokenizer.token_bytes(token.token_id)),
        }


def _delta(index: int, delta: dict[str, str]) -> dict[str, Any]:
    return {"index": index, "delta": delta, "logprobs": None, "finish_reason": None}
