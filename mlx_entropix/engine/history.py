"""What a row has said so far, as penalties ask for it."""

from collections.abc import Sequence

import numpy as np


class History:
    """The different tokens of a row, and how often each is in its answer.

    The answer begins at position `begin`, behind the prompt, with the tokens of the request's
    prefix.
    """

    def __init__(self, begin: int):
        self._begin = begin
        self._length = 0
        self._place: dict[int, int] = {}
        self._ids = np.zeros(64, np.int32)
        self._counts = np.zeros(64, np.float32)

    def of(self, tokens: Sequence[int], more: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
        """Ids and counts (S,) of `tokens`, a beginning of the row, with `more` after them.

        Each call's `tokens` begin with those of the call before; what is `more` is not kept.
        """
        for position in range(self._length, len(tokens)):
            self._add(tokens[position], position >= self._begin)
        self._length = max(self._length, len(tokens))
        size = len(self._place)
        if not more:
            return self._ids[:size].copy(), self._counts[:size].copy()  # the next call adds to them
        place = dict(self._place)
        for token_id in more:
            place.setdefault(token_id, len(place))
        ids = np.fromiter(place, np.int32, len(place))
        counts = np.zeros(len(place), np.float32)
        counts[:size] = self._counts[:size]
        for position, token_id in enumerate(more, start=len(tokens)):
            counts[place[token_id]] += position >= self._begin
        return ids, counts

    def _add(self, token_id: int, answers: bool) -> None:
        at = self._place.setdefault(token_id, len(self._place))
        if at == len(self._ids):
            self._ids = np.concatenate([self._ids, np.zeros_like(self._ids)])
            self._counts = np.concatenate([self._counts, np.zeros_like(self._counts)])
        self._ids[at] = token_id
        self._counts[at] += answers
