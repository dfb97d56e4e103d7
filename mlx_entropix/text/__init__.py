"""Text to token ids and back: tokenizers of checkpoints, chat templates, streaming decoding."""

from mlx_entropix.text.errors import PromptError, TokenizerError
from mlx_entropix.text.gguf import tokenizer_from_gguf
from mlx_entropix.text.load import load_tokenizer
from mlx_entropix.text.stream import StreamDecoder
from mlx_entropix.text.tokenizer import Tokenizer

__all__ = [
    "PromptError",
    "StreamDecoder",
    "Tokenizer",
    "TokenizerError",
    "load_tokenizer",
    "tokenizer_from_gguf",
]
