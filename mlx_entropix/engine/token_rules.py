"""Which tokens an answer may be made of, where that is asked for token by token."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class TokenRules:
    """What a request says of single tokens. Nothing of it changes how likely the others are.

    A token of `stop_ids` ends an answer as the tokenizer's own end-of-sequence tokens do. None of
    these, and none of the latter, can be drawn before the answer has `min_tokens`, nor are stop
    strings looked for there; with `ignores_eos` the tokenizer's own never can. `only` are the
    tokens that can be drawn at all, None for any. Of each of the `banned` sequences, which have one
    token or more, the last cannot be drawn where the others came just before it.
    """

    stop_ids: tuple[int, ...] = ()
    min_tokens: int = 0
    ignores_eos: bool = False
    only: tuple[int, ...] | None = None
    banned: tuple[tuple[int, ...], ...] = ()

    @property
    def masks(self) -> bool:
        """Whether some tokens cannot be drawn somewhere."""
        return bool(self.min_tokens or self.ignores_eos or self.banned) or self.only is not None

    @property
    def looks_back(self) -> bool:
        """Whether what can be drawn depends on the tokens before."""
        return any(len(sequence) > 1 for sequence in self.banned)

    @property
    def memory(self) -> int:
        """On how many tokens before it depends what can be drawn."""
        return max((len(sequence) for sequence in self.banned), default=1) - 1


NO_RULES = TokenRules()


class TokenMask:
    """The tokens that one row may take by its rules, as bits: bit b of word w is token 32·w + b.

    `eos_ids` are the tokenizer's own end-of-sequence tokens.
    """

    def __init__(self, rules: TokenRules, eos_ids: Collection[int]):
        self.rules = rules
        self._never = list(eos_ids) if rules.ignores_eos else []
        self._never += [sequence[0] for sequence in rules.banned if len(sequence) == 1]
        self._early = [*eos_ids, *rules.stop_ids]
        self._longer = [sequence for sequence in rules.banned if len(sequence) > 1]

    def words(self, size: int, generated: int, past: Sequence[int]) -> np.ndarray:
        """The bits (W,) uint32 of `size` tokens, where the answer has `generated` tokens.

        `past` are its last tokens. Where nothing would be left, what `only` names is.
        """
        banned = list(self._never)
        if generated < self.rules.min_tokens:
            banned += self._early
        for *before, last in self._longer:
            if len(before) <= len(past) and list(past[-len(before) :]) == before:
                banned.append(last)
        named = self._named(size)
        left = named.copy()
        left[[token_id for token_id in banned if token_id < size]] = False
        return np.packbits(left if left.any() else named, bitorder="little").view(np.uint32)

    def _named(self, size: int) -> np.ndarray:
        """Which of `size` tokens `only` names, or all: whole words (32·W,) of bool."""
        named = np.zeros(-(-size // 32) * 32, bool)
        named[slice(size) if self.rules.only is None else list(self.rules.only)] = True
        return named
