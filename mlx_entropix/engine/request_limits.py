"""Whether a request can be answered at all, before it waits for its turn."""

from dataclasses import replace

from mlx_entropix.engine.events import Request
from mlx_entropix.errors import ConfigError, PromptError
from mlx_entropix.model.decoder import Decoder


def within_limits(request: Request, model: Decoder, limit: int, *, can_rewind: bool) -> Request:
    """The request, with `max_tokens` cut to what `limit` tokens in all leave room for.

    Raises `PromptError` where the prompt is empty or does not fit, `ConfigError` for forks of a
    model that cannot rewind and for a bias or a rule of no token, `ValueError` for limits that make
    no sense. A prompt that is only scored may fill the limit.
    """
    known = len(request.prompt) + len(request.prefix)
    if not request.prompt:
        raise PromptError("The prompt is empty. Give at least one character of text.")
    if request.max_tokens < (0 if request.scores_prompt else 1):
        raise ValueError(f"max_tokens is {request.max_tokens}; it must be at least 1.")
    if request.stop_repeats < 0 or request.stop_repeats == 1:
        raise ValueError(
            f"stop_repeats is {request.stop_repeats}; it must be 2 or more, or 0 for never."
        )
    if request.policy and not can_rewind:
        raise ConfigError(
            f"{model.name} cannot fork: it cannot take tokens back. Ask without forks."
        )
    size = model.vocabulary_size
    named = {"logit_bias": dict(request.logit_bias), "rules.only": request.rules.only or ()}
    for name, ids in named.items():
        if beyond := [token_id for token_id in ids if not 0 <= token_id < size]:
            raise ConfigError(
                f"{name} has the token id {beyond[0]}; {model.name}'s ids are 0 to {size - 1}."
            )
    if known + min(request.max_tokens, 1) > limit:
        if not request.max_tokens:
            raise PromptError(
                f"The text has {known:,} tokens, and {model.name} takes at most "
                f"{limit:,}. Score it in parts."
            )
        raise PromptError(
            f"The prompt has {known:,} tokens, and {model.name} takes at most "
            f"{limit - 1:,}, to leave room for an answer. Shorten the prompt."
        )
    if known + request.max_tokens > limit:
        return replace(request, max_tokens=limit - known)
    return request
