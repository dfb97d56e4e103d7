"""The bundled model with its numbers in one form or another."""

import mlx_entropix  # noqa: F401  (loads the BLAS, ahead of mlx)

import mlx.core as mx  # isort: skip
from typing import cast

from mlx_lm.models.llama import Model
from mlx_lm.utils import dequantize_model

from mlx_entropix.model.llama import Llama
from mlx_entropix.text import Tokenizer, tokenizer_from_gguf
from mlx_entropix.weights.gguf import load_gguf
from mlx_entropix.weights.locate import bundled_model
from mlx_entropix.weights.model_config import context_length

FORMS = ("float32", "bfloat16", "4 bit")


def in_form(form: str) -> tuple[Llama, Tokenizer]:
    """The model with weights of one of `FORMS`, and its tokenizer, without end tokens.

    float32 is what a CPU gets as a rule. 4 bit are the weights as the file packs them, with scales,
    and all that is computed, in float32.
    """
    path = bundled_model()
    source, config, metadata = load_gguf(path)
    source.set_dtype(mx.float32)
    if form != "4 bit":
        source = cast(Model, dequantize_model(source))
    if form == "bfloat16":
        source.set_dtype(mx.bfloat16)
    tokenizer = tokenizer_from_gguf(metadata)
    tokenizer.eos_token_ids = frozenset()
    return Llama(source, path.name.split(".")[0], context_length(config)), tokenizer
