"""What one run of the command works with: a model, a sampler, limits, a trace."""

from argparse import Namespace
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mlx_entropix.choices import MOST_PATHS
from mlx_entropix.cli.command import loading
from mlx_entropix.cli.fork_options import Forks
from mlx_entropix.cli.sampler_options import Config
from mlx_entropix.cli.screen import Screen
from mlx_entropix.cli.tally import Tally
from mlx_entropix.cli.trace_file import TraceFile
from mlx_entropix.engine import (
    Engine,
    Event,
    ForkConfig,
    PromptScored,
    PromptToken,
    Request,
    RowForked,
    Settled,
    TokenEvent,
    engine_on,
    fork_record,
    forked,
    load_draft,
    load_from,
    path_record,
    prompt_token_record,
    result_record,
    stream_request,
    token_record,
)
from mlx_entropix.engine.draft import DraftModel, make_drafter
from mlx_entropix.model.decoder import Decoder, limits
from mlx_entropix.prompts import Prompt
from mlx_entropix.ranks.join import Ranks
from mlx_entropix.sampling import SamplerConfig
from mlx_entropix.sampling.auto import AutoSampler
from mlx_entropix.text import Constraint, Tokenizer
from mlx_entropix.weights.locate import Location
from mlx_entropix.window import MetricWindow


