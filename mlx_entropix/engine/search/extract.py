"""Where in a path's text its answer is, in a form in which equal answers are equal strings.

| rule | the answer is |
| --- | --- |
| `number` | the last number, in digits or in a word up to twelve, in plain digits |
| `line` | the last line that is not empty, in lower case, without marks at its ends |
| `letter` | the last choice letter: `(B)`, or a capital that stands alone |
| `json:FIELD` | the value of that field in the last JSON object; dots name fields within fields |
| `regex:PATTERN` | the last match; its first group, if it has one |
| `auto` | `number` where there is one, else `line` |
| `none` | nothing: the path with the highest score is the answer |
"""

import json
import re
from collections.abc import Callable
from typing import Any, NamedTuple

from mlx_entropix.choices import EXTRACTORS
from mlx_entropix.errors import ConfigError


class Extract(NamedTuple):
    """An answer in canonical form, and the characters of the text that it was found in."""

    text: str
    start: int
    end: int


Extractor = Callable[[str], Extract | None]

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
    decoder, found, at = json.JSONDecoder(), None, text.find("{")
    while at >= 0:
        try:
            value, end = decoder.raw_decode(text, at)
        except (json.JSONDecodeError, RecursionError):
            at = text.find("{", at + 1)
            continue
        inner: Any = value
        for name in field.split("."):
            inner = inner.get(name) if isinstance(inner, dict) else None
        if inner is not None:
            found = Extract(_canonical(inner), at, end)
        at = text.find("{", end)
    return found


def _canonical(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return json.dumps(value, sort_keys=True, ensure_ascii=False)
    text = str(value)
    only = numbers(text)
    if len(only) == 1 and (only[0].start, only[0].end) == (0, len(text)):
        return only[0].text
    return " ".join(text.lower().split())


def _regex(pattern: re.Pattern[str], text: str) -> Extract | None:
    found = list(pattern.finditer(text))
    if not found:
        return None
    group = 1 if pattern.groups and found[-1][1] is not None else 0
    return Extract(found[-1][group].strip(), found[-1].start(group), found[-1].end(group))


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
        try:
            pattern = re.compile(argument)
        except re.error as error:
            raise ConfigError(f"extract: {argument!r} is no regular expression: {error}") from None
        return lambda text: _regex(pattern, text)
    raise ConfigError(f"extract: there is no rule {rule!r}. There are: {', '.join(EXTRACTORS)}")
