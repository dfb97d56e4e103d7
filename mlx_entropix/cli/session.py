"""What one run of the command works with: a model, a sampler, limits, a trace."""

from argparse import Namespace
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
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
    Request,
    RowForked,
    Settled,
    TokenEvent,
    engine_on,
    fork_record,
    forked,
    load_from,
    path_record,
    result_record,
    stream_request,
    token_record,
)
from mlx_entropix.engine.draft import make_drafter
from mlx_entropix.model.decoder import Decoder, limits
from mlx_entropix.prompts import Prompt
from mlx_entropix.ranks.join import Ranks
from mlx_entropix.sampling import SamplerConfig
from mlx_entropix.sampling.auto import AutoSampler
from mlx_entropix.text import Tokenizer
from mlx_entropix.weights.locate import Location
from mlx_entropix.window import MetricWindow


@dataclass
class Session:
    """The loaded model and everything that was asked for on the command line.

    `auto` is what the sampler of that name is for this model, `forks` what was said of forks,
    `loading` what was said of how to load the model.
    `sampler`, `config`, `fork` (None for answers of one path) and `seed` may change during a chat.
    `prefix_cache_bytes` of past sequences are kept for answers to come. Up to `speculate` tokens
    are guessed ahead. The trace has windows of so many tokens; 0 means none.
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
    logit_bias: tuple[tuple[int, float], ...] = ()
    loading: dict[str, Any] = field(default_factory=dict)
    forks: Forks = field(default_factory=Forks)
    fork: ForkConfig | None = None
    prefix_cache_bytes: int = 0
    ranks: Ranks | None = None
    speculate: int = 0
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
    ) -> "Session":
        """Load the model. Raises `WeightsError` or `TokenizerError`."""
        model, tokenizer = load_from(location, ranks=ranks, **loading(options))
        for sentence in limits(model):
            screen.notice(sentence)
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
            logit_bias=tuple(dict(options.logit_bias).items()),
            is_raw=options.raw,
            trace=trace,
            window=options.window,
            loading=loading(options),
            forks=forks,
            fork=forks.config,
            ranks=ranks,
            speculate=options.speculate,
        )

    def prompt_ids(self, prompt: Prompt) -> tuple[int, ...]:
        """The prompt as token ids. Raises `PromptError`."""
        if self.is_raw:
            return tuple(self.tokenizer.encode(prompt.user))
        return tuple(self.tokenizer.chat(prompt.messages))

    def request(self, prompt_ids: tuple[int, ...]) -> Request:
        """A request to the engine with the sampler, the limits and the forks of now."""
        request = Request(prompt_ids, self.config, self.max_tokens, self.seed, self.stop)
        if self.logit_bias:
            request = replace(request, logit_bias=self.logit_bias)
        return request if self.fork is None else forked(request, self.fork)

    def stream(
        self,
        request: Request,
        on_prompt: Callable[[int, int], None],
        on_path: Callable[[Event], None],
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
                drafter=make_drafter(self.speculate),
            )
        return stream_request(self._engine, request, on_prompt, on_path)

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
            **({"logit_bias": dict(self.logit_bias)} if self.logit_bias else {}),
            **({} if self.fork is None else {"fork": self.fork.model_dump(mode="json")}),
        }

    def description(self, index: int, prompt: Prompt) -> dict[str, Any]:
        """What was asked of whom: the beginning of a JSON result."""
        return {"index": index, "name": prompt.name, "prompt": prompt.user, **self.origin()}

    def trace_prompt(self, index: int, text: str, prompt_ids: tuple[int, ...]) -> None:
        """Write the line that begins an answer in the trace, if there is one."""
        if self.trace is not None:
            record = {"text": text, "token_ids": list(prompt_ids), **self.origin()}
            self.trace.write("prompt", index, record)
            if self.window:
                self._windows[index] = MetricWindow(self.window)

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
            self.trace.write("result", index, result_record(tally.text, tally.events[-1]))
