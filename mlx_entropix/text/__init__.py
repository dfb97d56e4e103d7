"""Text to token ids and back: tokenizers of checkpoints, chat templates, streaming decoding."""

from mlx_entropix.text.gguf_tokenizer import tokenizer_from_gguf
from mlx_entropix.text.reasoning import NOTHING, Piece, ReasoningSplitter
from mlx_entropix.text.stream import StreamDecoder
from mlx_entropix.text.tokenizer import Tokenizer
from mlx_entropix.text.tokenizer_files import load_tokenizer

__all__ = [
    "NOTHING",
    "Piece",
    "ReasoningSplitter",
    "StreamDecoder",
    "Tokenizer",
    "load_tokenizer",
    "tokenizer_from_gguf",
]
