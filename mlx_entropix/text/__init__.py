"""Text to token ids and back: tokenizers of checkpoints, chat templates, streaming decoding."""

from mlx_entropix.text.constraint import (
    Constraint,
    Matcher,
    any_grammar,
    choice,
    either,
    json_schema,
    lark_grammar,
    regex,
)
from mlx_entropix.text.gguf_tokenizer import tokenizer_from_gguf
from mlx_entropix.text.reasoning import NOTHING, Piece, ReasoningSplitter
from mlx_entropix.text.stream import StreamDecoder
from mlx_entropix.text.tokenizer import Tokenizer
from mlx_entropix.text.tokenizer_files import load_tokenizer
from mlx_entropix.text.tool_calls import CallSplitter, Said, ToolCall

__all__ = [
    "NOTHING",
    "CallSplitter",
    "Constraint",
    "Matcher",
    "Piece",
    "ReasoningSplitter",
    "Said",
    "StreamDecoder",
    "Tokenizer",
    "ToolCall",
    "any_grammar",
    "choice",
    "either",
    "json_schema",
    "lark_grammar",
    "load_tokenizer",
    "regex",
    "tokenizer_from_gguf",
]
