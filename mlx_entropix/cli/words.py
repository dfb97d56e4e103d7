"""The first and the last words of a text, as many as fit."""

from rich.cells import cell_len, set_cell_size

from mlx_entropix.cli.screen import visible

_CUT = "…"


def one_line(text: str) -> str:
    """The text without control characters, its words parted by single spaces."""
    return " ".join(visible(text).split())


def first_words(text: str, width: int) -> str:
    """The beginning of a text on one line of at most `width` columns; `…` is for what is cut."""
    line = one_line(text)
    if cell_len(line) <= width:
        return line
    cut = set_cell_size(line, max(0, width - 1)).rstrip()
    is_whole = line[len(cut)] == " "
    words = cut if is_whole else cut.rpartition(" ")[0]
    return (words if 2 * len(words) > len(cut) else cut) + _CUT


def last_words(text: str, width: int) -> str:
    """The end of a text on one line of at most `width` columns; `…` is for what is cut."""
    width = max(width, 1)
    tail = text[-4 * width :]  # more than enough, and quick for a long text
    line = one_line(tail)
    if len(tail) == len(text) and cell_len(line) <= width:
        return line
    while cell_len(line) > width - 1:
        line = line[1:]
    words = line if line.startswith(" ") else line.partition(" ")[2]
    return _CUT + (words if 2 * len(words) > len(line) else line).lstrip()
