"""Our sampler in mlx-lm's own generation loop, as the callable that it takes for a sampler.

The loop gives it a row's log-probabilities, and knows nothing else of it: which draw this is, what
was drawn before and what the row's conditions look back at is kept here, so a sampler is of one
row. What the model attended to comes from a tapped model (model/tapped.py), or not at all.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple, cast

import mlx.core as mx

from mlx_entropix.engine.events import TokenEvent
from mlx_entropix.engine.step import CLARIFYING_TEXT, Samplers, xtc_exempt
from mlx_entropix.errors import ConfigError, TokenizerError, UsageError
from mlx_entropix.model.tapped import Tapped
from mlx_entropix.sampling import (
    Numbers,
    PlainConfig,
    Quadrant,
    SamplerConfig,
    no_recent,
    position_key,
    sample_rows,
)
from mlx_entropix.text import Tokenizer


class Drawn(NamedTuple):
    """What is kept of a draw, on the device: see `Sampled`."""

    token: mx.array
    quadrant: mx.array
    numbers: mx.array


class EntropixSampler:
    """Takes log-probabilities (1, V), returns the token (1,) uint32; see `make_entropix_sampler`.

    Raises `UsageError` where it is given several rows.
    """

    def __init__(
        self,
        config: SamplerConfig | PlainConfig,
        tokenizer: Tokenizer,
        seed: int,
        position: int,
        attention: Tapped | None,
    ):
        self._config = config
        self._tokenizer = tokenizer
        self._seed = seed
        self._first = position
        self._attention = attention
        self._clarifying_token = tokenizer.first_token_of(CLARIFYING_TEXT)
        self._exempt = xtc_exempt(tokenizer)
        self._samplers: Samplers | None = None  # once the width of the logits is known
        self._drawn: list[Drawn] = []
        self._recent = no_recent(1)

    def __call__(self, logprobs: mx.array) -> mx.array:
        """Draw the row's next token."""
        if logprobs.ndim != 2 or len(logprobs) != 1:
            raise UsageError(
                f"The sampler was given log-probabilities of the shape {logprobs.shape}, and it is "
                "of one row. Make one for each row, and give them as `samplers=`; mlx-lm's "
                "speculative decoding cannot use it."
            )
        vocabulary = logprobs.shape[-1]
        if self._samplers is None:
            attends = self._attention is not None
            self._samplers = Samplers.of(
                [self._config], self._clarifying_token, vocabulary, attends
            )
        scores = mask = None
        previous = self._drawn[-1].token if self._drawn else mx.array([-1], dtype=mx.int32)
        if self._attention is not None:
            scores, mask, previous = self._attention.next_row()
        key = position_key(self._seed, self._first + len(self._drawn))
        sampled = sample_rows(
            logprobs,
            scores,
            mask,
            previous,
            self._samplers.parameters,
            mx.array([key], dtype=mx.uint32),
            candidates=self._samplers.candidates,
            draws=self._samplers.draws,
            filters=self._samplers.filters,
            exempt=self._exempt,
            recent=self._recent if self._samplers.look_back else None,
        )
        # With the token, so that nothing of what it was computed from has to be kept.
        mx.async_eval(sampled.token, sampled.quadrant, sampled.numbers, sampled.recent)
        if sampled.recent is not None:
            self._recent = sampled.recent
        self._drawn.append(Drawn(sampled.token, sampled.quadrant, sampled.numbers))
        return sampled.token.astype(mx.uint32)

    def events(self) -> Iterator[TokenEvent]:
        """What was drawn so far, an event a token, from the first one on.

        mlx-lm asks for a token more than it gives: `zip` the tokens it gives with these.
        """
        decoder = self._tokenizer.stream_decoder()
        for i, drawn in enumerate(self._drawn):
            token_id, quadrant = cast(int, drawn.token.item()), cast(int, drawn.quadrant.item())
            numbers = cast(list[float], drawn.numbers[0].tolist())
            seen = Numbers.of(numbers, self._attention is not None)
            yield TokenEvent(
                row=0,
                position=self._first + i,
                token_id=token_id,
                token=self._tokenizer.token_text(token_id),
                text=decoder.add(token_id),
                logprob=seen.logprob,
                metrics=seen.metrics,
                quadrant=Quadrant(quadrant) if quadrant >= 0 else None,
                parameters=seen.parameters,
            )


def make_entropix_sampler(
    config: SamplerConfig | PlainConfig,
    tokenizer: Any,
    seed: int = 0,
    *,
    position: int = 0,
    attention: Tapped | None = None,
) -> EntropixSampler:
    """Return a sampler for one answer in mlx-lm's own loop.

    For `mlx_lm.generate(sampler=…)`, `stream_generate` and `BatchGenerator`, there as one of
    `samplers=`, for each row its own. `tokenizer` is the one that mlx-lm loaded, or ours.

    It sees the logits alone: no condition on attention holds, and attention adds nothing to the
    parameters of a draw, as with a model whose attention cannot be measured. With `attention`, what
    `tap(model)` gives, it sees the attention too. Then every row of a batch needs such a sampler.

    The n-th draw, from 0 on, has the key `position_key(seed, position + n)`. With the number of the
    prompt's tokens as the `position`, keys are those of `generate` in this package, and so are the
    tokens, as far as rounding and what it sees allow. Penalties are mlx-lm's `logits_processors`:
    raises `ConfigError` where the `config` has some, `TokenizerError` for a tokenizer without
    Hugging Face's `tokenizers` below it.
    """
    if config.penalizes:
        raise ConfigError(
            "In mlx-lm's loop penalties are its own: leave them out of the sampler's values, and "
            "give mlx_lm.sample_utils.make_logits_processors as logits_processors."
        )
    return EntropixSampler(config, _ours(tokenizer), seed, position, attention)


def _ours(tokenizer: Any) -> Tokenizer:
    """The tokenizer of mlx-lm, or of transformers, as one of ours."""
    if isinstance(tokenizer, Tokenizer):
        return tokenizer
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:
        raise TokenizerError(
            f"A {type(tokenizer).__name__} does not say how it makes tokens. Give the tokenizer "
            "that mlx_lm.load returns, of a checkpoint with a tokenizer.json."
        )
    ends = getattr(tokenizer, "eos_token_ids", None) or {tokenizer.eos_token_id}
    return Tokenizer(
        backend,
        special_tokens=tokenizer.special_tokens_map,
        eos_token_ids={int(token_id) for token_id in ends if token_id is not None},
        chat_template=None,
    )
