"""Text of a growing sequence of tokens, in whole characters."""

import codecs
from collections.abc import Collection, Mapping

from mlx_entropix.text.overlap import overlap
from mlx_entropix.text.tool_formats import ToolFormat
from mlx_entropix.text.vocabulary import Vocabulary


class StreamDecoder:
    """Turns token ids into text one at a time; the pieces joined are `decode` of all the ids.

    A character that is spread over several tokens comes out with its last one. Each token costs
    the length of its own text, however long the sequence is.
    """

    def __init__(self, vocabulary: Vocabulary):
        self._vocabulary = vocabulary
        self._characters = codecs.getincrementaldecoder("utf-8")("replace")

    def add(self, token_id: int) -> str:
        """Take one token and return the text that it completes, which may be empty."""
        return self._characters.decode(self._vocabulary.bytes_of(token_id))

    def finish(self) -> str:
        """Return what is left of a character that was cut off, as U+FFFD, or an empty string."""
        return self._characters.decode(b"", final=True)


class SpellingDecoder(StreamDecoder):
    """A decoder in whose text control tokens read as their names, but those that are `told` apart.

    What is left of a character before one reads as U+FFFD.
    """

    def __init__(self, vocabulary: Vocabulary, told: Collection[int]):
        super().__init__(vocabulary)
        self._told = told

    def add(self, token_id: int) -> str:
        """Take one token and return the text that it completes."""
        if token_id not in self._vocabulary.control_ids or token_id in self._told:
            return super().add(token_id)
        return self.finish() + self._vocabulary.name_of(token_id)


class CallDecoder(StreamDecoder):
    """A decoder in whose text the control tokens of tool calls can be read.

    They are those that mark a call and, within one, all of `names`.
    """

    def __init__(self, vocabulary: Vocabulary, form: ToolFormat, names: Mapping[int, str]):
        super().__init__(vocabulary)
        self._form = form
        self._names = names
        self._inside = False
        self._end = ""  # of the text so far, as far as it may belong to a mark

    def add(self, token_id: int) -> str:
        """Take one token and return the text that it completes."""
        text = super().add(token_id)
        name = self._names.get(token_id, "")
        if self._inside or name in self._form.start:
            text += name
        self._look_for_marks(text)
        return text

    def _look_for_marks(self, text: str) -> None:
        self._end += text
        while (mark := self._form.end if self._inside else self._form.start) in self._end and mark:
            self._end = self._end.partition(mark)[2]
            self._inside = not self._inside
        self._end = self._end[len(self._end) - overlap(self._end, mark) :]
