"""The tokenizer of a GGUF file as a folder that transformers loads.

lm-eval cuts prompts into tokens by itself, with a tokenizer of transformers. A checkpoint that is a
folder has one; a GGUF file, such as the bundled model's, has it inside.
"""

import json
from pathlib import Path

from mlx_entropix.text import Tokenizer


def write_tokenizer(tokenizer: Tokenizer, folder: Path) -> None:
    """Write `tokenizer.json` and `tokenizer_config.json`."""
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.backend.save(str(folder / "tokenizer.json"))
    end = tokenizer.backend.id_to_token(min(tokenizer.eos_token_ids))
    config = {"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": end, "pad_token": end}
    (folder / "tokenizer_config.json").write_text(json.dumps(config, indent=1) + "\n")
