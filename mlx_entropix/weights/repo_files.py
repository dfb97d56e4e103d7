"""Which files of a model repo a run needs."""

import re

from mlx_entropix.errors import DownloadError
from mlx_entropix.installed import called

CONFIG = "config.json"
INDEX = "model.safetensors.index.json"
TOKENIZER_AND_SETTINGS = (
    "generation_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "tokenizer.model",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.json",
    "merges.txt",
    "chat_template.jinja",
    "chat_template.json",
)
_SHARD = re.compile(r"model-\d+-of-\d+\.safetensors")


def choose_files(names: list[str], gguf: str | None = None) -> list[str]:
    """The files of a repo that a run needs, out of all its paths. Raises `DownloadError`.

    Safetensors under the names that loaders look for, the whole file before its shards; copies in
    folders (`original/`, `onnx/`) and under other names (`consolidated.safetensors`) are left out.
    A repo of `.gguf` files gives the one that `gguf` names, or the only one.
    """
    top = [name for name in names if "/" not in name]
    models = sorted(name for name in top if name.endswith(".gguf"))
    shards = sorted(name for name in top if _SHARD.fullmatch(name))
    whole = [name for name in top if name == "model.safetensors"]
    if gguf is not None:
        if gguf not in models:
            there = f"It has {', '.join(models)}." if models else "It has no .gguf files."
            raise DownloadError(f"The repo has no file {gguf!r}. {there}", bad_input=True)
        return [gguf]
    if weights := whole or shards:
        index = [INDEX] if INDEX in top and (shards == [] or not whole) else []
        settings = [name for name in (*TOKENIZER_AND_SETTINGS, CONFIG) if name in top]
        return [*weights, *index, *settings]
    if len(models) == 1:
        return models
    if models:
        raise DownloadError(
            f"The repo has several .gguf files: {', '.join(models)}. Name one of them to "
            f"`{called('download')}` with --file (Q4_0, Q4_1, Q8_0 and F16 can be run).",
            bad_input=True,
        )
    raise DownloadError(
        "The repo has no weights that can be run: neither model.safetensors, whole or in shards, "
        "nor a .gguf file. Choose a repo that has them.",
        bad_input=True,
    )
