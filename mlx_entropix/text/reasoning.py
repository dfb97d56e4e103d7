"""What a model thinks before it answers, told apart from the answer while tokens come.

A reasoning model writes its thoughts between two marks, `<think>` and `</think>` in most families.
A mark is a control token of its own, or several with text between them, or plain text that is cut
into tokens anywhere. So marks are looked for in text, in which each control token of a mark is one
character that no text can hold: a lone surrogate. Where a vocabulary has control tokens for its
marks, text that reads like them is text.
"""

import re
from collections.abc import Set
from dataclasses import dataclass
from typing import NamedTuple

import tokenizers

from mlx_entropix.text.overlap import overlap


class Family(NamedTuple):
    """How a family of models marks its thoughts; `silent` stands around answers, and is no text."""

    open: str
    close: str
    silent: tuple[str, ...] = ()


# The first, third, fourth and sixth are those that mlx-lm knows (`tokenizer_utils.py`).
FAMILIES = (
    Family("<think>", "</think>"),  # DeepSeek-R1, Qwen3, GLM, SmolLM3 and many more
    Family("<seed:think>", "</seed:think>"),
    Family("<longcat_think>", "</longcat_think>"),
    Family("<|think:start|>", "<|think:end|>"),
    Family("<|START_THINKING|>", "<|END_THINKING|>", ("<|START_RESPONSE|>", "<|END_RESPONSE|>")),
    Family("<|channel>thought", "<channel|>"),  # Gemma 4
    Family("[THINK]", "[/THINK]"),  # Mistral
    Family("<|inner_prefix|>", "<|inner_suffix|>"),  # Apertus
    Family(  # gpt-oss
        "<|channel|>analysis<|message|>",
        "<|end|>",
        (
            "<|start|>assistant",
            "<|channel|>final<|message|>",
            "<|channel|>commentary<|message|>",
        ),
    ),
    Family(
        "<|open|>think<|sep|>",
        "<|close|>think<|sep|>",
        ("<|open|>response<|sep|>", "<|close|>response<|sep|>", "<|close|>message<|sep|>"),
    ),
)

_NAME = re.compile(r"<[^<>]*>|\[[^\[\]]*\]")
_FIRST_SURROGATE = 0xD800
_SURROGATES = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True)
class Marks:
    """The marks of one tokenizer, `characters` for its control tokens, by their ids.

    A prompt is a turn's beginning behind the last control token that is none of `own`. `closing`
    are the tokens that write the closing mark.
    """

    open: str
    close: str
    silent: tuple[str, ...]
    characters: dict[int, str]
    own: frozenset[int]
    closing: tuple[int, ...]


def find_marks(
    backend: tokenizers.Tokenizer, control_ids: Set[int], chat_template: str | None
) -> Marks | None:
    """The marks that a tokenizer's vocabulary has, or else its chat template; None for neither."""
    known = [
        family
        for family in FAMILIES
        if all(backend.token_to_id(name) is not None for name in _names(family))
    ]
    template = chat_template or ""
    written = [
        family for family in FAMILIES if family.open in template and family.close in template
    ]
    if not known and not written:
        return None
    family = (known or written)[0]
    texts = (family.open, family.close, *family.silent)
    ids = {name: backend.token_to_id(name) for text in texts for name in _NAME.findall(text)}
    control = {name: id for name, id in ids.items() if id is not None and id in control_ids}
    names = {name: chr(_FIRST_SURROGATE + i) for i, name in enumerate(control)}
    first, last, *silent = (_NAME.sub(lambda m: names.get(m[0], m[0]), text) for text in texts)
    return Marks(
        first,
        last,
        tuple(silent),
        {control[name]: character for name, character in names.items()},
        frozenset(control[name] for name in _names(family) if name in control),
        tuple(backend.encode(family.close, add_special_tokens=False).ids),
    )


def _names(family: Family) -> list[str]:
    return _NAME.findall(family.open + family.close)


