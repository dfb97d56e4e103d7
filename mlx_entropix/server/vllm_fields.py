"""Fields of a request that vLLM's users send, and OpenAI's API does not have."""

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from mlx_entropix.server.api_errors import ApiError
from mlx_entropix.server.unsupported import Body

MOST_PROMPT_ALTERNATIVES = 20
MOST_STOP_TOKENS = 64
MOST_BAD_WORDS = 128

_TokenId = Annotated[int, Field(ge=0)]
_BadWord = Annotated[str, Field(min_length=1, max_length=256)]
_GUIDED = "The older name of `structured_outputs` with `{}`."


class VllmFields(Body):
    """What chats and text completions have in common of these."""

    stop_token_ids: Annotated[list[_TokenId], Field(max_length=MOST_STOP_TOKENS)] | None = Field(
        None, description="Tokens that end an answer, as the model's own end does; no text."
    )
    include_stop_str_in_output: bool | None = Field(
        False,
        description="Leave the stop string, or the token of stop_token_ids, that ended an answer "
        "at the end of its text.",
    )
    min_tokens: int | None = Field(
        0,
        ge=0,
        le=10_000_000,
        description="Nothing ends an answer before it has so many tokens: what would end it cannot "
        "be drawn, and stop strings are not looked for.",
    )
    ignore_eos: bool | None = Field(
        False,
        description="The model's own end of an answer cannot be drawn: it goes on to max_tokens, "
        "a stop string or one of stop_token_ids.",
    )
    allowed_token_ids: list[_TokenId] | None = Field(
        None, min_length=1, description="No other tokens can be drawn, not even the end."
    )
    bad_words: Annotated[list[_BadWord], Field(max_length=MOST_BAD_WORDS)] | None = Field(
        None,
        description="Words that an answer may not have. Of each, written as the tokenizer writes "
        "it with and without a space before it, the last token cannot be drawn behind the others.",
    )
    skip_special_tokens: bool | None = Field(
        True,
        description="False: control tokens in an answer read as their names, and not as nothing.",
    )
    truncate_prompt_tokens: int | None = Field(
        None,
        ge=-1,
        description="Take so many tokens of a prompt that has more; -1 for as many as leave room "
        "for max_tokens.",
    )
    truncation_side: Literal["left", "right"] | None = Field(
        "left", description="Where truncate_prompt_tokens takes tokens away."
    )
    prompt_logprobs: int | None = Field(
        None,
        ge=0,
        le=MOST_PROMPT_ALTERNATIVES,
        description="Report the log-probability of each token of the prompt, with so many of the "
        "likeliest at its place, as `prompt_logprobs` of the response, or of a text's choice.",
    )
    return_token_ids: bool | None = Field(
        False,
        description="Report the ids of the prompt's tokens and of each answer's, as "
        "`prompt_token_ids` and `token_ids`.",
    )
    return_tokens_as_token_ids: bool | None = Field(
        False, description="Name tokens in log-probabilities by their ids: `token_id:123`."
    )
    cache_salt: str | None = Field(
        None,
        min_length=1,
        max_length=1024,
        description="What is kept of prompts and answers for later requests is used for those with "
        "the same salt alone.",
    )
    request_id: str | None = Field(
        None, min_length=1, max_length=256, description="Ends the `id` of the response."
    )
    guided_json: dict[str, Any] | str | None = Field(None, description=_GUIDED.format("json"))
    guided_regex: str | None = Field(None, description=_GUIDED.format("regex"))
    guided_choice: list[str] | None = Field(None, description=_GUIDED.format("choice"))
    guided_grammar: str | None = Field(None, description=_GUIDED.format("grammar"))

    @model_validator(mode="after")
    def _takes_some_of_the_prompt(self) -> "VllmFields":
        if self.truncate_prompt_tokens == 0:
            raise ApiError(
                400,
                "truncate_prompt_tokens is 0, which leaves nothing of the prompt; it may be -1, or "
                "1 and more.",
                param="truncate_prompt_tokens",
            )
        return self


class VllmChatFields(Body):
    """Those of chats alone."""

    add_generation_prompt: bool | None = Field(
        None,
        description="Open the assistant's answer behind the messages. True does so behind an "
        "assistant's last message too, which would be gone on from; with false nothing is opened.",
    )
    echo: bool | None = Field(
        False,
        description="Where an answer goes on from the last message, begin it with that message.",
    )
    include_reasoning: bool | None = Field(
        True, description="False: what was thought before an answer is counted, and not told."
    )
    reasoning_effort: str | None = Field(
        None,
        description="How much is thought before an answer: `none` asks the model's chat template "
        "for no thoughts, by `enable_thinking`; others are for templates that have the variable "
        "`reasoning_effort`.",
    )
