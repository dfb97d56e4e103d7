"""From what a client asked for to the engine's requests: prompts as token ids, samplers as values.

Long texts take a while to become token ids: that is not to be done in the event loop.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from mlx_entropix.choices import CHANGES
from mlx_entropix.engine import Request, fork_config, forked
from mlx_entropix.errors import ConfigError, PromptError
from mlx_entropix.sampling import PlainConfig, SamplerConfig
from mlx_entropix.sampling.formulas import PARAMETERS
from mlx_entropix.server.api_errors import ApiError
from mlx_entropix.server.async_engine import ModelInfo
from mlx_entropix.server.requests import ChatRequest, CompletionRequest, GenerationRequest
from mlx_entropix.server.settings import Settings

Prompt = tuple[int, ...]


class Prefix(NamedTuple):
    """What an answer begins with: tokens, and their text as far as its characters are complete."""

    ids: tuple[int, ...] = ()
    text: str = ""


def chat_prompt(request: ChatRequest, model: ModelInfo) -> Prompt:
    """The prompt of a chat. Raises `ApiError` where it cannot be written or does not fit."""
    continued = request.continues
    try:
        ids = model.tokenizer.chat(
            [message.plain() for message in request.messages],
            add_generation_prompt=not continued,
            continue_final_message=continued,
        )
    except PromptError as error:
        raise ApiError.of(error, "messages") from None
    return _fitting(ids, model, "messages")


def text_prompts(request: CompletionRequest, model: ModelInfo) -> list[tuple[Prompt, str | None]]:
    """Each prompt of a completion, with the text to echo if that is asked for.

    Raises `ApiError` where one is empty, unknown to the model, or does not fit.
    """
    if not request.prompts:
        raise ApiError(400, "There is no prompt in the list; give at least one.", param="prompt")
    found: list[tuple[Prompt, str | None]] = []
    for prompt in request.prompts:
        try:
            if isinstance(prompt, str):
                ids = model.tokenizer.encode(prompt, control_tokens=bool(request.special_tokens))
            else:
                ids = prompt
        except PromptError as error:
            raise ApiError.of(error, "prompt") from None
        _check_known(ids, model, "prompt", "The prompt")
        text = prompt if isinstance(prompt, str) else model.tokenizer.decode(ids)
        found.append((_fitting(ids, model, "prompt"), text if request.echo else None))
    return found


def answer_prefix(request: GenerationRequest, prompts: list[Prompt], model: ModelInfo) -> Prefix:
    """What the answers to `prompts` begin with.

    Raises `ApiError` where it is unknown to the model, or does not fit behind a prompt.
    """
    ids = tuple(request.prefix_token_ids or ())
    _check_known(ids, model, "prefix_token_ids", "The prefix")
    longest = max(map(len, prompts)) + len(ids)
    if longest >= model.limit:
        raise ApiError(
            400,
            f"The prompt and the prefix have {longest:,} tokens, and the server takes at most "
            f"{model.limit - 1:,}, to leave room for an answer. Shorten one of them.",
            param="prefix_token_ids",
            code="context_length_exceeded",
        )
    decoder = model.tokenizer.stream_decoder()
    return Prefix(ids, "".join(map(decoder.add, ids)))


def predicted_tokens(request: GenerationRequest, model: ModelInfo) -> Prompt:
    """What the client expects of the answers. Raises `ApiError` where it is no text."""
    if request.prediction is None:
        return ()
    try:
        return tuple(model.tokenizer.encode(request.prediction.text))
    except PromptError as error:
        raise ApiError.of(error, "prediction") from None


def _check_known(ids: Sequence[int], model: ModelInfo, param: str, name: str) -> None:
    if any(token_id >= model.vocabulary_size for token_id in ids):
        raise ApiError(
            400,
            f"{name} has token id {max(ids)}; the model's ids end at {model.vocabulary_size - 1}.",
            param=param,
        )


def _fitting(ids: Sequence[int], model: ModelInfo, param: str) -> Prompt:
    if not ids:
        raise ApiError(400, "The prompt is empty. Give at least one character.", param=param)
    if len(ids) >= model.limit:
        raise ApiError(
            400,
            f"The prompt has {len(ids):,} tokens, and the server takes at most "
            f"{model.limit - 1:,}, to leave room for an answer. Shorten the prompt.",
            param=param,
            code="context_length_exceeded",
        )
    return tuple(ids)


def engine_requests(
    request: GenerationRequest,
    settings: Settings,
    prompts: list[Prompt],
    prefix: Prefix,
    seed: int,
    *,
    prediction: Prompt = (),
    owner: str = "",
    logit_bias: tuple[tuple[int, float], ...] = (),
) -> list[Request]:
    """The rows for `n` answers to each prompt, for a client whose texts are the `owner`'s.

    Raises `ApiError` for a sampler that is none, or forks that cannot be made.
    """
    config = _config(request, settings)
    alternatives = request.alternatives or 0
    rows = [
        Request(
            prompt=prompt,
            config=config,
            max_tokens=request.limit,
            seed=seed + i,
            stop=request.stops,
            alternatives=alternatives,
            scores_prompt=request.scores_prompt,
            prefix=prefix.ids,
            prediction=prediction,
            owner=owner,
            logit_bias=logit_bias,
        )
        for prompt in prompts
        for i in range(request.answers)
    ]
    if request.fork is None:
        return rows
    try:
        paths = fork_config(request.fork)
        return [forked(row, paths, before=prefix.text) for row in rows]
    except ConfigError as error:
        raise ApiError.of(error, "fork") from None


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
                f"{model.vocabulary_size - 1}.",
                param="logit_bias",
            )
        found[int(name)] = bias
    return tuple(found.items())


def _config(request: GenerationRequest, settings: Settings) -> SamplerConfig | PlainConfig:
    """The sampler that a request asks for. Raises a 400 that names the field and its range."""
    name = request.sampler or settings.sampler
    named = settings.auto.samplers
    if name == settings.sampler:
        config = settings.config
    elif name in named:
        config = named[name]
    else:
        known = ", ".join(named)
        raise ApiError(400, f"There is no sampler {name!r}. There are: {known}.", param="sampler")
    config = _override(config, request.sampler_config or {}, "sampler_config")
    for field in (*PARAMETERS, *CHANGES, "p_less"):
        value = getattr(request, field)
        if value is not None:
            config = _override(config, {field: value}, field)
    return config


def _override(
    config: SamplerConfig | PlainConfig, partial: dict[str, Any], param: str
) -> SamplerConfig | PlainConfig:
    try:
        return config.override(partial)
    except ConfigError as error:
        raise ApiError.of(error, param) from None
    except RecursionError:
        raise ApiError(400, "sampler_config is nested too deeply.", param=param) from None
