"""What a client may send and gets where it asks what the model is given, and what is served.

The names are llama-server's, and vLLM's where it has others.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator
from typing_extensions import TypedDict

from mlx_entropix.server.api_errors import ApiError
from mlx_entropix.server.chat_request import ChatRequest
from mlx_entropix.server.unsupported import Body

_PIECES = "Give each token as an object with its `id` and its `piece`."
_STRINGS = "Give a list `token_strs` of how each token reads, too."
_MODEL = "The name of the served model, as /v1/models lists it."


class _OfModel(Body):
    """What names the model."""

    model: str | None = Field(None, description=_MODEL)


class TokenizeText(_OfModel):
    """A text to be made tokens of."""

    content: str | None = Field(None, description="The text.")
    prompt: str | None = Field(None, description="The text, as vLLM calls it.")
    add_special: bool | None = Field(
        None,
        description="Put the tokens first that the tokenizer puts first, such as BOS, as "
        "/v1/completions does. Without it that is done for a `prompt`, and not for a `content`.",
    )
    add_special_tokens: bool | None = Field(None, description="The same, as vLLM calls it.")
    parse_special: bool | None = Field(
        True,
        description="Read names of control tokens in the text, such as `<|im_start|>`, as these "
        "tokens. With false they are text, as in /v1/completions without its `special_tokens`.",
    )
    with_pieces: bool | None = Field(False, description=_PIECES)
    return_token_strs: bool | None = Field(False, description=_STRINGS)

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"content": "Hello, world", "with_pieces": True}]}
    )

    @model_validator(mode="after")
    def _has_one_text(self) -> "TokenizeText":
        if (self.content is None) == (self.prompt is None):
            raise ApiError(
                400,
                "Give one of content and prompt, which are texts, or the messages of a chat.",
                param="content",
            )
        return self

    @property
    def text(self) -> str:
        """The text."""
        return self.content if self.content is not None else self.prompt or ""

    @property
    def adds_special(self) -> bool:
        """Whether BOS comes first."""
        said = (self.add_special, self.add_special_tokens)
        return next((one for one in said if one is not None), self.prompt is not None)


class TemplateRequest(ChatRequest):
    """A chat to be written through the chat template.

    It may be the whole body of a request to /v1/chat/completions: what says how to answer counts
    for nothing here.
    """

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"messages": [{"role": "user", "content": "Hello"}]}]}
    )


class TokenizeChat(TemplateRequest):
    """A chat to be made tokens of, as /v1/chat/completions does. It may be the whole body of one.

    The template writes BOS where there is one.
    """

    add_special_tokens: Literal[False] | None = Field(
        None, description="Only false: the template adds them."
    )
    with_pieces: bool | None = Field(False, description=_PIECES)
    return_token_strs: bool | None = Field(False, description=_STRINGS)


class TokenPiece(TypedDict):
    """A token, and what it writes."""

    id: Annotated[int, Field(description="The token's number in the vocabulary.")]
    piece: Annotated[
        str | list[int],
        Field(
            description="The text that it writes, or the name of a control token; a list of bytes "
            "where these are only a part of a character."
        ),
    ]


class Tokenized(BaseModel):
    """The tokens of a text or of a chat."""

    tokens: list[int] | list[TokenPiece] = Field(
        description="Their ids, or with `with_pieces` an object for each."
    )
    count: int = Field(description="How many they are.")
    max_model_len: int = Field(description="How many prompt and answer may have together.")
    token_strs: list[str] | None = Field(
        None, description="How each reads; only with `return_token_strs`."
    )


class DetokenizeRequest(_OfModel):
    """Tokens to be written as text."""

    tokens: list[Annotated[int, Field(ge=0)]] = Field(description="Their ids.")

    model_config = ConfigDict(json_schema_extra={"examples": [{"tokens": [504, 3575]}]})


class Detokenized(BaseModel):
    """The text of tokens."""

    content: str = Field(
        description="The text, with the names of control tokens; bytes that are no character read "
        "as U+FFFD."
    )
    prompt: str = Field(description="The same, as vLLM calls it.")


class Templated(BaseModel):
    """A chat as the chat template writes it."""

    prompt: str = Field(description="The whole text that the model is given.")


class Props(BaseModel):
    """What is served, with how many parameters, and how it answers."""

    model_alias: str = Field(description="The model's name in answers.")
    architecture: str = Field(description="The architecture, by the name that the weights give it.")
    parameters: int = Field(description="How many numbers the model has learnt.")
    quantization: str | None = Field(
        description="How the weights are packed on the disk; null where they are not."
    )
    kv_bits: int | None = Field(
        description="In how many bits keys and values of past tokens are kept; null for as they "
        "are computed."
    )
    adapter: str | None = Field(description="The name of its LoRA adapter, if there is one.")
    draft_model: str | None = Field(description="The model that guesses ahead, if there is one.")
    vocabulary_size: int = Field(description="How many token ids there are.")
    chat_template: str | None = Field(description="The source of the chat template, in Jinja.")
    bos_token: str | None = Field(description="What begins a text, if the tokenizer names it.")
    eos_token: str | None = Field(description="What ends an answer, if the tokenizer names it.")
    modalities: dict[str, bool] = Field(
        description="What can be read beside text: `vision` and `audio`."
    )
    total_slots: int = Field(description="How many rows are computed at once.")
    sampler: str = Field(description="The sampler of requests that name none.")
    default_generation_settings: dict[str, Any] = Field(
        description="What holds for requests that say nothing else: `n_ctx`, the most tokens of "
        "prompt and answer together, and `params`, the sampler's values."
    )
    build_info: str = Field(description="The versions of the server and of its libraries.")
