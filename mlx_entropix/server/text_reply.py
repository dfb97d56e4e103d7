"""Responses of `/v1/completions`."""

from collections.abc import Sequence
from typing import Any

from mlx_entropix.engine import PromptToken, TokenEvent
from mlx_entropix.server.replies import Choice, Reply


class TextReply(Reply):
    """Continued texts as `text_completion` objects, in a stream and whole alike."""

    id_prefix = "cmpl-"
    object_name = chunk_name = "text_completion"

    def first_chunk(self, choice: Choice) -> dict[str, Any] | None:
        """What the answer begins with: the echoed prompt, unless its scores are still to come."""
        if choice.prefix:
            return self._chunk(choice, choice.prefix, None)
        if choice.prompt is None or self.with_logprobs:
            return None
        return self._chunk(choice, choice.prompt, None)

    def prompt_chunk(self, choice: Choice) -> dict[str, Any] | None:
        """The echoed prompt with its scores."""
        if choice.prompt is None or not self.with_logprobs:
            return None
        return self._chunk(choice, choice.prompt, self._logprobs(choice, []))

    def last_chunk(self, choice: Choice) -> dict[str, Any]:
        """Why an answer ended."""
        return self._chunk(choice, "", None, choice.finish_reason)

    def _chunk(
        self, choice: Choice, text: str, logprobs: Any, finish_reason: str | None = None
    ) -> dict[str, Any]:
        return self._envelope(
            self.chunk_name, [_text_choice(choice.index, text, logprobs, finish_reason)]
        )

    def _delta(self, choice: Choice) -> dict[str, Any]:
        event = choice.tokens[-1]
        start = len(choice.prompt or "") + choice.length
        logprobs = _columns([event], [start]) if self.with_logprobs else None
        return _text_choice(choice.index, event.text, logprobs, None)

    def _choice(self, choice: Choice) -> dict[str, Any]:
        logprobs = self._logprobs(choice, choice.tokens) if self.with_logprobs else None
        return _text_choice(choice.index, choice.text, logprobs, choice.finish_reason)

    def _logprobs(self, choice: Choice, events: Sequence[TokenEvent]) -> dict[str, Any]:
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
        return _columns([*echoed, *events], offsets)


def _text_choice(index: int, text: str, logprobs: Any, finish_reason: str | None) -> dict[str, Any]:
    return {"index": index, "text": text, "logprobs": logprobs, "finish_reason": finish_reason}


def _columns(tokens: Sequence[TokenEvent | PromptToken], offsets: list[int]) -> dict[str, Any]:
    """Log-probabilities as the API's four lists, one item a token."""
    return {
        "tokens": [token.token for token in tokens],
        "token_logprobs": [token.logprob for token in tokens],
        "top_logprobs": [_by_name(token) for token in tokens],
        "text_offset": offsets,
    }


def _by_name(token: TokenEvent | PromptToken) -> dict[str, float] | None:
    """The alternatives and the token itself; of tokens that read alike, the likeliest counts."""
    if token.logprob is None:
        return None
    names = {other.token: other.logprob for other in reversed(token.alternatives)}
    names[token.token] = max(token.logprob, names.get(token.token, token.logprob))
    return names
