"""A text, or several, that a client sends to be continued."""

from typing import Any, cast

from pydantic import ConfigDict, Field, model_validator

from mlx_entropix.server.api_errors import ApiError
from mlx_entropix.server.requests import MOST_ALTERNATIVES, MOST_TOKENS, GenerationRequest, TokenId

DEFAULT_TEXT_TOKENS = 16  # as the OpenAI API has it


class CompletionRequest(GenerationRequest):
    """A text, or several, to be continued."""

    prompt: str | list[str] | list[TokenId] | list[list[TokenId]] = Field(
        description="A text, a list of token ids, or a list of either. It is used as it is."
    )
    special_tokens: bool | None = Field(
        False,
        description="Read names of control tokens in the text, such as `<|im_start|>`, as these "
        "tokens, for a text that a chat template has written. Do not set it for text of others.",
    )
    echo: bool | None = Field(False, description="Put the prompt before the answer.")
    logprobs: int | None = Field(
        None,
        ge=0,
        le=MOST_ALTERNATIVES,
        description="Report log-probabilities, with so many alternatives. With echo, those of the "
        "prompt too.",
    )

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"prompt": "The capital of France is", "max_tokens": 8, "logprobs": 1, "seed": 0},
                {"prompt": ["1, 2, 3,", "A, B, C,"], "max_tokens": 0, "echo": True, "logprobs": 0},
            ]
        }
    )

    @model_validator(mode="after")
    def _makes_something(self) -> "CompletionRequest":
        if self.max_tokens == 0 and not (self.echo or self.scores_prompt):
            raise ApiError(
                400,
                "max_tokens may be 0 only with echo, prompt_metrics or prompt_logprobs.",
                param="max_tokens",
            )
        return self

    @model_validator(mode="after")
    def _echoes_no_prefix(self) -> "CompletionRequest":
        if self.prefix_token_ids and self.echo:
            raise ApiError(
                400,
                "prefix_token_ids does not go with echo; put the tokens at the end of the prompt.",
                param="prefix_token_ids",
            )
        return self

    @property
    def limit(self) -> int:
        """The most tokens of one answer; 0 where the prompt is only to be scored."""
        most = DEFAULT_TEXT_TOKENS if self.max_tokens is None else self.max_tokens
        return MOST_TOKENS if most == -1 else most

    @property
    def alternatives(self) -> int | None:
        """How many alternatives each token is reported with; None for no log-probabilities."""
        return self.logprobs

    @property
    def echoes_scores(self) -> bool:
        """Whether every answer begins with the prompt's tokens and their log-probabilities."""
        return bool(self.echo) and (self.logprobs is not None or self.limit == 0)

    @property
    def prompts(self) -> list[str] | list[list[int]]:
        """The prompts, one or more."""
        prompts: Any = self.prompt
        if isinstance(prompts, str) or (prompts and isinstance(prompts[0], int)):
            prompts = [prompts]
        return cast("list[str] | list[list[int]]", prompts)
