import pytest

from evals.extraction import extract
from evals.instructions import follows_all
from tests.evals.samples import question


@pytest.mark.parametrize(
    ("rule", "text", "expected"),
    [
        ("last_number", "2 + 3 = 5", "5"),
        ("last_number", "5 - 9 = -4.", "-4"),
        ("last_number", "5-3 is 2", "2"),
        ("last_number", "It costs $1,234.50!", "1234.5"),
        ("last_number", "There are 007.", "7"),
        ("last_number", "1, 2,3", "3"),
        ("last_number", "Three people have six eyes.", "6"),
        ("last_number", "−12", "-12"),
        ("last_number", "I do not know.", None),
        ("first_number", "3 of 4", "3"),
        ("first_number", "0.50", "0.5"),
        ("letter", "(B) is it", "B"),
        ("letter", "The answer is C.", "C"),
        ("letter", "none", None),
        ("yes_no", "Yes, it is not.", "yes"),
        ("yes_no", "I know nothing", None),
        ("yes_no", "**No**", "no"),
        ("list", "b, A ,c.\nmore", "b, a, c"),
    ],
)
def test_rules(rule, text, expected):
    found = extract(rule, text, question())
    assert (found.text if found else None) == expected


@pytest.mark.parametrize(
    ("asked", "text", "expected", "start"),
    [
        ("What is the capital of France?", "The capital of France is Paris.", "paris", 25),
        ("What is the capital of France?", "Paris is the capital of France.", "paris", 0),
        ("What is the capital of India?", "New Delhi, the capital.", "new delhi", 0),
        ("What is a baby cow called?", 'A baby cow is called a "calf".', "calf", 24),
        ('What is the opposite of "loud"?', '"quiet" or "silent"', "quiet", 1),
        ("What is butter made from?", "Butter is made from milk, and salt.", "milk", 20),
        ("What is the capital of France?", "The capital of France.", None, None),
        ("Who?", "It's Ann's.", "ann", 5),
    ],
)
def test_words_leave_out_what_the_question_said(asked, text, expected, start):
    found = extract("words", text, question(asked))
    assert (found.text if found else None) == expected
    assert (found.start if found else None) == start


def test_of_choices_the_first_whole_word_counts_and_the_longest_name():
    asked = question(choices=("ant", "whale", "blue whale"))
    assert extract("choice", "An elephant? A Blue Whale, not an ant.", asked).text == "blue whale"
    assert extract("choice", "elephants", asked) is None


def test_what_is_extracted_does_not_depend_on_what_is_right():
    one, other = question("How many?", "3"), question("How many?", "4")
    assert extract("last_number", "3 or 4", one) == extract("last_number", "3 or 4", other)


@pytest.mark.parametrize(
    ("name", "arguments", "good", "bad"),
    [
        ("punctuation:no_comma", {}, "yes", "yes, no"),
        ("change_case:english_capital", {}, "LOUD!", "Loud"),
        ("change_case:english_lowercase", {}, "quiet", "Quiet"),
        ("startend:quotation", {}, ' "said" ', "said"),
        ("detectable_format:title", {}, "<<A title>> and", "<<>>"),
        ("detectable_format:json_format", {}, '```json\n{"a": 1}\n```', "{a}"),
        ("detectable_format:number_bullet_lists", {"num_bullets": 2}, "* a\n* b", "* a"),
        (
            "detectable_format:number_highlighted_sections",
            {"num_highlights": 2},
            "*a* **b**",
            "*a*",
        ),
        ("detectable_content:number_placeholders", {"num_placeholders": 1}, "[name]", "name"),
        ("detectable_content:postscript", {"postscript_marker": "P.S."}, "a\nP.S. b", "a"),
        ("keywords:existence", {"keywords": ["sun"]}, "The Sun.", "sunny"),
        ("keywords:forbidden_words", {"forbidden_words": ["sun"]}, "sunny", "the sun"),
        (
            "keywords:frequency",
            {"keyword": "a", "frequency": 2, "relation": "less than"},
            "a b",
            "a a",
        ),
        (
            "length_constraints:number_words",
            {"relation": "at least", "num_words": 3},
            "one two three",
            "one two",
        ),
        ("length_constraints:number_paragraphs", {"num_paragraphs": 2}, "a\n***\nb", "a\n\nb"),
        (
            "length_constraints:nth_paragraph_first_word",
            {"num_paragraphs": 2, "nth_paragraph": 2, "first_word": "So"},
            "a\n\nso b",
            "so\n\na",
        ),
        ("combination:two_responses", {}, "a\n******\nb", "a\n******\na"),
        ("combination:repeat_prompt", {"prompt_to_repeat": "Do it."}, "Do it. Done.", "Done."),
        ("startend:end_checker", {"end_phrase": "The end"}, "a the end", "the end a"),
    ],
)
def test_instructions(name, arguments, good, bad):
    item = {"instruction_id_list": [name], "kwargs": [arguments]}
    assert follows_all(good, item)
    assert not follows_all(bad, item)
    assert not follows_all(" ", item)
