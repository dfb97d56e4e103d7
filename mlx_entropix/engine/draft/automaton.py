"""Where a text has been before: a suffix automaton of tokens, which grows with every token.

Blumer et al., "The smallest automaton recognizing the subwords of a text", 1985,
https://doi.org/10.1016/0304-3975(85)90157-4. A state stands for substrings that occur at the same
places; the link of a state is that of its longest suffix which occurs elsewhere too. So the longest
end of a text that has occurred before is found without a search. It holds several texts that grow
side by side, such as the paths of a request that forks.
"""

from collections.abc import Iterator
from typing import NamedTuple

ROOT = 0

# How many shorter suffixes learn what came last after them. Rarely is a shorter one asked for.
_RENEWED = 8


class Guess(NamedTuple):
    """A token that followed before: `matched` tokens end where it stands, `ways` tokens did."""

    token_id: int
    matched: int
    ways: int


class SuffixAutomaton:
    """All substrings of the texts that it was given, token by token."""

    def __init__(self) -> None:
        self.tokens = 0  # that were added
        self.length = [0]  # of each state's longest string
        self._link = [-1]
        self._next: list[dict[int, int]] = [{}]
        self._recent = [-1]  # the token that came last after a state

    def __len__(self) -> int:
        """How many states there are: at most two for each token."""
        return len(self.length)

    def extend(self, last: int, token_id: int) -> int:
        """The state of a text with another token, where `last` is the state of all of it so far."""
        self.tokens += 1
        known = self._next[last].get(token_id)
        if known is not None:  # another text has it already
            self._renew(last, token_id)
            return self._exactly(last, token_id, known)
        state = self._add(self.length[last] + 1, {}, ROOT, -1)
        at = last
        while at >= 0 and token_id not in self._next[at]:
            self._next[at][token_id] = state
            self._recent[at] = token_id
            at = self._link[at]
        if at >= 0:
            self._renew(at, token_id)
            self._link[state] = self._exactly(at, token_id, self._next[at][token_id])
        return state

    def follow(self, state: int, matched: int, token_id: int) -> tuple[int, int]:
        """The longest end of a text that occurs here, after one more token: its state and length.

        The text itself need not be one of those that were given.
        """
        while token_id not in self._next[state]:
            if state == ROOT:
                return ROOT, 0
            state = self._link[state]
            matched = min(matched, self.length[state])  # it may have been parted from a longer one
        return self._next[state][token_id], min(matched, self.length[state]) + 1

    def guesses(self, state: int, matched: int | None = None) -> Iterator[Guess]:
        """What followed when the end of a text, whose state this is, occurred before; without end.

        Each time it is what came last. `matched` is the length of that end where it is not the
        longest of the state.
        """
        matched = self.length[state] if matched is None else matched
        while True:
            while not self._next[state] and state != ROOT:
                state = self._link[state]
                matched = min(matched, self.length[state])
            if state == ROOT:
                return
            ways = self._next[state]
            token_id = self._recent[state]
            yield Guess(token_id, matched, len(ways))
            state, matched = ways[token_id], matched + 1

    def _add(self, length: int, ways: dict[int, int], link: int, recent: int) -> int:
        self.length.append(length)
        self._next.append(ways)
        self._link.append(link)
        self._recent.append(recent)
        return len(self.length) - 1

    def _exactly(self, at: int, token_id: int, state: int) -> int:
        """The state of what `at` stands for with the token, which has to part from a longer one."""
        length = self.length[at] + 1
        if self.length[state] == length:
            return state
        twin = self._add(length, self._next[state].copy(), self._link[state], self._recent[state])
        self._link[state] = twin
        while at >= 0 and self._next[at].get(token_id) == state:
            self._next[at][token_id] = twin
            at = self._link[at]
        return twin

    def _renew(self, state: int, token_id: int) -> None:
        """Note what came last after a state and its next suffixes."""
        for _ in range(_RENEWED):
            if state < 0:
                return
            self._recent[state] = token_id
            state = self._link[state]
