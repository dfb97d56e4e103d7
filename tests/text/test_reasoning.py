"""Thoughts and answers are told apart, wherever tokens cut their marks."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlx_entropix.text.reasoning import Marks, Piece, ReasoningSplitter

MARKS = Marks("<think>", "</think>", (), {}, frozenset(), ())

CASES = [
    ("Paris.", ("Paris.", None)),
    ("<think>\nHm.\n</think>\n\nParis.", ("Paris.", "Hm.")),
    ("<think>never closed </thin", ("", "never closed </thin")),
    ("<think>a</think>b<think>c</think>d", ("bd", "a\n\nc")),
    ("<think><think>again</think>so", ("so", "again")),
    ("<think>of <think> tags</think>so", ("so", "of <think> tags")),
    ("<think></think>so", ("so", "")),
    ("a < b </think> c", ("a < b </think> c", None)),
]


@pytest.mark.parametrize(("text", "expected"), CASES)
@given(data=st.data())
def test_a_text_gives_the_same_thoughts_however_it_is_cut(text, expected, data):
    cuts = sorted(data.draw(st.sets(st.integers(1, len(text) - 1))))
    splitter, whole = ReasoningSplitter(MARKS), Piece("")
    for begin, end in zip([0, *cuts], [*cuts, len(text)], strict=True):
        whole = whole.then(splitter.add(0, text[begin:end]))
    assert whole.then(splitter.finish("")) == expected
