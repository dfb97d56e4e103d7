"""From what a client asked for to the engine's requests: prompts as token ids, samplers as values.

Long texts take a while to become token ids: that is not to be done in the event loop.
"""

import json
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeVar

from mlx_entropix.choices import CHANGES
from mlx_entropix.engine import Request, fork_config, forked
from mlx_entropix.engine.token_rules import NO_RULES, TokenRules
from mlx_entropix.errors import ConfigError, PromptError
from mlx_entropix.sampling import PlainConfig, SamplerConfig
from mlx_entropix.sampling.flat_names import nested
from mlx_entropix.sampling.formulas import PARAMETERS
from mlx_entropix.server.api_errors import ApiError
from mlx_entropix.server.async_engine import ModelInfo
from mlx_entropix.server.chat_request import ChatRequest
from mlx_entropix.server.completion_request import CompletionRequest
from mlx_entropix.server.requests import GenerationRequest
from mlx_entropix.server.settings import Settings
from mlx_entropix.server.tool_choice import Calling
from mlx_entropix.text import NOTHING, Constraint

Prompt = tuple[int, ...]

MOST_TOKENIZED = 262_144
"""Texts of more tokens than the model takes can be counted and cut, but not of any length: each
takes some 130 bytes while it is encoded."""


class Prefix(NamedTuple):
    """What an answer begins with: tokens, and their text as far as its characters are complete."""

    ids: tuple[int, ...] = ()
    text: str = ""
    reasoning: str | None = None  # what of it is thoughts


def chat_prompt(request: ChatRequest, model: ModelInfo) -> Prompt:
    """The prompt of a chat. Raises `ApiError` where it cannot be written or does not fit."""
    most = model.limit if request.truncate_prompt_tokens is None else MOST_TOKENIZED
    write = model.tokenizer.chat
    ids = through_template(write, request, model, most=most, opens_answer=request.opens_answer)
    return _fitting(truncated(ids, request, model), model, "messages")


Written = TypeVar("Written")


def through_template(
    write: Callable[..., Written],
    request: ChatRequest,
    model: ModelInfo,
    *,
    most: int,
    opens_answer: bool = True,
) -> Written:
    """What the tokenizer's `chat` or `chat_text` makes of a chat of up to some `most` tokens.

    Raises `ApiError` where it cannot be written.
    """
    continued = request.continues
    messages = [message.plain() for message in request.messages]
    check_length([message["content"] for message in messages], model, "messages", most)
    variables = _variables(request, model)
    try:
        tools = [json.dumps(tool, ensure_ascii=False) for tool in request.offered]
        check_length(tools, model, "tools", most)
        return write(
            messages,
            add_generation_prompt=opens_answer and not continued,
            continue_final_message=continued,
            chat_template_kwargs=variables,
            tools=request.offered,
        )
    except PromptError as error:
        raise ApiError.of(error, "messages") from None
    except RecursionError:
        raise ApiError(400, "The tools, or arguments of calls, are nested too deeply.") from None


def _variables(request: ChatRequest, model: ModelInfo) -> dict[str, Any]:
    """What a chat template is given beside the messages. Raises `ApiError` where it cannot be."""
    given = request.chat_template_kwargs or {}
    try:
        model.tokenizer.check_chat_template_kwargs(given)
    except PromptError as error:
        raise ApiError.of(error, "chat_template_kwargs") from None
    try:
        model.tokenizer.check_chat_template_kwargs(request.effort)
    except PromptError:
        raise ApiError(
            400,
            "reasoning_effort is not supported by the model's chat template, which has no such "
            "variable. Leave it out, or send 'none'.",
            param="reasoning_effort",
        ) from None
    return {**request.effort, **given}


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
                most = model.limit if request.truncate_prompt_tokens is None else MOST_TOKENIZED
                check_length([prompt], model, "prompt", most)
                ids = model.tokenizer.encode(prompt, control_tokens=bool(request.special_tokens))
            else:
                ids = prompt
        except PromptError as error:
            raise ApiError.of(error, "prompt") from None
        check_known(ids, model, "prompt", "The prompt")
        whole, ids = ids, truncated(ids, request, model)
        text = prompt if isinstance(prompt, str) and whole == ids else model.tokenizer.decode(ids)
        found.append((_fitting(ids, model, "prompt"), text if request.echo else None))
    return found


def answer_prefix(request: GenerationRequest, prompts: list[Prompt], model: ModelInfo) -> Prefix:
    """What the answers to `prompts` begin with.

    Raises `ApiError` where it is unknown to the model, or does not fit behind a prompt.
    """
    ids = tuple(request.prefix_token_ids or ())
    check_known(ids, model, "prefix_token_ids", "The prefix")
    longest = max(map(len, prompts)) + len(ids)
    if longest >= model.limit:
        raise ApiError(
            400,
            f"The prompt and the prefix have {longest:,} tokens, and the server takes at most "
            f"{model.limit - 1:,}, to leave room for an answer. Shorten one of them.",
            param="prefix_token_ids",
            code="context_length_exceeded",
        )
    shows_control = request.skip_special_tokens is False
    decoder = model.tokenizer.stream_decoder(
        shows_calls=bool(request.offered), shows_control=shows_control
    )
    whole = NOTHING
    # A prefix that was given is that of the answers to one chat, or of texts without thoughts.
    splitter = model.tokenizer.reasoning_splitter(prompts[0] if request.splits_reasoning else None)
    for token_id in ids:
        whole = whole.then(splitter.add(token_id, decoder.add(token_id)))
    return Prefix(ids, *whole)


