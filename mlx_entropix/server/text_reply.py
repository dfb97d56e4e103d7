"""Continued texts in the form of OpenAI's API."""

from collections.abc import Iterable, Sequence
from typing import Any

from mlx_entropix.engine import (
    Draw,
    PromptToken,
    TokenEvent,
)
from mlx_entropix.server.choice import Choice
from mlx_entropix.server.replies import Reply
from mlx_entropix.server.schemas import (
    FinishReason,
    TextChoice,
    TextLogprobs,
)


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
