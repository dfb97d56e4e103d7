"""Fitting a sampler to a model: on-policy answers, thresholds from them, and again.

Thresholds change what the sampler draws, and so the text and its metrics. The fit is therefore
repeated on answers made with the thresholds of the round before. A part of the prompts is held out:
the shares that are reported are those of answers to questions that no threshold has seen.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mlx_entropix.engine.engine import Engine
from mlx_entropix.engine.events import Request, RowFailed, TokenEvent
from mlx_entropix.errors import CalibrationError, GenerationError
from mlx_entropix.model.decoder import Decoder
from mlx_entropix.sampling import PlainConfig, SamplerConfig
from mlx_entropix.sampling.calibration import (
    TARGETS,
    Fit,
    TokenTable,
    border_intervals,
    check_prompts,
    fit_thresholds,
    metric_values,
    quadrant_shares,
    with_borders,
)
from mlx_entropix.text import Tokenizer

_HELD_OUT = 3  # every third prompt
_PREFIX_CACHE_BYTES = 1 << 28

OnTokens = Callable[[str, int, int], None]
"""Called with what is being done, the tokens made so far, and the most that it may take."""


@dataclass(frozen=True)
class Collected:
    """The metrics of all tokens of the answers to some prompts."""

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
    """

    config: SamplerConfig
    fit: Fit
    intervals: dict[str, tuple[float, float]]
    before: Collected
    after: Collected
    shares_before: dict[str, float]
    shares_after: dict[str, float]
    rounds: int
    tokens: int


