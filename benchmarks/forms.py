"""The bundled model with its numbers in one form or another."""

import mlx_entropix  # noqa: F401  (loads the BLAS, ahead of mlx)

import mlx.core as mx  # isort: skip
from typing import Any, cast

from mlx_lm.models.llama import Model
from mlx_lm.utils import dequantize_model

from mlx_entropix.model.llama import Llama
from mlx_entropix.text import Tokenizer, tokenizer_from_gguf
from mlx_entropix.weights.gguf import load_gguf
from mlx_entropix.weights.locate import bundled_model
from mlx_entropix.weights.model_config import context_length

FORMS = ("float32", "bfloat16", "4 bit")


def source_in_form(
    form: str, layers: int | None = None
) -> tuple[Model, dict[str, Any], dict[str, Any]]:
    """mlx-lm's model with weights of one of `FORMS`, its config, and the file's metadata.

    float32 is what a CPU gets as a rule. 4 bit are the weights as the file packs them, with scales,
    and all that is computed, in float32. With `layers` it has only its first ones.
    """
    loaded, config, metadata = load_gguf(bundled_model())
    loaded.set_dtype(mx.float32)
    model = cast(Model, loaded if form == "4 bit" else dequantize_model(loaded))
    if form == "bfloat16":
        model.set_dtype(mx.bfloat16)
    if layers is not None:
        model.model.layers = model.model.layers[:layers]
        model.model.num_hidden_layers = layers
    return model, config, metadata


def in_form(form: str, layers: int | None = None) -> tuple[Llama, Tokenizer]:
    """Our model of the same, and its tokenizer, without end tokens."""
    source, config, metadata = source_in_form(form, layers)
    tokenizer = tokenizer_from_gguf(metadata)
    tokenizer.eos_token_ids = frozenset()
    name = bundled_model().name.split(".")[0]
    return Llama(source, name, context_length(config)), tokenizer