def truncated(ids: list[int], request: GenerationRequest, model: ModelInfo) -> list[int]:
    """What `truncate_prompt_tokens` leaves of a prompt.

    Where an answer may take all the room there is, -1 leaves the prompt as much as can be had.
    """
    most = request.truncate_prompt_tokens
    if most is None:
        return ids
    if most == -1:
        most = model.limit - max(1, request.limit)
        most = most if most > 0 else model.limit - 1
    return ids[:most] if request.truncation_side == "right" else ids[-most:]


def predicted_tokens(request: GenerationRequest, model: ModelInfo) -> Prompt:
    """What the client expects of the answers. Raises `ApiError` where it is no text."""
    if request.prediction is None:
        return ()
    try:
        check_length([request.prediction.text], model, "prediction", model.limit)
        return tuple(model.tokenizer.encode(request.prediction.text))
    except PromptError as error:
        raise ApiError.of(error, "prediction") from None


_PIECE = 16_384  # characters: some milliseconds' work, some megabytes while it lasts
_JOINED = 256  # tokens that two pieces may save by being one text, at the very most


def check_length(texts: Sequence[str], model: ModelInfo, param: str, most: int) -> None:
    """Refuse texts of much more than `most` tokens before they are encoded whole.

    That would take gigabytes and seconds for megabytes of text. Pieces are encoded only until it
    is certain that there are too many tokens; `_fitting` has the exact number of the others.
    """
    if sum(map(len, texts)) <= _PIECE:
        return
    count = 0
    for text in texts:
        for begin in range(0, len(text), _PIECE):
            piece = model.tokenizer.encode(text[begin : begin + _PIECE], add_special_tokens=False)
            count += max(len(piece) - _JOINED, 0)
            if count >= most:
                raise ApiError(
                    400,
                    f"The text has over {count:,} tokens, and the server takes fewer than "
                    f"{most:,} here. Shorten it.",
                    param=param,
                    code="context_length_exceeded",
                )


def check_known(ids: Sequence[int], model: ModelInfo, param: str, name: str) -> None:
    """Raise the 400 for an id that is beyond the model's."""
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
    calling: Calling | None = None,
    constraint: Constraint | None = None,
    rules: TokenRules = NO_RULES,
) -> list[Request]:
    """The rows for `n` answers to each prompt, for a client whose texts are the `owner`'s.

    `calling` is how they may call tools.

    Raises `ApiError` for a sampler that is none, or forks that cannot be made.
    """
    config = _config(request, settings)
    alternatives = max(request.alternatives or 0, request.prompt_logprobs or 0)
    salt = request.cache_salt or ""
    rows = [
        Request(
            prompt=prompt,
            config=config,
            max_tokens=request.limit,
            seed=seed + i,
            stop=(*request.stops, *(calling.stops if calling else ())),
            stop_repeats=request.stop_repeats or 0,
            alternatives=alternatives,
            # One answer's row scores the prompt for all; a row of no tokens has nothing else to do.
            scores_prompt=request.echoes_scores
            or (request.scores_prompt and (i == 0 or not request.limit)),
            attended=request.attended or 0,
            prefix=prefix.ids,
            splits_reasoning=request.splits_reasoning,
            prediction=prediction,
            owner=f"{owner} {salt}" if salt else owner,
            salt=salt,
            fresh=request.cache_prompt is False,
            logit_bias=logit_bias,
            tells_draw=bool(request.post_sampling_probs),
            shows_calls=calling is not None,
            constraint=constraint,
            rules=rules,
            keeps_stop=bool(request.include_stop_str_in_output),
            shows_control=request.skip_special_tokens is False,
            most_thoughts=request.most_thoughts,
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


def _config(request: GenerationRequest, settings: Settings) -> SamplerConfig | PlainConfig:
    """The sampler that a request asks for. Raises a 400 that names the field and its range."""
    given = request.sampler_config or {}
    values = nested(given)
    flat = None if values is given else values.pop("base")
    name = request.sampler or flat or settings.sampler
    named = settings.auto.samplers
    if name == settings.sampler:
        config = settings.config
    elif name in named:
        config = named[name]
    else:
        known = ", ".join(named)
        raise ApiError(400, f"There is no sampler {name!r}. There are: {known}.", param="sampler")
    config = _override(config, values, "sampler_config")
    for field in (*PARAMETERS, *CHANGES, "p_less"):
        value = getattr(request, field)
        if field == "top_k" and value == -1:
            value = 0  # as vLLM says that all are kept
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
