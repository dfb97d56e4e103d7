"""The engine's plain faces for one prompt: `load`, `stream_generate`, `generate`."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from mlx_entropix.choices import MOST_DRAFTED
from mlx_entropix.cpu.blas import choose_threads
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
from mlx_entropix.engine.search import ForkConfig, Search, fork_config, forked
from mlx_entropix.errors import GenerationError
from mlx_entropix.model.decoder import Decoder
from mlx_entropix.model.load import load_model
from mlx_entropix.model.quantized import KVBits
from mlx_entropix.ranks.join import Ranks
from mlx_entropix.ranks.launch import DATA
from mlx_entropix.sampling import PlainConfig, SamplerConfig
from mlx_entropix.sampling.auto import auto_sampler
from mlx_entropix.text import Constraint, Tokenizer, load_tokenizer, tokenizer_from_gguf
from mlx_entropix.weights.locate import Location, locate_weights

Prompt = str | Sequence[int] | Sequence[Mapping[str, Any]]


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


def encode_prompt(
    tokenizer: Tokenizer,
    prompt: Prompt,
    *,
    chat_template_kwargs: Mapping[str, Any] | None = None,
) -> tuple[int, ...]:
    """A prompt as token ids: text as it is, ids as they are, messages by the chat template.

    `chat_template_kwargs` are more variables of the template. Raises `PromptError` where messages
    cannot be rendered.
    """
    if isinstance(prompt, str):
        return tuple(tokenizer.encode(prompt))
    if not is_chat(prompt):
        return tuple(prompt)  # type: ignore[arg-type]
    return tuple(
        tokenizer.chat(list(prompt), chat_template_kwargs=chat_template_kwargs)  # type: ignore[arg-type]
    )


def is_chat(prompt: Prompt) -> bool:
    """Whether a prompt is messages, and not text or token ids."""
    return not isinstance(prompt, str) and not all(isinstance(item, int) for item in prompt)


def stream_generate(
    model: Decoder,
    tokenizer: Tokenizer,
    prompt: Prompt,
    *,
    config: SamplerConfig | PlainConfig | None = None,
    max_tokens: int = 256,
    seed: int = 0,
    stop: str | Sequence[str] = (),
    alternatives: int = 0,
    logit_bias: Mapping[int, float] = MappingProxyType({}),
    constraint: Constraint | None = None,
    fork: str | Mapping[str, Any] | ForkConfig | None = None,
    chat_template_kwargs: Mapping[str, Any] | None = None,
    speculate: int = MOST_DRAFTED,
    draft_model: tuple[Decoder, Tokenizer] | None = None,
    on_prompt: Callable[[int, int], None] | None = None,
) -> Iterator[TokenEvent]:
    """Generate one answer, an event a token.

    `prompt` is text used as it is, a list of token ids, or a list of chat messages with `role` and
    `content`. Without a `config` the sampler is the preset that is fitted to the model, or the
    published `entropix` where none is. `logit_bias` is added to the logits of tokens, by their ids.
    The answer has the form of the `constraint`, which `json_schema` and the like make.
    With a `fork`, a policy's name, its values or its
    configuration (docs/forks.md), the answer is chosen among several paths, and its tokens come
    when they are settled. The answer ends before the text `stop`, or the first of several.
    `chat_template_kwargs` are more variables of the chat template, such as `enable_thinking`; what
    a model thinks before it answers messages is the `reasoning` of events, and no part of their
    `text`. Up to `speculate` tokens are guessed ahead and verified in one step
    where that is faster, with 0 none; the tokens are the same (docs/speculation.md). `draft_model`
    is what `load` gave of a smaller model with the same tokens, which guesses too.
    `on_prompt(done, total)` is called as the prompt is read.
    Raises `PromptError` where the prompt is empty or does not fit, `GenerationError` where the
    model's output is not finite, `ConfigError` where a fitted preset, the `fork` or `speculate`
    cannot be used, `ConstraintError` where the `constraint` cannot be held, `WeightsError` where
    the `draft_model` cannot guess for the model.
    """
    request = Request(
        prompt=encode_prompt(tokenizer, prompt, chat_template_kwargs=chat_template_kwargs),
        config=config or auto_sampler(model.name, model.weights).config,
        max_tokens=max_tokens,
        seed=seed,
        stop=(stop,) if isinstance(stop, str) else tuple(stop),
        alternatives=alternatives,
        splits_reasoning=is_chat(prompt),
        logit_bias=tuple(logit_bias.items()),
        constraint=constraint,
    )
    rows = 1
    if fork is not None:
        paths = fork if isinstance(fork, ForkConfig) else fork_config(fork)
        request, rows = forked(request, paths), paths.paths
    draft = None if draft_model is None else DraftModel.of(model, tokenizer, draft_model)
    drafter = make_drafter(speculate, draft)
    engine = Engine(model, tokenizer, max_rows=rows, drafter=drafter)
    return stream_request(engine, request, on_prompt)


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


def generate(model: Decoder, tokenizer: Tokenizer, prompt: Prompt, **options: Any) -> str:
    """The whole answer to one prompt as text, without thoughts before it.

    `options` are those of `stream_generate`.
    """
    return "".join(event.text for event in stream_generate(model, tokenizer, prompt, **options))