class Piece(NamedTuple):
    """What a token adds to an answer. `reasoning` is None where it is no part of the thoughts."""

    text: str
    reasoning: str | None = None

    def then(self, other: "Piece") -> "Piece":
        """Both, one after the other."""
        if self.reasoning is None and other.reasoning is None:
            return Piece(self.text + other.text)
        return Piece(self.text + other.text, (self.reasoning or "") + (other.reasoning or ""))


NOTHING = Piece("")


class ReasoningSplitter:
    """Tells thoughts from the answer, a token at a time; without `marks` all is the answer.

    What may be the beginning of a mark is held back until that is decided. White space around the
    thoughts, and between them and the answer, is left out. Where there are thoughts again after
    some of the answer, an empty line parts them from those before. Thoughts that are never closed
    go to the end. Within them an opening mark is text, but at their beginning: where the prompt
    has opened them, models write it once more. A closing mark in the answer is text.
    """

    def __init__(self, marks: Marks | None):
        self._marks = marks
        self.inside = False
        self._held = ""
        self._spaces = ""  # at the end of the thoughts so far
        self._begun = False  # whether there is text in this part of the thoughts
        self._gap = ""  # what parts it from the part before
        self._trims = False  # the white space before the answer

    @property
    def opening(self) -> int | None:
        """The control token that opens thoughts, where that is one and none were closed so far."""
        if self._marks is None or self.inside or self._trims:
            return None
        found = (id for id, mark in self._marks.characters.items() if mark == self._marks.open)
        return next(found, None)

    @property
    def closing(self) -> tuple[int, ...]:
        """The tokens that close the thoughts; none where no marks are known."""
        return () if self._marks is None else self._marks.closing

    def add(self, token_id: int, text: str) -> Piece:
        """Take a token with the text that it completes."""
        if self._marks is None:
            return Piece(text)
        return self._take(text + self._marks.characters.get(token_id, ""), is_end=False)

    def finish(self, text: str) -> Piece:
        """Take the last text, and let go what was held back."""
        return Piece(text) if self._marks is None else self._take(text, is_end=True)

    def _take(self, text: str, *, is_end: bool) -> Piece:
        answer, thoughts, is_thought = "", "", self.inside
        self._held += text
        while mark := self._next_mark():
            at, end = mark
            before, found, self._held = self._held[:at], self._held[at:end], self._held[end:]
            if self.inside:
                thoughts += self._thought(before)
            else:
                answer += self._answered(before)
            self._pass(found)
            is_thought = is_thought or self.inside
        keep = 0 if is_end else max(overlap(self._held, mark) for mark in self._looked_for())
        cut = len(self._held) - keep
        passed, self._held = self._held[:cut], self._held[cut:]
        if self.inside:
            thoughts += self._thought(passed)
        else:
            answer += self._answered(passed)
        return Piece(answer, thoughts if is_thought else None)

    def _looked_for(self) -> tuple[str, ...]:
        assert self._marks is not None
        first, last, silent = self._marks.open, self._marks.close, self._marks.silent
        if not self.inside:
            return (first, *silent)
        return (last,) if self._begun else (last, first)

    def _next_mark(self) -> tuple[int, int] | None:
        """Where the first mark begins and ends in what is held."""
        assert self._marks is not None
        found = []
        for mark in self._looked_for():
            at = self._held.find(mark)
            is_again = self.inside and mark == self._marks.open
            if at >= 0 and not (is_again and self._held[:at].strip()):
                found.append((at, at + len(mark)))
        return min(found, default=None)

    def _pass(self, mark: str) -> None:
        """What changes behind a mark."""
        assert self._marks is not None
        if mark == self._marks.open and not self.inside:
            self.inside = True
        elif mark == self._marks.close and self.inside:
            self.inside, self._trims = False, True
            self._gap = "\n\n" if self._begun else self._gap
            self._begun, self._spaces = False, ""

    def _thought(self, text: str) -> str:
        text = self._spaces + _SURROGATES.sub("", text)
        if not self._begun:
            text = text.lstrip()
            if text:
                self._begun, text = True, self._gap + text
        words = text.rstrip()
        self._spaces = text[len(words) :]
        return words

    def _answered(self, text: str) -> str:
        text = _SURROGATES.sub("", text)
        if self._trims:
            text = text.lstrip()
            self._trims = not text
        return text
