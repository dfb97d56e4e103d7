"""Text to token ids and back: tokenizers of checkpoints, chat templates, streaming decoding."""

from mlx_entropix.text.gguf import tokenizer_from_gguf
from mlx_entropix.text.load import load_tokenizer
from mlx_entropix.text.stream import StreamDecoder
from mlx_entropix.text.tokenizer import Tokenizer

__all__ = [
    "StreamDecoder",
    "Tokenizer",
    "load_tokenizer",
    "tokenizer_from_gguf",
]
