"""The engine's plain faces: `load`, `stream_generate`, `generate`."""

from __future__ import annotations  # so that `help` shows the names of types, and no more

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, cast, overload

from mlx_entropix.choices import MOST_DRAFTED, ROWS_AT_ONCE
from mlx_entropix.cpu.blas import choose_threads
from mlx_entropix.engine.asking import answers, numbered, request_of
from mlx_entropix.engine.draft import DraftModel, make_drafter
from mlx_entropix.engine.engine import Engine
from mlx_entropix.engine.events import (
    Answered,
    Event,
    PromptProgress,
    PromptScored,
    Request,
    RowFailed,
    Settled,
    TokenEvent,
)
from mlx_entropix.engine.generated import Answer, AnswerStream
from mlx_entropix.engine.prompt import Prompt, is_many
from mlx_entropix.engine.search import ForkConfig, Search
from mlx_entropix.errors import GenerationError
from mlx_entropix.model.decoder import Decoder
from mlx_entropix.model.load import load_model
from mlx_entropix.model.quantized import KVBits
from mlx_entropix.ranks.join import Ranks
from mlx_entropix.ranks.launch import DATA
from mlx_entropix.sampling import PlainConfig, SamplerConfig
from mlx_entropix.text import Constraint, Tokenizer, load_tokenizer, tokenizer_from_gguf
from mlx_entropix.weights.locate import Location, locate_weights


def load(
    weights: str | Path | None = None,
    *,
    adapter_path: str | Path | None = None,
    kv_bits: int | None = None,
    kv_group_size: int = 64,
) -> tuple[Decoder, Tokenizer]:
    """Load a model and its tokenizer.

    `weights` is a folder, a `.gguf` file or a Hugging Face repo id; None means
    `weights/Llama-3.2-1B-Instruct` if it is there, else the bundled SmolLM2-135M-Instruct.
    `adapter_path` is the folder of a LoRA adapter of mlx-lm. With `kv_bits` (2, 4 or 8) keys and
    values are kept in so many bits, in groups of `kv_group_size` (32, 64 or 128) numbers with a
    scale each. Raises `WeightsError`, `TokenizerError` or `DownloadError`, each with a sentence
    that says what to do.
    """
    return load_from(
        locate_weights(weights),
        adapter_path=adapter_path,
        kv_bits=kv_bits,
        kv_group_size=kv_group_size,
    )


def load_from(
    location: Location,
    *,
    ranks: Ranks | None = None,
    adapter_path: str | Path | None = None,
    kv_bits: int | None = None,
    kv_group_size: int = 64,
) -> tuple[Decoder, Tokenizer]:
    """Load what `locate_weights` found, see `load`; this one's share, where `ranks` divide it."""
    divided = ranks if ranks is not None and ranks.share != DATA else None
    model, metadata = load_model(
        location.path,
        location.name,
        ranks=divided,
        adapter=None if adapter_path is None else Path(adapter_path).expanduser(),
        kv=None if kv_bits is None else KVBits.of(kv_bits, kv_group_size),
    )
    model.weights = location.path
    choose_threads(1 if ranks is None else ranks.launch.here)
    if ranks is not None:
        ranks.agree("The weights", _sizes(location.path))
    if metadata is None:
        return model, load_tokenizer(location.path)
    return model, tokenizer_from_gguf(metadata)


def load_draft(
    location: Location | None, model: Decoder, tokenizer: Tokenizer
) -> DraftModel | None:
    """Load a smaller model to guess for another one; None where it is nowhere.

    Raises what `load` raises, and `WeightsError` where it cannot guess for that one.
    """
    if location is None:
        return None
    return DraftModel.of(model, tokenizer, load_from(location))


def _sizes(path: Path) -> list[int]:
    """By which weights are told from others, without reading them: the bytes of their files."""
    files = [path] if path.is_file() else sorted(path.glob("*.safetensors"))
    return [file.stat().st_size for file in files]


def stream_generate(
    model: Decoder,
    tokenizer: Tokenizer,
    prompt: Prompt,
    *,
    system: str | None = None,
    sampler: str | None = None,
    config: SamplerConfig | PlainConfig | None = None,
    temperature: float | None = None,
    top_p: float | None = None,
    top_k: int | None = None,
    min_p: float | None = None,
    max_tokens: int = 256,
    seed: int = 0,
    stop: str | Sequence[str] = (),
    stop_repeats: int = 0,
    alternatives: int = 0,
    logit_bias: Mapping[int, float] | None = None,
    constraint: Constraint | None = None,
    fork: str | Mapping[str, Any] | ForkConfig | None = None,
    chat_template_kwargs: Mapping[str, Any] | None = None,
    speculate: int = MOST_DRAFTED,
    draft_model: tuple[Decoder, Tokenizer] | None = None,
    on_prompt: Callable[[int, int], None] | None = None,
) -> AnswerStream:
    """Generate one answer, an event a token. The stream's `answer` is all of them as one object.

    prompt: text used as it is, a list of token ids, or a list of chat messages with `role` and
        `content`.
    system: the system prompt of a chat; "" for none. By default it is SYSTEM_PROMPT, as on the
        command line, unless the messages bring their own. With one, a `prompt` that is text is
        what the user says.
    sampler: "auto", which is fitted to the model or else the published entropix (the default);
        "entropix", "frog" or "normal".
    config: the sampler's whole configuration, in place of its name.
    temperature, top_p, top_k, min_p: in place of the sampler's base values.
    max_tokens: where the answer ends at the latest.
    seed: equal seeds give equal answers.
    stop: the answer ends before this text, or the first of several.
    stop_repeats: the answer ends where it says the same so many times in a row, 2 or more; 0 for
        never (docs/config.md). Its finish reason is then "repetition".
    alternatives: so many of the likeliest tokens are named in each event.
    logit_bias: what is added to the logits of tokens, by their ids.
    constraint: the form of the answer, which `json_schema` and the like make.
    fork: a policy's name, its values or its configuration (docs/forks.md). The answer is chosen
        among several paths, and its tokens come when they are settled.
    chat_template_kwargs: more variables of the chat template, such as `enable_thinking`. What a
        model thinks before it answers messages is the `reasoning` of events, and no part of their
        `text`.
    speculate: so many tokens at most are guessed ahead and verified in one step, where that is
        faster; 0 for none. The tokens are the same (docs/speculation.md).
    draft_model: what `load` gave of a smaller model with the same tokens, which guesses too.
    on_prompt: called with (done, total) tokens as the prompt is read.

    Raises `PromptError` where the prompt is empty or does not fit, `UsageError` where options
    contradict each other, `ConfigError` where the sampler, the `fork` or `speculate` cannot be
    used, `ConstraintError` where the `constraint` cannot be held, `WeightsError` where the
    `draft_model` cannot guess for the model, and `GenerationError` where the model's output is not
    finite.
    """
    asked = request_of(
        model,
        tokenizer,
        prompt,
        system=system,
        sampler=sampler,
        config=config,
        temperature=temperature,
        top_p=top_p,
        top_k=top_k,
        min_p=min_p,
        max_tokens=max_tokens,
        seed=seed,
        stop=stop,
        stop_repeats=stop_repeats,
        alternatives=alternatives,
        logit_bias=logit_bias,
        fork=fork,
        chat_template_kwargs=chat_template_kwargs,
        constraint=constraint,
    )
    engine = _engine(model, tokenizer, asked.paths, speculate, draft_model)
    taken = asked.taken(model)
    return AnswerStream(stream_request(engine, asked.request, on_prompt, taken.hear), taken)


