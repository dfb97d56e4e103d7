"""Text to token ids and back: tokenizers of checkpoints, chat templates, streaming decoding."""

from mlx_entropix.text.gguf_tokenizer import tokenizer_from_gguf
from mlx_entropix.text.reasoning import NOTHING, Piece, ReasoningSplitter
from mlx_entropix.text.stream import StreamDecoder
from mlx_entropix.text.tokenizer import Tokenizer
from mlx_entropix.text.tokenizer_files import load_tokenizer
from mlx_entropix.text.tool_calls import CallSplitter, Said, ToolCall

__all__ = [
    "NOTHING",
    "CallSplitter",
    "Piece",
    "ReasoningSplitter",
    "Said",
    "StreamDecoder",
    "Tokenizer",
    "ToolCall",
    "load_tokenizer",
    "tokenizer_from_gguf",
]
