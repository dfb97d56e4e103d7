"""A given text under the model: metrics, log-probability, rank and quadrant of each of its tokens.

Nothing is generated. The text goes through the model once, in chunks, as the prompt of a row that
draws nothing; memory grows with its length as that of a prompt does.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import NormalDist
from typing import Any

import numpy as np

from mlx_entropix.engine.engine import Engine
from mlx_entropix.engine.events import PromptProgress, PromptScored, PromptToken, Request, RowFailed
from mlx_entropix.engine.origin import Origin
from mlx_entropix.engine.prompt import Prompt, asked_text, encode_prompt
from mlx_entropix.engine.trace import prompt_token_record
from mlx_entropix.errors import GenerationError
from mlx_entropix.model.decoder import Decoder
from mlx_entropix.notebook.seen import SeenToken
from mlx_entropix.notebook.shown import Shown
from mlx_entropix.sampling import PlainConfig, SamplerConfig
from mlx_entropix.sampling.auto import auto_sampler
from mlx_entropix.text import Tokenizer

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Perplexity:
    """exp of the mean surprise of `tokens` tokens, and the interval of `CONFIDENCE` around it.

    `low` and `high` are None for fewer than two tokens.
    """

    value: float
    low: float | None
    high: float | None
    tokens: int


@dataclass(frozen=True)
class Analysis(Shown):
    """What the model thought of a text. In a notebook it shows the tinted text.

    `tokens` are all of its tokens, each with `metrics` (the six), `logprob` (nats), `rank` (1: the
    likeliest), `quadrant` (None under the plain sampler), `alternatives` and `attended`. The first
    one, which nothing foretells, has none of these. `perplexity` is None for a text of one token.
    `texts` are what each token adds to the text; None for a control token.
    """

    tokens: tuple[PromptToken, ...] = field(repr=False)
    perplexity: Perplexity | None
    texts: tuple[str | None, ...] = field(repr=False)
    origin: Origin = field(repr=False)

    def seen_tokens(self) -> list[SeenToken]:
        """The tokens, to be shown."""
        return [
            SeenToken(
                text=text or "",
                name=token.token,
                position=position,
                metrics=token.metrics,
                logprob=token.logprob,
                quadrant=token.quadrant,
                alternatives=[(other.token, other.logprob) for other in token.alternatives],
                rank=token.rank,
                drawn=False,
                aside=text is None,
            )
            for position, (token, text) in enumerate(zip(self.tokens, self.texts, strict=True))
        ]

    def records(self) -> list[dict[str, Any]]:
        """The tokens as lines `prompt_token` of the trace file have them."""
        return [prompt_token_record(at, token) for at, token in enumerate(self.tokens)]

    def summary_line(self) -> str:
        """How many tokens, and the perplexity with its interval."""
        parts = [f"{len(self.tokens)} token{'s' * (len(self.tokens) != 1)}"]
        if found := self.perplexity:
            said = f"perplexity {found.value:.1f}"
            if found.low is not None and found.high is not None:
                said += f" (95 %: {found.low:.1f} to {found.high:.1f})"
            parts.append(said)
        return " · ".join([*parts, self.origin.model, self.origin.sampler])

    def save_trace(self, path: str | Path) -> Path:
        """Write the tokens as a trace file, as `--score --trace` does, and return its path.

        Raises `TraceError` where the file cannot be written.
        """
        tokens = (("prompt_token", record) for record in self.records())
        return self.origin.save(path, [*tokens, ("score", self.whole())])

    def whole(self) -> dict[str, Any]:
        """What is said of the text as a whole, as the line `score` of the trace file has it."""
        return {"tokens": len(self.tokens), **perplexity_record(self.perplexity)}


def perplexity(logprobs: Sequence[float]) -> Perplexity | None:
    """The perplexity of tokens with these log-probabilities in nats, in their order; None of none.

    The interval is that of the mean surprise m, exp(m ± z·s), with z of the normal distribution. A
    text's tokens depend on one another, so s is the standard error of Newey and West ("A Simple,
    Positive Semi-Definite, Heteroskedasticity and Autocorrelation Consistent Covariance Matrix",
    1987): s² = (γ₀ + 2 Σ (1 − k / (K + 1)) γₖ) / n, over lags k up to K = ⌊4 (n / 100)^(2/9)⌋,
    where γₖ is the autocovariance. It says how far other texts of this length and kind may lie, not
    how sure the arithmetic is.
    """
    n = len(logprobs)
    if n == 0:
        return None
    surprise = -np.asarray(logprobs, dtype=np.float64)
    mean = float(surprise.mean())
    value = _exp(mean)
    if n == 1:
        return Perplexity(value, None, None, n)
    d = surprise - mean
    lags = min(math.floor(4 * (n / 100) ** (2 / 9)), n - 1)
    variance = float(d @ d) / n
    for k in range(1, lags + 1):
        variance += 2 * (1 - k / (lags + 1)) * float(d[k:] @ d[:-k]) / n
    error = math.sqrt(max(variance, 0.0) / n)
    z = NormalDist().inv_cdf((1 + CONFIDENCE) / 2)
    return Perplexity(value, _exp(mean - z * error), _exp(mean + z * error), n)


def _exp(nats: float) -> float:
    return math.exp(min(nats, 700.0))  # beyond, a float would overflow


def analyse(
    model: Decoder,
    tokenizer: Tokenizer,
    text: Prompt,
    *,
    config: SamplerConfig | PlainConfig | None = None,
    alternatives: int = 0,
    attended: int = 0,
    on_progress: Callable[[int, int], None] | None = None,
) -> Analysis:
    """Six metrics, log-probability, rank and quadrant of each token of a text.

    `text` is used as it is, or is a list of token ids, or of chat messages. The quadrants are those
    of `config`, without one of the preset that is fitted to the model, or else of `entropix`.
    `alternatives` of the likeliest tokens and `attended` of the positions that the last layer
    looked at most are given for each. `on_progress(done, total)` is called as the text is read.
    Raises `PromptError` where the text is empty or does not fit the context, `GenerationError`
    where the model's output is not finite.
    """
    request = Request(
        prompt=encode_prompt(tokenizer, text),
        config=config or auto_sampler(model.name, model.weights).config,
        max_tokens=0,
        alternatives=alternatives,
        scores_prompt=True,
        attended=attended,
    )
    engine = Engine(model, tokenizer, max_rows=1)
    return analysed(engine, request, on_progress, text=asked_text(tokenizer, text))


def analysed(
    engine: Engine,
    request: Request,
    on_progress: Callable[[int, int], None] | None = None,
    *,
    text: str,
) -> Analysis:
    """As `analyse`, of the prompt of a request, by an engine that has no other rows.

    `text` is what was asked, for the trace.
    """
    engine.add(request)
    tokens: tuple[PromptToken, ...] = ()
    while not engine.idle:
        for event in engine.step():
            if isinstance(event, RowFailed):
                raise GenerationError(event.message)
            if isinstance(event, PromptScored):
                tokens = event.tokens
            elif isinstance(event, PromptProgress) and on_progress:
                on_progress(event.done, event.total)
    tokenizer = engine.tokenizer
    decoder = tokenizer.stream_decoder()
    texts = tuple(
        decoder.add(token.token_id) if tokenizer.token_bytes(token.token_id) else None
        for token in tokens
    )
    origin = Origin.of(text, request, engine.model)
    return Analysis(tokens, perplexity(logprobs_of(tokens)), texts, origin)


def logprobs_of(tokens: Sequence[PromptToken]) -> list[float]:
    """The log-probabilities of all that have one."""
    return [token.logprob for token in tokens if token.logprob is not None]


def perplexity_record(found: Perplexity | None) -> dict[str, Any]:
    """It as a JSON object's fields, null where there is none."""
    return {
        "perplexity": found and found.value,
        "perplexity_low": found and found.low,
        "perplexity_high": found and found.high,
    }
