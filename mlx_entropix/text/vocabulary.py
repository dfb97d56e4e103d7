"""What single tokens stand for: bytes of text, or a control token without any text.

A tokenizer of a Llama-shaped checkpoint is one of two kinds, told apart by its decoder:

- byte-level BPE (GPT-2, Llama 3, SmolLM2): each character of a token stands for one byte;
- SentencePiece (Llama 2, Mistral): "▁" stands for a space and "<0xE2>" for one byte.

Either way a token is a fixed string of bytes, and the text of a sequence is those bytes joined.
"""

import json
import re
from functools import cache

import tokenizers

from mlx_entropix.errors import TokenizerError

_BYTE_TOKEN = re.compile(r"<0x([0-9A-Fa-f]{2})>")


class Vocabulary:
    """Token ids with the bytes they write and the names they go by."""

    def __init__(self, backend: tokenizers.Tokenizer, control_ids: frozenset[int]):
        self.control_ids = control_ids
        self._backend = backend
        self._byte_level = _is_byte_level(backend)
        self._added = {id: t.content for id, t in backend.get_added_tokens_decoder().items()}
        self._bytes: dict[int, bytes] = dict.fromkeys(control_ids, b"")
        self._names: dict[int, str] = {}

    def bytes_of(self, token_id: int) -> bytes:
        """Return the bytes that a token writes: none for a control token and for an unknown id."""
        known = self._bytes.get(token_id)
        if known is None:
            known = self._bytes[token_id] = self._look_up(token_id)
        return known

    def spelling_of(self, token_id: int) -> bytes:
        """Return the bytes that a token writes, or where it writes none those of its name."""
        return self.bytes_of(token_id) or self.name_of(token_id).encode()

    def name_of(self, token_id: int) -> str:
        r"""Return how one token reads alone: its text, a control token's name, `\xe2` for a byte
        that is only a part of a character, and `<|49999|>` for an id without a token.
        """
        known = self._names.get(token_id)
        if known is None:
            known = self._names[token_id] = self._name(token_id)
        return known

    def _name(self, token_id: int) -> str:
        if token_id in self._added:
            return self._added[token_id]
        if self._backend.id_to_token(token_id) is None:
            return f"<|{token_id}|>"
        return self.bytes_of(token_id).decode("utf-8", "backslashreplace")

    def _look_up(self, token_id: int) -> bytes:
        if token_id in self._added:
            return self._added[token_id].encode()
        token = self._backend.id_to_token(token_id) or ""
        if self._byte_level:
            values = _byte_values()
            if all(character in values for character in token):
                return bytes(values[character] for character in token)
            return token.encode()
        if byte := _BYTE_TOKEN.fullmatch(token):
            return bytes([int(byte[1], 16)])
        return token.replace("▁", " ").encode()


def _is_byte_level(backend: tokenizers.Tokenizer) -> bool:
    """Tell the two kinds apart; raises TokenizerError for any other decoder."""
    decoder = backend.decoder
    description = json.loads(decoder.__getstate__()) if decoder is not None else {"type": "none"}
    kinds = {part["type"] for part in description.get("decoders", [description])}
    if "ByteLevel" in kinds:
        return True
    if kinds & {"ByteFallback", "Metaspace", "Replace"}:
        return False
    raise TokenizerError(
        f"The tokenizer's decoder ({', '.join(sorted(kinds))}) is neither byte-level BPE nor "
        "SentencePiece; use a checkpoint of the Llama family."
    )


@cache
def _byte_values() -> dict[str, int]:
    """The byte that each character of a byte-level vocabulary stands for.

    Printable bytes stand for themselves, the rest are moved to 256 and up, in order: see
    `bytes_to_unicode` in encoder.py of github.com/openai/gpt-2.
    """
    printable = {*range(ord("!"), ord("~") + 1), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    moved = [byte for byte in range(256) if byte not in printable]
    values = {chr(byte): byte for byte in printable}
    return values | {chr(256 + index): byte for index, byte in enumerate(moved)}
