"""From a model's text to its answer, by small rules that never look at the right one.

A rule returns the answer in a canonical form, so that equal answers are equal strings (votes count
them), and where in the text it stands (the token at its beginning is the *decisive* one). What a
rule finds depends on the text and the question, not on the accepted answers: a wrong answer is
found as surely as a right one.

| rule | the answer is |
| --- | --- |
| `last_number` | the last number, in digits or a word up to twelve, in plain digits |
| `first_number` | the first one |
| `choice` | the first of the question's choices that stands as a word of its own |
| `letter` | the first `(A)`, or a lone capital letter |
| `yes_no` | the first yes or no |
| `words` | the first clause without the question's own words and small words |
| `list` | what stands between commas, in order |
"""

import re
from collections.abc import Callable

from evals.questions import Question
from mlx_entropix.engine.search import Extract
from mlx_entropix.engine.search.extract import last_number, numbers

_WORD = re.compile(r"\w+(?:['’-]\w+)*")
_LETTER = re.compile(r"\(([A-Z])\)|\b([A-Z])\b(?!['’])")
_END = re.compile(r"[.;!?:](?=[\s\"'*`”’]|$)|\n|\(|,\s|\sor\s")
_SMALL = """
a an and answer answers are as be by called calls can correct final from in is it its known of on
one or said some that the their them these they this to usually was we with word you your
"""
_SMALL_WORDS = frozenset(_SMALL.split())


def extract(rule: str, text: str, question: Question) -> Extract | None:
    """The answer in `text` by the rule of that name; None where there is none."""
    return RULES[rule](text, question)


def is_right(rule: str, answer: Extract | None, question: Question) -> bool:
    """Whether an answer is one of the accepted ones, all taken in canonical form."""
    return answer is not None and answer.text in canonical(rule, question)


def canonical(rule: str, question: Question) -> list[str]:
    """The accepted answers as the rule would have found them."""
    found = [extract(rule, accepted, question) for accepted in question.answers]
    return [answer.text for answer in found if answer is not None]


def _last_number(text: str, _: Question) -> Extract | None:
    return last_number(text)


def _first_number(text: str, _: Question) -> Extract | None:
    return next(iter(numbers(text)), None)


def _choice(text: str, question: Question) -> Extract | None:
    return _first_of(text, question.choices)


def _yes_no(text: str, _: Question) -> Extract | None:
    return _first_of(text, ("yes", "no"))


def _first_of(text: str, choices: tuple[str, ...]) -> Extract | None:
    # The longest first, so that "ice cream" is not taken for "ice".
    names = "|".join(re.escape(choice) for choice in sorted(choices, key=len, reverse=True))
    match = re.search(rf"(?<!\w)(?:{names})(?!\w)", text, re.IGNORECASE)
    return Extract(match[0].lower(), match.start(), match.end()) if match else None


def _letter(text: str, _: Question) -> Extract | None:
    match = _LETTER.search(text)
    if match is None:
        return None
    group = 1 if match[1] else 2
    return Extract(match[group], match.start(group), match.end(group))


def _words(text: str, question: Question) -> Extract | None:
    asked = {word.lower() for word in _WORD.findall(question.text)}
    start = len(text) - len(text.lstrip(" \n\t\"'*`“‘"))
    end = _END.search(text, start)
    left = []
    for word in _WORD.finditer(text, start, end.start() if end else len(text)):
        name = word[0].lower().replace("’", "'").removesuffix("'s")
        if name not in asked and name not in _SMALL_WORDS:
            left.append((name, word.start(), word.end()))
    if not left:
        return None
    return Extract(" ".join(name for name, *_ in left), left[0][1], left[-1][2])


def _list(text: str, _: Question) -> Extract | None:
    start = len(text) - len(text.lstrip())
    line = text[start:].split("\n")[0].rstrip()
    items = [item.strip(" .'\"[]*`").lower() for item in line.split(",")]
    first = _WORD.search(text)
    if first is None or not any(items):
        return None
    return Extract(", ".join(items), first.start(), start + len(line))


RULES: dict[str, Callable[[str, Question], Extract | None]] = {
    "last_number": _last_number,
    "first_number": _first_number,
    "choice": _choice,
    "letter": _letter,
    "yes_no": _yes_no,
    "words": _words,
    "list": _list,
}
