"""A streamed answer in a terminal: no word is broken that fits on a line, nothing is lost."""

import random
import re

import pytest
from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style

from mlx_entropix.cli.wrap import LONGEST_WORD, Lines

PROSE = (
    "Photosynthesis is the process by which plants, algae and some bacteria turn light into "
    "chemical energy.\n\nIt takes place in chloroplasts:\n  1. light-dependent reactions\n"
    "  2. the Calvin cycle\n\n    indented = code(and, so_on)\nend"
)


def stream(text, width, size=3):
    """What `Lines` lets go of the text, in pieces of 1 to `size` characters, piece by piece."""
    rng, lines, at, steps = random.Random(size), Lines(width), 0, []
    while at < len(text):
        n = rng.randint(1, size)
        steps.append("".join(s.text for s in lines.add([Segment(text[at : at + n])])))
        at += n
    return [*steps, "".join(s.text for s in lines.end())]


def on_screen(written, width):
    """The rows that a terminal makes of it: wide characters do not stand half in a row."""
    rows, column = [""], 0
    for character in written:
        if character == "\n":
            rows.append("")
            column = 0
            continue
        if column + cell_len(character) > width:
            rows.append("")
            column = 0
        rows[-1] += character
        column += cell_len(character)
    return rows


@pytest.mark.parametrize("width", [20, 25, 40, 41, 80])
@pytest.mark.parametrize("size", [1, 4, 30])
def test_words_are_whole_and_in_order(width, size):
    rows = on_screen("".join(stream(PROSE, width, size)), width)
    assert "\n".join(rows).split() == PROSE.split()
    # Only line ends between words were added: line by line, the text is the same.
    assert re.sub(r"\s+", " ", " ".join(rows)) == re.sub(r"\s+", " ", PROSE)


@pytest.mark.parametrize("size", [1, 5])
def test_text_that_fits_is_left_as_it_is(size):
    assert "".join(stream(PROSE, 200, size)) == PROSE


def test_a_line_is_filled_to_its_last_column():
    assert "".join(stream("aaaa bbbb cccc", 9)) == "aaaa bbbb\ncccc"
    assert "".join(stream("aaaa bbbb\ncccc", 9)) == "aaaa bbbb\ncccc"
    assert "".join(stream("aaaa bbbb   \ncccc", 9)) == "aaaa bbbb\ncccc"  # no empty row


def test_a_word_longer_than_a_line_is_broken_by_the_terminal():
    rows = on_screen("".join(stream("see " + "x" * 50 + " end", 20)), 20)
    assert rows == ["see", "x" * 20, "x" * 20, "x" * 10 + " end"]


def test_only_words_near_the_edge_wait():
    width = 60
    steps = stream("word " * 30, width, size=1)
    column = 0
    for step, character in zip(steps, "word " * 30, strict=False):
        if character != " " and column + 6 + LONGEST_WORD < width:
            assert step.strip() == character
        for c in step:
            column = 0 if c == "\n" else column + 1


def test_wide_characters_are_words_of_their_own():
    text = "东京是日本的首都" * 6
    steps = stream(text, 20, size=1)
    assert [step for step in steps if step] == list(text)  # at once, and no line ends
    assert all(cell_len(row) <= 20 for row in on_screen("".join(steps), 20))
    mixed = on_screen("".join(stream("short 東京タワー and more", 14, 2)), 14)
    assert "".join(mixed).replace(" ", "") == "short東京タワーandmore"


def test_a_word_keeps_the_styles_of_its_tokens():
    red, blue = Style(color="red"), Style(color="blue")
    lines = Lines(20)
    written = lines.add([Segment("fifteen columns"), Segment(" un", red), Segment("sure", blue)])
    written += lines.end()
    assert [(s.text, s.style) for s in written if s.style] == [("un", red), ("sure", blue)]
    assert "".join(s.text for s in written) == "fifteen columns\nunsure"


def test_without_a_terminal_nothing_is_changed_or_held_back():
    pieces = [Segment("a" * 500), Segment(" b\t"), Segment("")]
    lines = Lines(None)
    assert lines.add(pieces) == pieces
    assert lines.end() == []
