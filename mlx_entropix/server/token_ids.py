"""How a response tells of tokens by their ids, where a client asks for it as vLLM has it."""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from mlx_entropix.engine import PromptToken
from mlx_entropix.server.requests import GenerationRequest


class Told(NamedTuple):
    """What a response tells beside what all have.

    `ids` of the prompt's tokens and of the answers'; `as_ids`: tokens of log-probabilities are
    named by their ids; `of_prompt`: what the model thought of the prompt's tokens, each with so
    many alternatives; `reasoning`: the thoughts before an answer.
    """

    ids: bool = False
    as_ids: bool = False
    of_prompt: int | None = None
    reasoning: bool = True

    def name(self, token_id: int, text: str) -> str:
        """What a token is called in log-probabilities."""
        return f"token_id:{token_id}" if self.as_ids else text

    def prompt_logprobs(
        self, tokens: Iterable[PromptToken], name: Callable[[int], str]
    ) -> list[dict[str, Any] | None]:
        """Of each token and the likeliest at its place, by their ids; None for the first."""
        return [self._at(token, name) for token in tokens]

    def _at(self, token: PromptToken, name: Callable[[int], str]) -> dict[str, Any] | None:
        if token.logprob is None:
            return None
        found = {token.token_id: (token.logprob, token.rank)}
        for rank, other in enumerate(token.alternatives[: self.of_prompt], start=1):
            found.setdefault(other.token_id, (other.logprob, rank))
        return {
            str(token_id): {"logprob": logprob, "rank": rank, "decoded_token": name(token_id)}
            for token_id, (logprob, rank) in found.items()
        }


NOTHING_MORE = Told()


def told_of(request: GenerationRequest) -> Told:
    """What the response to a request tells."""
    return Told(
        bool(request.return_token_ids),
        bool(request.return_tokens_as_token_ids),
        request.prompt_logprobs,
        request.tells_reasoning,
    )
