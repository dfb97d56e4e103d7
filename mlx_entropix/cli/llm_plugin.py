"""The plugin for `llm`, Simon Willison's command line (https://llm.datasette.io).

`llm` finds it by its entry point, and asks it for models whatever the command: so what takes long
to import is imported when a model answers. What `llm` logs is the plain text of an answer. Colours
are written to the terminal around it, while `llm` prints each word.
"""

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Literal

import click
import llm
from llm.parts import StreamEvent, TextPart
from pydantic import Field

from mlx_entropix.choices import MOST_DRAFTED, MOST_PATHS, RANGES
from mlx_entropix.errors import DownloadError, EntropixError
from mlx_entropix.prompts import SYSTEM_PROMPT
from mlx_entropix.weights.at_hand import weights_at_hand

if TYPE_CHECKING:
    from mlx_entropix.engine import Engine, Request, TokenEvent

_PREFIX_CACHE_BYTES = 1 << 28  # of a conversation's past turns


@llm.hookimpl
def register_models(register: Any) -> None:
    """Name the model that answers where none is named, and all whose weights are here."""
    register(Entropix("entropix", None))
    for name, weights in weights_at_hand().items():
        register(Entropix(f"entropix/{name}", weights))


class Entropix(llm.Model):
    """A model with the entropy sampler. `weights` is what `load` takes."""

    can_stream = True
    supports_schema = True

    class Options(llm.Options):
        """What can be given with `-o`."""

        # None where it was not given, as all that has a value is logged.
        sampler: Literal["auto", "entropix", "frog", "normal"] | None = Field(
            default=None, description="auto is fitted to the model, entropix and frog as published"
        )
        temperature: float | None = Field(default=None, description="in place of the sampler's")
        top_p: float | None = Field(default=None, description="in place of the sampler's")
        top_k: int | None = Field(default=None, description="in place of the sampler's")
        min_p: float | None = Field(default=None, description="in place of the sampler's")
        seed: int | None = Field(default=None, description="equal seeds give equal answers")
        max_tokens: int | None = Field(
            default=None, ge=1, description="where an answer ends at the latest, by default 4096"
        )
        stop: str | None = Field(default=None, description="an answer ends before this text")
        fork: Literal["independent", "first", "entropy", "lookahead", "deepconf"] | None = Field(
            default=None, description="answer on several paths, which vote"
        )
        weights: str | None = Field(
            default=None, description="a folder, a .gguf file or a Hugging Face repo id"
        )
        color: bool | None = Field(
            default=None, description="tint uncertain words; by default in a terminal"
        )

    def __init__(self, model_id: str, weights: str | None):
        self.model_id = model_id
        self._weights = weights
        self._engines: dict[str | None, Engine] = {}

    def execute(
        self,
        prompt: llm.Prompt,
        stream: bool,
        response: llm.Response,
        conversation: llm.Conversation | None,  # noqa: ARG002  `messages` has what was said before
    ) -> Iterator[Any]:
        """Answer, a chunk a token. Raises `llm.ModelError` with a sentence."""
        from mlx_entropix.engine import stream_request

        options: Any = prompt.options
        weights = options.weights or self._weights
        try:
            engine = self._engine(weights)
            request = _request(engine, messages_of(prompt), options, prompt.schema)
            tint = _Tint.of(options.color, request) if stream else None
            while not engine.idle:
                engine.step()  # an answer that was left leaves
            events = []
            for event in stream_request(engine, request):
                events.append(event)
                if event.reasoning:
                    yield StreamEvent(type="reasoning", chunk=event.reasoning)
                yield from [event.text] if tint is None else tint.chunks(event)
        except EntropixError as error:
            raise llm.ModelError(str(error)) from None
        except BaseException:  # it may be in the middle of a step
            self._engines.pop(weights, None)
            raise
        _describe(response, events)

    def _engine(self, weights: str | None) -> "Engine":
        """The model, loaded once a process, so that a chat goes on from what it has read."""
        from mlx_entropix.engine import Engine, load
        from mlx_entropix.engine.draft import make_drafter
        from mlx_entropix.weights.locate import name_weights

        if weights not in self._engines:
            name, path = name_weights(weights)
            try:
                loaded = load(weights if path else name)
            except DownloadError as error:
                error.args = (f"{error} Or name weights that are here with -o weights.",)
                raise
            self._engines[weights] = Engine(
                *loaded,
                max_rows=MOST_PATHS,
                prefix_cache_bytes=_PREFIX_CACHE_BYTES,
                drafter=make_drafter(MOST_DRAFTED),
            )
        return self._engines[weights]


