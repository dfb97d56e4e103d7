"""What `generate` is asked, as requests to an engine; and the answers to many at once."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from mlx_entropix.engine.engine import Engine
from mlx_entropix.engine.events import (
    Answered,
    PromptProgress,
    Request,
    RowFailed,
    RowForked,
    Settled,
    TokenEvent,
)
from mlx_entropix.engine.generated import Answer, Taken
from mlx_entropix.engine.origin import Origin
from mlx_entropix.engine.prompt import Prompt, asked_text, encode_prompt, is_chat, with_system
from mlx_entropix.engine.search import ForkConfig, Search, fork_config, forked
from mlx_entropix.errors import EntropixError, GenerationError
from mlx_entropix.model.decoder import Decoder
from mlx_entropix.sampling import PlainConfig, SamplerConfig
from mlx_entropix.sampling.auto import auto_sampler, chosen_config
from mlx_entropix.text import Tokenizer


class Asked(NamedTuple):
    """A request, what was asked as a person wrote it, and on how many paths it may be answered."""

    request: Request
    text: str
    paths: int

    def taken(self, model: Decoder) -> Taken:
        """Takes what becomes of the request to a model."""
        return Taken(Origin.of(self.text, self.request, model))


def request_of(
    model: Decoder,
    tokenizer: Tokenizer,
    prompt: Prompt,
    *,
    system: str | None,
    sampler: str | None,
    config: SamplerConfig | PlainConfig | None,
    stop: str | Sequence[str],
    logit_bias: Mapping[int, float] | None,
    fork: str | Mapping[str, Any] | ForkConfig | None,
    chat_template_kwargs: Mapping[str, Any] | None,
    temperature: float | None,
    top_p: float | None,
    top_k: int | None,
    min_p: float | None,
    **limits: Any,
) -> Asked:
    """The request that `stream_generate` makes of its options; `limits` are the request's own."""
    prompt = with_system(prompt, system)
    auto = auto_sampler(model.name, model.weights)
    values = {"temperature": temperature, "top_p": top_p, "top_k": top_k, "min_p": min_p}
    request = Request(
        prompt=encode_prompt(tokenizer, prompt, chat_template_kwargs=chat_template_kwargs),
        config=chosen_config(auto, sampler, config, values),
        stop=(stop,) if isinstance(stop, str) else tuple(stop),
        splits_reasoning=is_chat(prompt),
        logit_bias=tuple((logit_bias or {}).items()),
        **limits,
    )
    text = asked_text(tokenizer, prompt)
    if fork is None:
        return Asked(request, text, 1)
    paths = fork if isinstance(fork, ForkConfig) else fork_config(fork)
    return Asked(forked(request, paths), text, paths.paths)


@contextmanager
def numbered(number: int, of: int) -> Iterator[None]:
    """Errors about one prompt of many say which it is."""
    try:
        yield
    except EntropixError as error:
        error.args = (f"Prompt {number} of {of}: {error}",)
        raise


def answers(
    engine: Engine,
    model: Decoder,
    asked: Sequence[Asked],
    at_once: int,
    on_prompt: Callable[[int, int], None] | None = None,
) -> list[Answer]:
    """What an engine answers to requests, `at_once` at a time.

    What cannot be answered is said before anything is computed. `on_prompt(done, total)` counts the
    tokens of all prompts together.
    """
    for number, one in enumerate(asked, start=1):
        with numbered(number, len(asked)):
            engine.cancel(engine.add(one.request))
    taken = [one.taken(model) for one in asked]
    read = [0] * len(asked)
    total = sum(len(one.request.prompt) for one in asked)
    rows: dict[int, int] = {}  # the request of each row
    begun = ended = 0
    while ended < len(asked):
        # Requests in line would take the room of others' forks: each waits here.
        while begun < min(ended + at_once, len(asked)):
            rows[engine.add(asked[begun].request)] = begun
            begun += 1
        for event in engine.step():
            if isinstance(event, RowForked):
                rows[event.row] = rows[event.parent]
            index = rows[event.row]
            forks = isinstance(asked[index].request.policy, Search)
            taken[index].hear(event)
            if isinstance(event, PromptProgress) and on_prompt:
                read[index] = max(read[index], event.done)
                on_prompt(sum(read), total)
            elif isinstance(event, Answered):
                taken[index].tokens += event.tokens
            elif isinstance(event, TokenEvent) and not forks:
                taken[index].tokens.append(event)
            if isinstance(event, Settled if forks else RowFailed) and event.message:
                with numbered(index + 1, len(asked)):
                    raise GenerationError(event.message)
            ended += event.ends and (isinstance(event, Settled) or not forks)
    return [one.answer for one in taken]
