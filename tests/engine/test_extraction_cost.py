"""What users ask for to be found in a text does not hold up the step that waits for it."""

import time

import pytest

from mlx_entropix.engine.search import extractor, fork_config
from mlx_entropix.errors import ConfigError


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        (r"regex:(a|aa)+$", "a" * 50_000 + "b"),
        (r"regex:(?:.*,){20}P", "a," * 25_000),
        (r"regex:a(?:.*(?:[0-9]{9}|(?:a1){4}){40}b)?", "a1" * 25_000),
        ("json:a", "{" * 50_000),
        ("json:a", '{"a":' * 10_000),
        ("json:a", '{"' * 25_000),
        ("json:a", '[{"a":1,' * 6_000),
    ],
)
def test_a_text_made_to_take_long_is_soon_done_with(rule, text):
    find = extractor(rule)
    begin = time.perf_counter()
    found = find(text)
    assert found is None or found.text == "a"  # what the third finds where it is not given up
    assert time.perf_counter() - begin < 5  # a backtracking matcher takes hours for the first


@pytest.mark.parametrize(
    "pattern",
    ["(a", "(?<=a)b", r"(a)\1", "((a{1000}){1000}){1000}", "(?:[a-z]{1000}|x){90}", "\ud800"],
)
def test_a_pattern_that_cannot_be_used_is_refused_by_name(pattern):
    with pytest.raises(ConfigError, match=r"extract: .* is no regular expression"):
        fork_config("first", extract=f"regex:{pattern}")


def test_the_end_of_a_long_text_is_searched_in_its_own_characters():
    text = "é" * 30_000 + ' {"sum": {"n": 1}} {"sum": {"n": "2.50"}} {"other": 3} The answer: seven'
    found = extractor("json:sum.n")(text)
    assert found.text == "2.5"
    assert text[found.start : found.end] == '{"sum": {"n": "2.50"}}'
    found = extractor(r"regex:(?i)ANSWER: *(\w+)")(text)
    assert (found.text, text[found.start : found.end]) == ("seven", "seven")
