"""What a request says of single tokens, for the engine: biases, and which of them may be drawn."""

from collections.abc import Sequence

from mlx_entropix.engine.token_rules import TokenRules
from mlx_entropix.errors import PromptError
from mlx_entropix.server.api_errors import ApiError
from mlx_entropix.server.async_engine import ModelInfo
from mlx_entropix.server.engine_requests import check_known
from mlx_entropix.server.requests import GenerationRequest


def biases(request: GenerationRequest, model: ModelInfo) -> tuple[tuple[int, float], ...]:
    """What is added to logits, by token ids, which JSON has as texts.

    Raises `ApiError` for one that is no token of the model.
    """
    found: dict[int, float] = {}
    for name, bias in (request.logit_bias or {}).items():
        if not (name.isascii() and name.isdecimal()) or int(name[:20]) >= model.vocabulary_size:
            raise ApiError(
                400,
                f"logit_bias has {name!r}, which is no token id from 0 to "
                f"{model.vocabulary_size - 1}. /tokenize gives the ids of a text.",
                param="logit_bias",
            )
        found[int(name)] = bias
    return tuple(found.items())


def token_rules(request: GenerationRequest, model: ModelInfo) -> TokenRules:
    """What a request says of single tokens. Raises `ApiError` for one that is none."""
    check_known(request.stop_token_ids or (), model, "stop_token_ids", "The list")
    check_known(request.allowed_token_ids or (), model, "allowed_token_ids", "The list")
    only = request.allowed_token_ids
    return TokenRules(
        tuple(request.stop_token_ids or ()),
        request.min_tokens or 0,
        bool(request.ignore_eos),
        None if only is None else tuple(only),
        _banned(request.bad_words or (), model),
    )


def _banned(words: Sequence[str], model: ModelInfo) -> tuple[tuple[int, ...], ...]:
    """The sequences of tokens that a client does not want, as vLLM makes them of words."""
    texts = (text for word in words if (bare := word.strip()) for text in (bare, f" {bare}"))
    try:
        found = [tuple(model.tokenizer.encode_inside(text)) for text in texts]
    except PromptError as error:
        raise ApiError.of(error, "bad_words") from None
    return tuple(dict.fromkeys(ids for ids in found if ids))
