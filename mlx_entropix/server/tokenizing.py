"""Texts to tokens and back, as clients ask for it. It takes a while: not for the event loop."""

from typing import Any

from mlx_entropix.errors import PromptError
from mlx_entropix.server.api_errors import ApiError
from mlx_entropix.server.async_engine import ModelInfo
from mlx_entropix.server.engine_requests import (
    MOST_TOKENIZED,
    check_known,
    check_length,
    through_template,
)
from mlx_entropix.server.text_schemas import (
    DetokenizeRequest,
    TemplateRequest,
    TokenizeChat,
    TokenizeText,
)


def tokenized(request: TokenizeText | TokenizeChat, model: ModelInfo) -> dict[str, Any]:
    """The tokens of a text or a chat, as `Tokenized` has them. Raises `ApiError`."""
    tokenizer = model.tokenizer
    if isinstance(request, TokenizeChat):
        ids = through_template(
            tokenizer.chat,
            request,
            model,
            most=MOST_TOKENIZED,
            opens_answer=request.opens_answer,
        )
    else:
        ids = _of_text(request, model)
    pieces = [{"id": token_id, "piece": tokenizer.piece(token_id)} for token_id in ids]
    found: dict[str, Any] = {
        "tokens": pieces if request.with_pieces else ids,
        "count": len(ids),
        "max_model_len": model.limit,
    }
    if request.return_token_strs:
        found["token_strs"] = [tokenizer.token_text(token_id) for token_id in ids]
    return found


def detokenized(request: DetokenizeRequest, model: ModelInfo) -> dict[str, Any]:
    """The text of tokens, as `Detokenized` has it. Raises `ApiError` for an id that is none."""
    check_known(request.tokens, model, "tokens", "The list")
    text = model.tokenizer.decode(request.tokens, control_tokens=True)
    return {"content": text, "prompt": text}


def templated(request: TemplateRequest, model: ModelInfo) -> dict[str, Any]:
    """A chat as the template writes it, as `Templated` has it. Raises `ApiError`."""
    text = through_template(
        model.tokenizer.chat_text,
        request,
        model,
        most=MOST_TOKENIZED,
        opens_answer=request.opens_answer,
    )
    return {"prompt": text}


def _of_text(request: TokenizeText, model: ModelInfo) -> list[int]:
    param = "prompt" if request.content is None else "content"
    try:
        check_length([request.text], model, param, MOST_TOKENIZED)
        return model.tokenizer.encode(
            request.text,
            add_special_tokens=request.adds_special,
            control_tokens=request.parse_special is not False,
        )
    except PromptError as error:
        raise ApiError.of(error, param) from None
