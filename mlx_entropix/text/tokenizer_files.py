"""Finding the tokenizer of a checkpoint: a Hugging Face folder or a GGUF file."""

import json
import os
from pathlib import Path
from typing import Any

from mlx_entropix.errors import TokenizerError
from mlx_entropix.text.gguf_tokenizer import tokenizer_from_gguf
from mlx_entropix.text.tokenizer import Tokenizer


def load_tokenizer(path: Path) -> Tokenizer:
    """Load the tokenizer of the checkpoint at `path`, a folder or a `.gguf` file.

    Raises TokenizerError, with one sentence that says what to do, where it cannot be used.
    """
    path = Path(path)
    if path.is_dir():
        return _from_folder(path)
    if path.suffix == ".gguf" and path.is_file():
        return _from_gguf_file(path)
    if path.exists():
        raise TokenizerError(f"{path} is neither a folder nor a .gguf file; give one of these.")
    raise TokenizerError(f"There is nothing at {path}; check the path or download the weights.")


def _from_gguf_file(path: Path) -> Tokenizer:
    from mlx_entropix.weights.gguf_file import read_gguf_metadata

    try:
        metadata = read_gguf_metadata(path)
    except OSError as error:
        raise TokenizerError(
            f"{path} cannot be read ({error.strerror}); let this user read it."
        ) from error
    except (RuntimeError, ValueError) as error:
        raise TokenizerError(
            f"{path} cannot be read as a GGUF file ({error}); download it again."
        ) from error
    return tokenizer_from_gguf(metadata)


def _from_folder(folder: Path) -> Tokenizer:
    if not any((folder / name).is_file() for name in ("tokenizer.json", "tokenizer.model")):
        raise TokenizerError(
            f"{folder} has no tokenizer.json; download the whole checkpoint into it."
        )
    # Says on import that there is no PyTorch, which nothing here needs.
    os.environ.setdefault("TRANSFORMERS_NO_ADVISORY_WARNINGS", "1")
    from transformers import AutoTokenizer

    try:
        loaded = AutoTokenizer.from_pretrained(
            str(folder), local_files_only=True, trust_remote_code=False
        )
        backend = loaded.backend_tokenizer
        template = loaded.get_chat_template() if loaded.chat_template else None
    except Exception as error:  # the library raises anything from KeyError to its Rust panics
        reason = " ".join(str(error).split())[:200]
        raise TokenizerError(
            f"The tokenizer in {folder} cannot be used ({reason}); download the whole checkpoint "
            "again, with its tokenizer.json."
        ) from error
    return Tokenizer(
        backend,
        special_tokens=loaded.special_tokens_map,
        eos_token_ids=_eos_token_ids(folder, loaded.eos_token_id),
        chat_template=template,
        tool_parser=loaded.init_kwargs.get("tool_parser_type"),
    )


def _eos_token_ids(folder: Path, of_tokenizer: int | None) -> set[int]:
    """The tokenizer's own, and those of config.json and generation_config.json, ints or lists."""
    found = {of_tokenizer}
    for name in ("config.json", "generation_config.json"):
        if (folder / name).is_file():
            ids = _read_object(folder / name).get("eos_token_id")
            found.update(ids if isinstance(ids, list) else [ids])
    return {id for id in found if isinstance(id, int)}


def _read_object(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_bytes())
    except ValueError as error:
        raise TokenizerError(f"{path} is not JSON ({error}); download it again.") from error
    if not isinstance(content, dict):
        raise TokenizerError(f"{path} is not a JSON object; download it again.")
    return content
