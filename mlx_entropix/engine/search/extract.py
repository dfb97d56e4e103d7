"""Where in a path's text its answer is, in a form in which equal answers are equal strings.

| rule | the answer is |
| --- | --- |
| `number` | the last number, in digits or in a word up to twelve, in plain digits |
| `line` | the last line that is not empty, in lower case, without marks at its ends |
| `letter` | the last choice letter: `(B)`, or a capital that stands alone |
| `json:FIELD` | the value of that field in the last JSON object; dots name fields within fields |
| `regex:PATTERN` | the last match, in RE2's syntax; its first group, if it has one |
| `auto` | `number` where there is one, else `line` |
| `none` | nothing: the path with the highest score is the answer |

Patterns and fields come from users, and a step waits for what they cost. So both are looked for at
the end of a long text alone, RE2 has no pattern that takes exponential time, and what takes too
long all the same is given up.
"""

import json
import re
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import re2

from mlx_entropix.choices import EXTRACTORS
from mlx_entropix.errors import ConfigError


class Extract(NamedTuple):
    """An answer in canonical form, and the characters of the text that it was found in."""

    text: str
    start: int
    end: int


Extractor = Callable[[str], Extract | None]

# So many characters at the end of a text are searched for a field or a pattern.
_SEARCHED = 16_384

# A text with so many beginnings of objects that are none has no object.
_MOST_BROKEN = 200

# A pattern that takes so long is given up. One search takes at most about as long again.
_PATIENCE_SECONDS = 0.2

# "One" is left out: it is a pronoun more often than a number.
_NUMERALS = {
    "zero": "0",
    "two": "2",
    "three": "3",
    "four": "4",
    "five": "5",
    "six": "6",
    "seven": "7",
    "eight": "8",
    "nine": "9",
    "ten": "10",
    "eleven": "11",
    "twelve": "12",
}
_NUMBER = re.compile(
    r"(?<![\w.])[-−]?[$€£¥]?(?:\d{1,3}(?:(?:,|\{,\})\d{3})+(?!\d)|\d+)(?:\.\d+)?"
    rf"|\b(?:{'|'.join(_NUMERALS)})\b",
    re.IGNORECASE,
)
_LETTER = re.compile(r"\(([A-Z])\)|\b([A-HJ-Z])\b(?!['’])")
_OBJECT = re.compile(r'\{(?=\s*["}])')
_MARKS = " \t.,;:!?*_`\"'“”‘’()[]"


def numbers(text: str) -> list[Extract]:
    """Every number in the text, in plain digits: `$1,000.50` and TeX's `1{,}000.5` are `1000.5`."""
    return [Extract(_plain(m[0]), m.start(), m.end()) for m in _NUMBER.finditer(text)]


def _plain(number: str) -> str:
    if (value := _NUMERALS.get(number.lower())) is not None:
        return value
    whole, _, fraction = re.sub(r"[^\d.]", "", number).partition(".")
    whole, fraction = whole.lstrip("0") or "0", fraction.rstrip("0")
    plain = f"{whole}.{fraction}" if fraction else whole
    return f"-{plain}" if number[0] in "-−" and plain != "0" else plain


def last_number(text: str) -> Extract | None:
    """The last number."""
    return next(reversed(numbers(text)), None)


def last_line(text: str) -> Extract | None:
    """The last line with more than marks in it."""
    end = len(text)
    for line in reversed(text.split("\n")):
        start = end - len(line)
        if bare := line.strip(_MARKS):
            return Extract(" ".join(bare.lower().split()), start, end)
        end = start - 1
    return None


def letter(text: str) -> Extract | None:
    """The last choice letter."""
    found = list(_LETTER.finditer(text))
    if not found:
        return None
    group = 1 if found[-1][1] else 2
    return Extract(found[-1][group], found[-1].start(group), found[-1].end(group))


def auto(text: str) -> Extract | None:
    """The last number, or the last line where there is none."""
    return last_number(text) or last_line(text)


def _json_field(field: str, text: str) -> Extract | None:
    before = max(0, len(text) - _SEARCHED)
    decoder, end_of_text, found = json.JSONDecoder(), text[before:], None
    at, broken = 0, 0
    while broken < _MOST_BROKEN and (begin := _OBJECT.search(end_of_text, at)):
        try:
            inner, at = decoder.raw_decode(end_of_text, begin.start())
        except (json.JSONDecodeError, RecursionError):
            at, broken = begin.end(), broken + 1
            continue
        for name in field.split("."):
            inner = inner.get(name) if isinstance(inner, dict) else None
        if inner is not None:
            found = Extract(_canonical(inner), before + begin.start(), before + at)
    return found


def _canonical(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return json.dumps(value, sort_keys=True, ensure_ascii=False)
    text = str(value)
    only = numbers(text)
    if len(only) == 1 and (only[0].start, only[0].end) == (0, len(text)):
        return only[0].text
    return " ".join(text.lower().split())


class _Pattern:
    """The last match of a regular expression, until it has once taken too long."""

    def __init__(self, pattern: str):
        options = re2.Options()
        options.log_errors = False
        options.max_mem = 1 << 20  # what is refused for it would be slow as well
        try:
            self._pattern = re2.compile(pattern, options)
        except (re2.error, UnicodeEncodeError) as error:
            reason = error.args[0].decode() if isinstance(error, re2.error) else error.reason
            raise ConfigError(
                f"{pattern!r} is no regular expression: {reason}. Its syntax is that of RE2."
            ) from None
        self._given_up = False

    def __call__(self, text: str) -> Extract | None:
        if self._given_up:
            return None
        before = max(0, len(text) - _SEARCHED)
        last, until = None, time.monotonic() + _PATIENCE_SECONDS
        for match in self._pattern.finditer(text[before:]):
            last = match
            if time.monotonic() > until:
                self._given_up = True
                return None
        if last is None:
            return None
        group = 1 if self._pattern.groups and last[1] is not None else 0
        return Extract(last[group].strip(), before + last.start(group), before + last.end(group))


def _nothing(_text: str) -> None:
    return None


_RULES: dict[str, Extractor] = {
    "auto": auto,
    "number": last_number,
    "line": last_line,
    "letter": letter,
    "none": _nothing,
}


def extractor(rule: str) -> Extractor:
    """The function of a rule's name. Raises `ConfigError` for one that there is not."""
    name, colon, argument = rule.partition(":")
    if not colon and name in _RULES:
        return _RULES[name]
    if name == "json" and argument:
        return lambda text: _json_field(argument, text)
    if name == "regex" and argument:
        return _Pattern(argument)
    raise ConfigError(f"there is no rule {rule!r}. There are: {', '.join(EXTRACTORS)}")
