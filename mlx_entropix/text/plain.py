"""Encoding text as text: no control token comes out of it, whatever is written in it.

A `tokenizers.Tokenizer` looks for the names of its added tokens before anything else, so that
`<|im_end|>` in a user's message would end the message. Here the same model, normalizer and
pre-tokenizer are used in a second Tokenizer that does not know those names.
"""

import secrets

import tokenizers

from mlx_entropix.errors import PromptError


class PlainEncoder:
    """Encodes text with a tokenizer's own rules, less its control tokens."""

    def __init__(
        self,
        backend: tokenizers.Tokenizer,
        control_ids: frozenset[int],
        unknown_token_id: int | None,
    ):
        self._forbidden = control_ids - {unknown_token_id}
        self._plain = tokenizers.Tokenizer(backend.model)  # shares the model: costs nothing
        if backend.normalizer is not None:
            self._plain.normalizer = backend.normalizer
        if backend.pre_tokenizer is not None:
            self._plain.pre_tokenizer = backend.pre_tokenizer
        if backend.post_processor is not None:
            self._plain.post_processor = backend.post_processor
        added = backend.get_added_tokens_decoder()
        words = {id: token for id, token in added.items() if id not in control_ids}
        self._plain.add_tokens(list(words.values()))
        # The second tokenizer numbers its added tokens afresh.
        self._renumbered = {self._plain.token_to_id(t.content): id for id, t in words.items()}
        # Stands for whatever comes before a segment. Random, so that no text can hold it.
        self._before = f"\U0010fffd{secrets.token_hex(8)}"
        self._plain.add_special_tokens([tokenizers.AddedToken(self._before, normalized=False)])

    def encode(self, text: str, *, add_special_tokens: bool) -> list[int]:
        """Encode a whole text; `add_special_tokens` adds the BOS that the tokenizer puts first."""
        encoding = self._plain.encode(text, add_special_tokens=add_special_tokens)
        ids: list[int] = []
        for token_id, is_template in zip(encoding.ids, encoding.special_tokens_mask, strict=True):
            ids += [token_id] if is_template else self._as_text(token_id)
        return ids

    def encode_continuation(self, text: str) -> list[int]:
        """Encode text that stands right after a control token, not at the start of a sequence.

        Some SentencePiece tokenizers write a space before the first text of a sequence alone.
        """
        ids = self._plain.encode(self._before + text, add_special_tokens=False).ids[1:]
        return [written for token_id in ids for written in self._as_text(token_id)]

    def encode_inside(self, text: str) -> list[int]:
        """Encode text that stands within other text, with no space put before it."""
        # A newline merges with no word, so what follows it is encoded as inside a text.
        newline = self.encode_continuation("\n")
        ids = self.encode_continuation("\n" + text)
        if ids[: len(newline)] != newline:
            return self.encode_continuation(text)
        return ids[len(newline) :]

    def _as_text(self, token_id: int) -> list[int]:
        """Spell a control token that plain merges happened to arrive at, letter by letter."""
        token_id = self._renumbered.get(token_id, token_id)
        if token_id not in self._forbidden:
            return [token_id]
        name = self._plain.model.id_to_token(token_id)
        return [token.id for letter in name for token in self._plain.model.tokenize(letter)]


def check_text(text: object, what: str) -> str:
    """Return `text` if it is a string of whole characters; raises PromptError that names `what`."""
    if not isinstance(text, str):
        raise PromptError(f"{what} must be a string, not {type(text).__name__}.")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise PromptError(
            f"{what} has half a surrogate pair (U+{ord(text[error.start]):04X}) at character "
            f"{error.start + 1}, which no text can hold; remove it."
        ) from None
    return text