def messages_of(prompt: llm.Prompt) -> list[dict[str, str]]:
    """All that was said, as a chat template takes it.

    A system prompt that comes in the middle of a conversation takes the place of the one before,
    and where there is none, ours stands. Raises `llm.ModelError` for what is not text.
    """
    chat = []
    for message in prompt.messages:
        texts = [part.text for part in message.parts if isinstance(part, TextPart)]
        if len(texts) < len(message.parts):
            raise llm.ModelError("The model reads text alone: no attachments and no tools.")
        chat.append({"role": message.role, "content": "".join(texts)})
    if prompt.system:
        chat = [message for message in chat if message["role"] != "system"]
    if not any(message["role"] == "system" for message in chat):
        chat.insert(0, {"role": "system", "content": prompt.system or SYSTEM_PROMPT})
    return chat


def _request(engine: "Engine", chat: list[dict[str, str]], options: Any, schema: Any) -> "Request":
    """What the options ask of the engine, in the form of a JSON Schema if there is one."""
    from mlx_entropix.engine.asking import request_of
    from mlx_entropix.text import json_schema

    limits = {name: getattr(options, name) for name in ("max_tokens", "seed")}
    asked = request_of(
        engine.model,
        engine.tokenizer,
        chat,
        system="",  # the chat has one
        sampler=options.sampler,
        config=None,
        stop=options.stop or (),
        logit_bias=None,
        fork=options.fork,
        chat_template_kwargs=None,
        constraint=json_schema(schema) if schema else None,
        **{name: getattr(options, name) for name in RANGES},
        **{name: value for name, value in limits.items() if value is not None},
    )
    return asked.request


def _describe(response: llm.Response, events: list["TokenEvent"]) -> None:
    """Leave in the log what the answer took, and how sure the model was."""
    from collections import Counter

    if not events or (took := events[-1].summary) is None:
        return
    response.set_usage(input=took.prompt_tokens, output=took.completion_tokens)
    entropies = [event.metrics.logits_entropy for event in events]
    quadrants = Counter(event.quadrant.name for event in events if event.quadrant is not None)
    response.response_json = {
        "finish_reason": events[-1].finish_reason,
        "mean_logits_entropy": sum(entropies) / len(entropies),
        "quadrants": dict(quadrants),
        "generation_tps": took.generation_tps,
    }


class _Tint:
    """Colours around the words that `llm` prints, on its own stdout."""

    def __init__(self, color_system: str):
        self._color_system = color_system

    @classmethod
    def of(cls, wanted: bool | None, request: "Request") -> "_Tint | None":
        """Those of the terminal; with `wanted` also of what is none. None where there are none.

        Says in a dim line what they mean. A program that uses `llm` as a library gets none.
        """
        if wanted is False or click.get_current_context(silent=True) is None:
            return None
        from mlx_entropix.cli.screen import make_console
        from mlx_entropix.cli.style import legend
        from mlx_entropix.sampling import SamplerConfig

        color_system = make_console(sys.stdout, no_color=False).color_system
        if color_system is None and not wanted:
            return None
        notes = make_console(sys.stderr, no_color=False)
        if notes.is_terminal:
            notes.print(legend(notes, quadrants=isinstance(request.config, SamplerConfig)))
        return cls(color_system or "256")

    def chunks(self, event: "TokenEvent") -> Iterator[str]:
        """A token's text, the space before a word alone, between the codes of its style."""
        from mlx_entropix.cli.style import token_style

        word = event.text.lstrip()
        yield event.text[: len(event.text) - len(word)]
        begin, end = _codes(token_style(event, self._color_system), self._color_system)
        _write(begin)
        try:
            yield word
        finally:
            _write(end)


def _codes(style: Any, color_system: str) -> tuple[str, str]:
    """The escape sequences that begin and end a style of rich."""
    from rich.color import ColorSystem

    systems = {"standard": ColorSystem.STANDARD, "256": ColorSystem.EIGHT_BIT}
    system = systems.get(color_system, ColorSystem.TRUECOLOR)
    begin, _, end = style.render("\0", color_system=system).partition("\0")
    return begin, end


def _write(codes: str) -> None:
    if codes:
        sys.stdout.write(codes)
        sys.stdout.flush()
