"""Text of a growing sequence of tokens, in whole characters."""

import codecs

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
