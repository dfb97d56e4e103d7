"""Marks that may be cut anywhere: how much of one stands at the end of a text."""


def overlap(text: str, mark: str) -> int:
    """The length of the longest end of `text` that begins `mark` and is not all of it."""
    for size in range(min(len(mark) - 1, len(text)), 0, -1):
        if text.endswith(mark[:size]):
            return size
    return 0