def _engine(
    model: Decoder,
    tokenizer: Tokenizer,
    rows: int,
    speculate: int,
    draft_model: tuple[Decoder, Tokenizer] | None,
) -> Engine:
    draft = None if draft_model is None else DraftModel.of(model, tokenizer, draft_model)
    return Engine(model, tokenizer, max_rows=rows, drafter=make_drafter(speculate, draft))


def stream_request(
    engine: Engine,
    request: Request,
    on_prompt: Callable[[int, int], None] | None = None,
    on_path: Callable[[Event], None] | None = None,
    on_scored: Callable[[PromptScored], None] | None = None,
) -> Iterator[TokenEvent]:
    """Generate what one request asks of an engine that has no other rows, an event a token.

    `on_prompt(done, total)` is called as the prompt is computed. Raises `PromptError` at once where
    the prompt is empty or does not fit; the iterator raises `GenerationError` where the model's
    output is not finite. Of a request that forks come the tokens of the answer; `on_path` is called
    with all that becomes of its paths, `Settled` at the end. `on_scored` gets the prompt's
    scores, where the request asks for them, ahead of the first token.
    """
    forks = isinstance(request.policy, Search)
    return _events(engine, engine.add(request), forks, on_prompt, on_path, on_scored)


def _events(
    engine: Engine,
    row: int,
    forks: bool,
    on_prompt: Callable[[int, int], None] | None,
    on_path: Callable[[Event], None] | None,
    on_scored: Callable[[PromptScored], None] | None,
) -> Iterator[TokenEvent]:
    try:
        while not engine.idle:
            for event in engine.step():
                if isinstance(event, PromptScored):
                    if on_scored:
                        on_scored(event)
                    continue
                if forks and on_path and not isinstance(event, Answered | PromptProgress):
                    on_path(event)
                if isinstance(event, Answered):
                    yield from event.tokens
                elif isinstance(event, TokenEvent) and not forks:
                    yield event
                elif isinstance(event, RowFailed if not forks else Settled) and event.message:
                    raise GenerationError(event.message)
                elif isinstance(event, PromptProgress) and event.row == row and on_prompt:
                    on_prompt(event.done, event.total)
    finally:
        engine.cancel(row)  # where the caller wants no more of it


@overload
def generate(model: Decoder, tokenizer: Tokenizer, prompt: Prompt, **options: Any) -> Answer: ...
@overload
def generate(
    model: Decoder, tokenizer: Tokenizer, prompt: Sequence[Prompt], **options: Any
) -> list[Answer]: ...
def generate(
    model: Decoder,
    tokenizer: Tokenizer,
    prompt: Prompt | Sequence[Prompt],
    *,
    rows: int = ROWS_AT_ONCE,
    **options: Any,
) -> Answer | list[Answer]:
    """The whole answer to one prompt, or the answers to many: strings that have their tokens.

    Thoughts before an answer are no part of the string.

    Many are a list of texts, of lists of token ids or of lists of messages. They are rows of one
    batch, `rows` at a time, and each gets the answer that it would get alone. `options` are those
    of `stream_generate`. Raises what that raises; of many, with the number of the prompt.
    """
    if not is_many(prompt):
        one = cast(Prompt, prompt)
        return stream_generate(model, tokenizer, one, **options).whole()
    settings = dict(stream_generate.__kwdefaults__ or {})
    if unknown := options.keys() - settings.keys():
        raise TypeError(f"generate() got an unexpected keyword argument {min(unknown)!r}")
    settings |= options
    on_prompt = settings.pop("on_prompt")
    engine_settings = settings.pop("speculate"), settings.pop("draft_model")
    asked = []
    for number, one in enumerate(prompt, start=1):
        with numbered(number, len(prompt)):
            asked.append(request_of(model, tokenizer, one, **settings))
    engine = _engine(model, tokenizer, rows * asked[0].paths, *engine_settings)
    return answers(engine, model, asked, rows, on_prompt)
