"""The bundled model as a Hugging Face folder, for programs that read no GGUF."""

from pathlib import Path

import mlx_entropix  # noqa: F401  (loads the BLAS, ahead of mlx)

from mlx_lm.utils import save_config, save_model  # isort: skip
from transformers import PreTrainedTokenizerFast

from mlx_entropix.model.load import load_source
from mlx_entropix.text import tokenizer_from_gguf
from mlx_entropix.weights.locate import bundled_model


def write_checkpoint(folder: Path) -> Path:
    """Write the weights in the form that runs fastest here, the config and the tokenizer.

    Returns the folder of the checkpoint, which is inside `folder` and has the model's name.
    """
    gguf = bundled_model()
    model, config, metadata = load_source(gguf)
    assert metadata is not None
    folder = folder / gguf.name.split(".")[0]
    save_model(folder, model)
    tokenizer = tokenizer_from_gguf(metadata)
    end = metadata["tokenizer.ggml.eos_token_id"].item()
    wrapped = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer.backend,
        eos_token=tokenizer.backend.id_to_token(end),
        chat_template=metadata["tokenizer.chat_template"],
    )
    wrapped.save_pretrained(folder)
    save_config(config | {"eos_token_id": end}, folder / "config.json")
    return folder
