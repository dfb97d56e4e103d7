"""The two sides of a comparison: our model and mlx-lm's, with the same weights and tokenizer."""

import mlx_entropix  # noqa: F401  (loads the BLAS, for both)

import mlx.core as mx  # isort: skip
import time
from typing import cast

from mlx_lm.models.llama import Model
from mlx_lm.tokenizer_utils import BPEStreamingDetokenizer, TokenizerWrapper
from transformers import PreTrainedTokenizerFast

from mlx_entropix.engine import Engine, TokenEvent, load_from
from mlx_entropix.model.llama import Llama
from mlx_entropix.model.load import load_source
from mlx_entropix.text import Tokenizer
from mlx_entropix.weights.locate import Location, locate_weights


def ours(location: Location | None = None) -> tuple[Llama, Tokenizer]:
    """Our model and tokenizer, with no end-of-sequence tokens: every run has its full length."""
    model, tokenizer = load_from(location or locate_weights())
    tokenizer.eos_token_ids = frozenset()
    return cast(Llama, model), tokenizer


def theirs(
    tokenizer: Tokenizer, location: Location | None = None
) -> tuple[Model, TokenizerWrapper]:
    """mlx-lm's Llama with the same weights in the same form, and its wrapper of `tokenizer`."""
    source, _, _ = load_source((location or locate_weights()).path)
    mx.eval(source.parameters())
    return cast(Model, source), wrapped(tokenizer)


def wrapped(tokenizer: Tokenizer) -> TokenizerWrapper:
    """A tokenizer as mlx-lm takes it."""
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer.backend)
    return TokenizerWrapper(fast, BPEStreamingDetokenizer)


def tokens_a_second(engine: Engine, rows: int) -> float:
    """How many tokens a second all of so many rows get that an engine was given.

    The clock runs while all are live, as in the long run of a batch.
    """
    made, begin = 0, 0.0
    while True:
        tokens = [event for event in engine.step() if isinstance(event, TokenEvent)]
        if begin:
            made += len(tokens)
            now = time.perf_counter()
        elif len(tokens) == rows:
            begin = now = time.perf_counter()
        if any(event.finish_reason for event in tokens):
            return made / (now - begin)
