"""Sixty answers as models write them, and what is found in them."""

import pytest

from mlx_entropix.engine.search import extractor
from mlx_entropix.errors import ConfigError

NUMBERS = [
    ("The answer is 42.", "42"),
    ("So 17 + 25 = 42", "42"),
    ("9.9 is larger than 9.11, so the answer is 9.9.", "9.9"),
    ("Therefore, x = \\boxed{128}.", "128"),
    ("$\\frac{1}{2}$ of 36 is $18$", "18"),
    ("She earns $1,234.50 a week.", "1234.5"),
    ("In total: 1,000,000 people", "1000000"),
    ("The temperature falls to -7 degrees.", "-7"),
    ("The result is −3.50", "-3.5"),
    ("#### 72", "72"),
    ("A. 3\nB. 5\nSo it is 5 apples, I think", "5"),
    ("**Answer:** 0.25", "0.25"),
    ("It is 25%.", "25"),
    ("That leaves three apples.", "3"),
    ("Twelve eggs make a dozen", "12"),
    ("There are Seven of them", "7"),
    ("The balance is -$20.", "-20"),
    ("$-20 remain", "-20"),
    ("−€1,500", "-1500"),
    (r"\boxed{1{,}234{,}567.80}", "1234567.8"),
    ("007 is his number", "7"),
    ("It takes 3.0 hours", "3"),
    ("1. First, add.\n2. Then we get 10,000", "10000"),
    ("The year was 1969!", "1969"),
    ("x=5,y=6", "6"),
    ("(18)", "18"),
    ("Between 10-20, say 15", "15"),
    ("0", "0"),
    ("-0.0", "0"),
    ("I don't know.", None),
    ("one of them", None),
    ("Room B12 is empty", None),
]

LINES = [
    ("Let me think.\n\nParis.", "paris"),
    ("The capital of France is Paris.", "the capital of france is paris"),
    ("First line\n**Berlin**\n\n", "berlin"),
    ('He said:\n"Yes!"', "yes"),
    ("Answer:   the   red  one", "answer: the red one"),
    ("\n\n", None),
    ("...", None),
]

LETTERS = [
    ("The answer is (B).", "B"),
    ("Answer: C", "C"),
    ("I would choose A because it is larger.", "A"),
    ("(A) is wrong, (D) is right", "D"),
    ("B) 42", "B"),
    ("**E**", "E"),
    ("I'm not sure, I guess it's D.", "D"),
    ("I think so.", None),
    ("no letter at all", None),
    ("A's score is B", "B"),
]

FIELDS = [
    ("answer", 'Sure: {"answer": 42}', "42"),
    ("answer", '```json\n{"answer": "1,000.0", "why": "sum"}\n```', "1000"),
    ("answer", '{"answer": "Paris"} and then {"answer": " LYON "}', "lyon"),
    ("result.value", '{"result": {"value": -3.5}}', "-3.5"),
    ("ok", '{"ok": true}', "true"),
    ("list", '{"list": [1, 2]}', "[1, 2]"),
    ("answer", '{"answer": 4', None),
    ("answer", '{"other": 4}', None),
    ("answer", '{not json} {"answer": 5}', "5"),
]

PATTERNS = [
    (r"ANSWER: (\w+)", "ANSWER: yes, no, ANSWER: maybe", "maybe"),
    (r"\d{4}", "from 1914 to 1918", "1918"),
    (r"<a>(.*?)</a>", "<a> x + 1 </a>", "x + 1"),
    (r"ANSWER: (\w+)", "no such thing", None),
]

CASES = [
    *(("number", text, found) for text, found in NUMBERS),
    *(("line", text, found) for text, found in LINES),
    *(("letter", text, found) for text, found in LETTERS),
    *((f"json:{field}", text, found) for field, text, found in FIELDS),
    *((f"regex:{pattern}", text, found) for pattern, text, found in PATTERNS),
    ("auto", "Paris has 2 rivers", "2"),
    ("auto", "Yes, it is Paris.", "yes, it is paris"),
    ("none", "It is 42.", None),
]


@pytest.mark.parametrize(("rule", "text", "expected"), CASES)
def test_the_answer_is_found_where_a_person_would_see_it(rule, text, expected):
    found = extractor(rule)(text)
    assert (found and found.text) == expected
    if found is not None:
        assert 0 <= found.start < found.end <= len(text)


@pytest.mark.parametrize("rule", ["number", "line", "letter", "json:answer", "regex:[0-9]+"])
def test_the_place_is_that_of_the_last_answer(rule):
    text = 'First 3, (A), {"answer": 3}\nthen 42\nand (B) {"answer": "42"} 42\n\n'
    found = extractor(rule)(text)
    expected = {
        "number": "42",
        "regex:[0-9]+": "42",
        "letter": "B",
        "json:answer": '{"answer": "42"}',
    }
    assert text[found.start : found.end] == expected.get(rule, 'and (B) {"answer": "42"} 42')


@pytest.mark.parametrize("rule", ["numbers", "json", "json:", "regex:", "", "number:2"])
def test_a_rule_that_there_is_not_is_refused_with_those_that_there_are(rule):
    with pytest.raises(ConfigError, match=r"there is no rule .* regex:PATTERN"):
        extractor(rule)


def test_a_pattern_that_is_none_is_refused_with_the_reason():
    with pytest.raises(ConfigError, match=r"'\(' is no regular expression: missing"):
        extractor("regex:(")