@dataclass
class Session:
    """The loaded model and everything that was asked for on the command line.

    `auto` is what the sampler of that name is for this model, `forks` what was said of forks,
    `loading` what was said of how to load the model.
    `sampler`, `config`, `fork` (None for answers of one path) and `seed` may change during a chat.
    `prefix_cache_bytes` of past sequences are kept for answers to come. Up to `speculate` tokens
    are guessed ahead, by a `draft` model too if there is one. The trace has windows of so many
    tokens; 0 means none. With `shows_prompt` the prompt's tokens are scored and shown too. Each
    token is recorded with so many of the positions that were `attended` to most.
    `chat_template_kwargs` are more variables of the chat template.
    """

    screen: Screen
    model: Decoder
    tokenizer: Tokenizer
    auto: AutoSampler
    sampler: str
    config: Config
    seed: int
    max_tokens: int
    stop: tuple[str, ...]
    is_raw: bool
    trace: TraceFile | None
    window: int = 0
    stop_repeats: int = 0
    logit_bias: tuple[tuple[int, float], ...] = ()
    constraint: Constraint | None = None
    loading: dict[str, Any] = field(default_factory=dict)
    forks: Forks = field(default_factory=Forks)
    fork: ForkConfig | None = None
    prefix_cache_bytes: int = 0
    shows_prompt: bool = False
    attended: int = 0
    ranks: Ranks | None = None
    chat_template_kwargs: dict[str, Any] = field(default_factory=dict)
    speculate: int = 0
    draft: DraftModel | None = None
    _engine: Engine | None = field(default=None, init=False)
    _windows: dict[int, MetricWindow] = field(default_factory=dict, init=False)

    @classmethod
    def open(
        cls,
        options: Namespace,
        screen: Screen,
        location: Location,
        trace: TraceFile | None,
        auto: AutoSampler,
        sampler: str,
        config: Config,
        forks: Forks,
        ranks: Ranks | None = None,
        draft: Location | None = None,
        constraint: Constraint | None = None,
    ) -> "Session":
        """Load the model, and the `draft` model. Raises `WeightsError` or `TokenizerError`."""
        model, tokenizer = load_from(location, ranks=ranks, **loading(options))
        for sentence in limits(model):
            screen.notice(sentence)
        tokenizer.check_chat_template_kwargs(options.chat_template_kwargs)
        return cls(
            screen=screen,
            model=model,
            tokenizer=tokenizer,
            auto=auto,
            sampler=sampler,
            config=config,
            seed=options.seed,
            max_tokens=options.max_tokens,
            stop=tuple(options.stop),
            stop_repeats=options.stop_repeats,
            logit_bias=tuple(dict(options.logit_bias).items()),
            constraint=constraint,
            is_raw=options.raw,
            trace=trace,
            window=options.window,
            loading=loading(options),
            forks=forks,
            fork=forks.config,
            shows_prompt=options.show_prompt,
            attended=options.attended,
            ranks=ranks,
            chat_template_kwargs=options.chat_template_kwargs,
            speculate=options.speculate,
            draft=load_draft(draft, model, tokenizer),
        )

    def prompt_ids(self, prompt: Prompt) -> tuple[int, ...]:
        """The prompt as token ids. Raises `PromptError`."""
        if self.is_raw:
            return tuple(self.tokenizer.encode(prompt.user))
        return self.chat_ids(prompt.messages)

    def chat_ids(self, messages: Sequence[Mapping[str, Any]]) -> tuple[int, ...]:
        """A chat's messages as token ids. Raises `PromptError`."""
        more = self.chat_template_kwargs
        return tuple(self.tokenizer.chat(messages, chat_template_kwargs=more))

    def request(self, prompt_ids: tuple[int, ...]) -> Request:
        """A request to the engine with the sampler, the limits and the forks of now."""
        request = Request(
            prompt_ids,
            self.config,
            self.max_tokens,
            self.seed,
            self.stop,
            splits_reasoning=not self.is_raw,
            scores_prompt=self.shows_prompt,
            attended=self.attended,
            logit_bias=self.logit_bias,
            constraint=self.constraint,
            stop_repeats=self.stop_repeats,
        )
        return request if self.fork is None else forked(request, self.fork)

    def stream(
        self,
        request: Request,
        on_prompt: Callable[[int, int], None],
        on_path: Callable[[Event], None],
        on_scored: Callable[[PromptScored], None] | None = None,
    ) -> Iterator[TokenEvent]:
        """The tokens of an answer. Raises what `stream_request` raises, and when."""
        while self._engine is not None and not self._engine.idle:
            self._engine.step()  # an answer that was stopped leaves, and is remembered
        if self._engine is None:
            self._engine = engine_on(
                self.ranks,
                self.model,
                self.tokenizer,
                max_rows=MOST_PATHS,  # as many as any policy may be asked for during a chat
                prefix_cache_bytes=self.prefix_cache_bytes,
                drafter=make_drafter(self.speculate, self.draft),
            )
        return stream_request(self._engine, request, on_prompt, on_path, on_scored)

    def drop_engine(self) -> None:
        """Go on with a new engine: Ctrl-C may have come in the middle of a step."""
        self._engine = None

    @property
    def shows_quadrants(self) -> bool:
        """Whether the sampler has quadrants."""
        return isinstance(self.config, SamplerConfig)

    def origin(self) -> dict[str, Any]:
        """What an answer comes from, for a record of it."""
        return {
            "model": self.model.name,
            **self.loading,
            "sampler": self.sampler,
            "config": self.config.model_dump(mode="json"),
            "seed": self.seed,
            **(
                {"chat_template_kwargs": self.chat_template_kwargs}
                if self.chat_template_kwargs
                else {}
            ),
            **({"logit_bias": dict(self.logit_bias)} if self.logit_bias else {}),
            **({} if self.constraint is None else {"constraint": self.constraint.grammar}),
            **({} if self.fork is None else {"fork": self.fork.model_dump(mode="json")}),
        }

    def limits(self) -> dict[str, Any]:
        """Where an answer ends."""
        stop = {"stop": list(self.stop)} if self.stop else {}
        repeats = {"stop_repeats": self.stop_repeats} if self.stop_repeats else {}
        return {"max_tokens": self.max_tokens, **stop, **repeats}

    def description(self, index: int, prompt: Prompt) -> dict[str, Any]:
        """What was asked of whom: the beginning of a JSON result."""
        asked = {"name": prompt.name, "prompt": prompt.user, "system": prompt.system}
        return {"index": index, **asked, **self.origin()}

    def trace_prompt(
        self, index: int, text: str, prompt_ids: tuple[int, ...], name: str | None = None
    ) -> None:
        """Write the line that begins an answer in the trace, if there is one.

        `name` is that of a prompt of a list.
        """
        if self.trace is not None:
            named = {} if name is None else {"name": name}
            asked = {**named, "text": text, "token_ids": list(prompt_ids)}
            record = {**asked, **self.limits(), **self.origin()}
            self.trace.write("prompt", index, record)
            if self.window:
                self._windows[index] = MetricWindow(self.window)

    def trace_prompt_tokens(self, index: int, tokens: Iterable[PromptToken]) -> None:
        """Write the lines of a prompt's own tokens."""
        if self.trace is not None:
            for position, token in enumerate(tokens):
                self.trace.write("prompt_token", index, prompt_token_record(position, token))

    def trace_token(self, index: int, event: TokenEvent) -> None:
        """Write a token's line."""
        if self.trace is not None:
            self.trace.write("token", index, token_record(event, self._windows.get(index)))

    def trace_path(self, index: int, event: Event, tally: Tally) -> None:
        """Write the line of a fork, or those of all paths where these are settled."""
        if self.trace is None or tally.search is None:
            return
        if isinstance(event, RowForked):
            branches = {branch.row.id: branch.number for branch in tally.search.branches}
            parent = branches[event.parent]
            self.trace.write("fork", index, fork_record(event, parent))
        elif isinstance(event, Settled):
            for path in event.paths:
                chosen = {"chosen": path.branch == event.chosen}
                self.trace.write("path", index, path_record(path) | chosen)

    def trace_result(self, index: int, tally: Tally) -> None:
        """Write the line that ends a finished answer."""
        if self.trace is not None:
            self.trace.write(
                "result", index, result_record(tally.text, tally.events[-1], tally.reasoning)
            )