def collect_tokens(
    model: Decoder,
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
    if not model.attends:
        raise CalibrationError(
            f"{model.name} has no attention that can be measured, so there is nothing to fit its "
            "thresholds to. Set those of the logits in a --sampler_config."
        )
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
    values = [event.metrics for _, event in events]
    table = TokenTable(
        metric_values(values),
        np.array([event.position for _, event in events]),  # a token sees all those before it
        np.array([i for i, _ in events]),
    )
    return Collected(table)


def calibrate(
    model: Decoder,
    tokenizer: Tokenizer,
    prompts: Sequence[tuple[int, ...]],
    start: SamplerConfig,
    *,
    before: SamplerConfig,
    targets: Mapping[str, float] = TARGETS,
    change: Callable[[SamplerConfig], SamplerConfig] | None = None,
    rounds: int = 2,
    max_tokens: int = 80,
    seed: int = 0,
    resamples: int = 200,
    on_tokens: OnTokens = lambda *_: None,
) -> Calibration:
    """Fit the thresholds of `start` to a model, keeping what its quadrants do.

    Every third prompt is held out. `before` is the sampler that the fitted one is compared with
    there. `change` may change what the quadrants do, given the thresholds of the first round (see
    `tune`); those of the last round are then fitted to what it does. Raises `CalibrationError` for
    too few prompts or tokens, `GenerationError`.
    """
    check_prompts(len(prompts))
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
        if change is not None and number == 0:
            start = config = change(config)
    intervals = border_intervals(answers.table, targets, resamples=resamples, seed=seed)
    after = collect("After, held-out prompts", held_out, config, seed)
    return Calibration(
        config=config,
        fit=fit,
        intervals=intervals,
        before=compared,
        after=after,
        shares_before=quadrant_shares(compared.table, before.model_dump()),
        shares_after=quadrant_shares(after.table, config.model_dump()),
        rounds=rounds,
        tokens=tokens + after.tokens,
    )


BOUNDS: dict[str, tuple[float, float]] = {
    "temperature": (0.3, 1.0),
    "min_p": (0.02, 0.3),
    "treading.temperature_constant": (0.0, 1.5),
    "exploring.temperature_constant": (0.0, 1.0),
    "resampling.temperature_constant": (0.0, 1.0),
    "adaptive.temperature_constant": (0.0, 1.0),
}
"""What `tune` may change, and within which bounds. A constant of 0 takes the likeliest token."""

_COLD = 1 / 3  # so large a part of the trials takes the likeliest token in a quadrant


@dataclass(frozen=True)
class Trial:
    """A setting that was tried: its values by name, the share of questions answered rightly, and
    the mean temperature that its tokens were drawn with (0 for the likeliest token)."""

    values: dict[str, float]
    accuracy: float
    warmth: float


@dataclass(frozen=True)
class Tuning:
    """The chosen configuration and all that was tried; `greedy` is the accuracy without draws."""

    config: SamplerConfig
    chosen: int
    trials: list[Trial]
    greedy: float
    tokens: int


def tune(
    model: Decoder,
    tokenizer: Tokenizer,
    questions: Sequence[tuple[tuple[int, ...], tuple[str, ...]]],
    start: SamplerConfig,
    *,
    trials: int = 8,
    max_tokens: int = 24,
    stop: tuple[str, ...] = ("\n",),
    seed: int = 0,
    on_tokens: OnTokens = lambda *_: None,
) -> Tuning:
    """Fit what each quadrant does: the values of BOUNDS, to questions with known answers.

    A question is its prompt (token ids) and the answers that are right. `trials` settings are
    tried, `start` itself the first and the others a Latin hypercube within BOUNDS, each question
    with its own seed under all of them. The one with the most right answers is taken; of several,
    the one that draws most freely.
    """
    settings = [_values(start), *_latin_hypercube(trials - 1, seed)]
    configs: list[SamplerConfig | PlainConfig] = [PlainConfig(temperature=0)]
    configs += [_with_values(start, values) for values in settings]
    engine = Engine(model, tokenizer, max_rows=48, prefix_cache_bytes=_PREFIX_CACHE_BYTES)
    row_of = {
        engine.add(Request(prompt, config, max_tokens, seed + i, stop)): (i, j)
        for i, (prompt, _) in enumerate(questions)
        for j, config in enumerate(configs)
    }
    texts = [["" for _ in configs] for _ in questions]
    warmth, made = np.zeros((2, len(configs))), 0
    while not engine.idle:
        for event in engine.step():
            if isinstance(event, RowFailed):
                raise GenerationError(event.message)
            if isinstance(event, TokenEvent):
                i, j = row_of[event.row]
                texts[i][j] += event.text
                drawn = event.parameters.temperature if event.parameters else 0.0
                warmth[:, j] += drawn, 1
                made += 1
        on_tokens("Tuning", made, len(row_of) * max_tokens)
    right = np.array(
        [
            [answers_rightly(text, answers) for text in row]
            for row, (_, answers) in zip(texts, questions, strict=True)
        ],
        dtype=float,
    )
    means, temperatures = right.mean(axis=0), warmth[0] / np.maximum(warmth[1], 1)
    best = means >= means[1:].max()
    best[0] = False  # the greedy row is there to compare with
    chosen = int(np.argmax(np.where(best, temperatures, -1.0)))
    tried = [
        Trial(values, float(means[j]), float(temperatures[j]))
        for j, values in enumerate(settings, 1)
    ]
    return Tuning(
        _with_values(start, settings[chosen - 1]), chosen - 1, tried, float(means[0]), made
    )


def answers_rightly(text: str, answers: Sequence[str]) -> bool:
    """Whether one of `answers` stands in the text; a number must be the text's last one."""
    text = text.lower().replace(",", "")
    numbers = re.findall(r"\d+(?:\.\d+)?", text)
    for answer in (answer.lower().replace(",", "") for answer in answers):
        if re.fullmatch(r"\d+(?:\.\d+)?", answer):
            if numbers and numbers[-1] == answer:
                return True
        elif re.search(rf"(?<!\w){re.escape(answer)}(?!\w)", text):
            return True
    return False


def _latin_hypercube(count: int, seed: int) -> list[dict[str, float]]:
    """`count` points within BOUNDS that divide each range evenly (McKay et al., 1979)."""
    rng = np.random.default_rng(seed)
    columns = {}
    for name, (low, high) in BOUNDS.items():
        places = (rng.permutation(count) + rng.random(count)) / max(count, 1)
        if low == 0:
            places = np.maximum(0, (places - _COLD) / (1 - _COLD))
        columns[name] = low + places * (high - low)
    return [
        {name: round(float(column[i]), 3) for name, column in columns.items()} for i in range(count)
    ]


def _values(config: SamplerConfig) -> dict[str, float]:
    """The values of BOUNDS in a configuration."""
    values = {}
    for name in BOUNDS:
        value: object = config
        for part in name.split("."):
            value = getattr(value, part)
        values[name] = float(value)  # type: ignore[arg-type]
    return values


def _with_values(config: SamplerConfig, values: Mapping[str, float]) -> SamplerConfig:
    changes: dict = {}
    for name, value in values.items():
        *above, last = name.split(".")
        (changes.setdefault(above[0], {}) if above else changes)[last] = value
    return config.override(changes)
