"""Fitting a sampler to a model: on-policy answers, thresholds from them, and again.

Thresholds change what the sampler draws, and so the text and its metrics. The fit is therefore
repeated on answers made with the thresholds of the round before. A part of the prompts is held out:
the shares that are reported are those of answers to questions that no threshold has seen.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mlx_entropix.engine.engine import Engine
from mlx_entropix.engine.events import Request, RowFailed, TokenEvent
from mlx_entropix.engine.generate import GenerationError
from mlx_entropix.model.llama import Llama
from mlx_entropix.sampling import PlainConfig, SamplerConfig
from mlx_entropix.sampling.calibration import (
    TARGETS,
    CalibrationError,
    Fit,
    TokenTable,
    border_intervals,
    fit_thresholds,
    metric_values,
    quadrant_shares,
    with_borders,
)
from mlx_entropix.text import Tokenizer

LEAST_PROMPTS = 9
_HELD_OUT = 3  # every third prompt
_PREFIX_CACHE_BYTES = 1 << 28

OnTokens = Callable[[str, int, int], None]
"""Called with what is being done, the tokens made so far, and the most that it may take."""


@dataclass(frozen=True)
class Collected:
    """Answers to some prompts: their texts, and the metrics of all their tokens."""

    texts: list[str]
    table: TokenTable

    @property
    def tokens(self) -> int:
        """How many tokens the answers have together."""
        return len(self.table.keys)


@dataclass(frozen=True)
class Calibration:
    """A fitted sampler, and what is known of it.

    `before` and `after` are answers to the held-out prompts, with the sampler that was begun with
    and the fitted one; `shares_before` and `shares_after` are their quadrants' shares.
    `fitted_on` are the answers of the last round, which the thresholds were fitted to.
    """

    config: SamplerConfig
    fit: Fit
    intervals: dict[str, tuple[float, float]]
    fitted_on: TokenTable
    before: Collected
    after: Collected
    shares_before: dict[str, float]
    shares_after: dict[str, float]
    rounds: int
    tokens: int


def collect_tokens(
    model: Llama,
    tokenizer: Tokenizer,
    prompts: Sequence[tuple[int, ...]],
    config: SamplerConfig | PlainConfig,
    *,
    max_tokens: int,
    seed: int = 0,
    rows: int = 48,
    on_token: Callable[[int], None] = lambda _: None,
) -> Collected:
    """Answer the prompts (token ids) as rows of one batch and keep every token's metrics.

    Prompt i has seed + i. `on_token` is called with the tokens made so far. Raises
    `GenerationError` where the model's numbers are not finite, `PromptError` for a prompt that
    does not fit.
    """
    engine = Engine(model, tokenizer, max_rows=rows, prefix_cache_bytes=_PREFIX_CACHE_BYTES)
    row_of = {
        engine.add(Request(prompt, config, max_tokens, seed + i)): i
        for i, prompt in enumerate(prompts)
    }
    answers: list[list[TokenEvent]] = [[] for _ in prompts]
    made = 0
    while not engine.idle:
        for event in engine.step():
            if isinstance(event, RowFailed):
                raise GenerationError(event.message)
            if isinstance(event, TokenEvent):
                answers[row_of[event.row]].append(event)
                made += 1
        on_token(made)
    events = [(i, event) for i, answer in enumerate(answers) for event in answer]
    values = [tuple(vars(event.metrics).values()) for _, event in events]
    table = TokenTable(
        metric_values(values),
        np.array([event.position for _, event in events]),  # a token sees all those before it
        np.array([i for i, _ in events]),
    )
    return Collected(["".join(event.text for event in answer) for answer in answers], table)


def calibrate(
    model: Llama,
    tokenizer: Tokenizer,
    prompts: Sequence[tuple[int, ...]],
    start: SamplerConfig,
    *,
    before: SamplerConfig,
    targets: Mapping[str, float] = TARGETS,
    rounds: int = 2,
    max_tokens: int = 80,
    seed: int = 0,
    resamples: int = 200,
    on_tokens: OnTokens = lambda *_: None,
) -> Calibration:
    """Fit the thresholds of `start` to a model, keeping what its quadrants do.

    Every third prompt is held out. `before` is the sampler that the fitted one is compared with
    there. Raises `CalibrationError` for too few prompts or tokens, `GenerationError`.
    """
    if len(prompts) < LEAST_PROMPTS:
        raise CalibrationError(
            f"{len(prompts)} prompts are too few to fit on some and look at others. Give at least "
            f"{LEAST_PROMPTS}, better 100."
        )
    held_out = prompts[_HELD_OUT - 1 :: _HELD_OUT]
    fitting = [p for i, p in enumerate(prompts) if i % _HELD_OUT != _HELD_OUT - 1]

    def collect(
        what: str, some: Sequence[tuple[int, ...]], config: SamplerConfig, first_seed: int
    ) -> Collected:
        most = len(some) * max_tokens
        return collect_tokens(
            model,
            tokenizer,
            some,
            config,
            max_tokens=max_tokens,
            seed=first_seed,
            on_token=lambda made: on_tokens(what, made, most),
        )

    compared = collect("Before, held-out prompts", held_out, before, seed)
    config, tokens = start, compared.tokens
    for number in range(rounds):
        answers = collect(f"Round {number + 1} of {rounds}", fitting, config, seed + 1000 * number)
        tokens += answers.tokens
        fit = fit_thresholds(answers.table, targets)
        config = with_borders(start, fit.borders)
    intervals = border_intervals(answers.table, targets, resamples=resamples, seed=seed)
    after = collect("After, held-out prompts", held_out, config, seed)
    return Calibration(
        config=config,
        fit=fit,
        intervals=intervals,
        fitted_on=answers.table,
        before=compared,
        after=after,
        shares_before=quadrant_shares(compared.table, before.model_dump()),
        shares_after=quadrant_shares(after.table, config.model_dump()),
        rounds=rounds,
        tokens=tokens + after.tokens,
    )
