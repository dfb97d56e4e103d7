"""Checkers of our own for the verifiable instructions of IFEval (Zhou et al. 2023).

A question counts as followed where every one of its instructions is. Questions with an instruction
that needs a language detector or a sentence splitter are left out, so the numbers are those of a
subset, not to be compared with published ones.
"""

import json
import re
from collections.abc import Callable
from typing import Any

Arguments = dict[str, Any]


def can_check(item: dict[str, Any]) -> bool:
    """Whether all instructions of an IFEval item have a checker here."""
    return all(name in CHECKERS for name in item["instruction_id_list"])


def follows_all(text: str, item: dict[str, Any]) -> bool:
    """Whether a text follows all instructions of an IFEval item. An empty one follows none."""
    if not text.strip():
        return False
    pairs = zip(item["instruction_id_list"], item["kwargs"], strict=True)
    return all(CHECKERS[name](text, arguments) for name, arguments in pairs)


def _compare(count: int, relation: str, wanted: int) -> bool:
    return count < wanted if relation == "less than" else count >= wanted


def _words(text: str) -> list[str]:
    return re.findall(r"\w+(?:['’-]\w+)*", text)


def _has_word(text: str, word: str) -> int:
    return len(re.findall(rf"(?<!\w){re.escape(word)}(?!\w)", text, re.IGNORECASE))


def _paragraphs(text: str, divider: str) -> list[str]:
    return [part.strip() for part in re.split(divider, text) if part.strip()]


def _is_json(text: str) -> bool:
    inside = re.sub(r"^```(?:json)?\s*|\s*```$", "", text.strip(), flags=re.IGNORECASE)
    try:
        json.loads(inside)
    except json.JSONDecodeError:
        return False
    return True


def _highlighted(text: str) -> int:
    return len(re.findall(r"\*\*[^\n*]+\*\*|(?<!\*)\*[^\n*]+\*(?!\*)", text))


def _nth_paragraph(text: str, a: Arguments) -> bool:
    parts = _paragraphs(text, r"\n\n")
    if len(parts) != a["num_paragraphs"] or a["nth_paragraph"] > len(parts):
        return False
    first = _words(parts[a["nth_paragraph"] - 1])
    return bool(first) and first[0].lower() == a["first_word"].lower()


def _two_responses(text: str, _: Arguments) -> bool:
    parts = _paragraphs(text, r"\*{6}")
    return len(parts) == 2 and parts[0] != parts[1]


_ENDINGS = ("My answer is yes.", "My answer is no.", "My answer is maybe.")

CHECKERS: dict[str, Callable[[str, Arguments], bool]] = {
    "punctuation:no_comma": lambda t, _: "," not in t,
    "length_constraints:number_words": lambda t, a: _compare(
        len(_words(t)), a["relation"], a["num_words"]
    ),
    "length_constraints:number_paragraphs": lambda t, a: (
        len(_paragraphs(t, r"\s?\*\*\*\s?")) == a["num_paragraphs"]
    ),
    "length_constraints:nth_paragraph_first_word": _nth_paragraph,
    "keywords:existence": lambda t, a: all(_has_word(t, word) for word in a["keywords"]),
    "keywords:forbidden_words": lambda t, a: (
        not any(_has_word(t, word) for word in a["forbidden_words"])
    ),
    "keywords:frequency": lambda t, a: _compare(
        _has_word(t, a["keyword"]), a["relation"], a["frequency"]
    ),
    "keywords:letter_frequency": lambda t, a: _compare(
        t.lower().count(a["letter"].lower()), a["let_relation"], a["let_frequency"]
    ),
    "detectable_format:number_highlighted_sections": lambda t, a: (
        _highlighted(t) >= a["num_highlights"]
    ),
    "detectable_format:number_bullet_lists": lambda t, a: (
        len(re.findall(r"^\s*(?:\*(?!\*)|-)\s*\S", t, re.MULTILINE)) == a["num_bullets"]
    ),
    "detectable_format:title": lambda t, _: re.search(r"<<[^\n<>]*\w[^\n<>]*>>", t) is not None,
    "detectable_format:json_format": lambda t, _: _is_json(t),
    "detectable_format:multiple_sections": lambda t, a: (
        len(re.findall(rf"\s?{re.escape(a['section_spliter'])}\s?\d+\s?", t)) >= a["num_sections"]
    ),
    "detectable_format:constrained_response": lambda t, _: any(e in t for e in _ENDINGS),
    "detectable_content:number_placeholders": lambda t, a: (
        len(re.findall(r"\[[^\[\]]*\]", t)) >= a["num_placeholders"]
    ),
    "detectable_content:postscript": lambda t, a: (
        re.search(rf"^\s*{re.escape(a['postscript_marker'])}", t, re.MULTILINE | re.IGNORECASE)
        is not None
    ),
    "change_case:english_lowercase": lambda t, _: t == t.lower(),
    "change_case:english_capital": lambda t, _: t == t.upper(),
    "change_case:capital_word_frequency": lambda t, a: _compare(
        sum(word.isupper() for word in _words(t)), a["capital_relation"], a["capital_frequency"]
    ),
    "startend:quotation": lambda t, _: (
        len(t.strip()) > 1 and t.strip()[0] == '"' and t.strip()[-1] == '"'
    ),
    "startend:end_checker": lambda t, a: (
        t.strip().strip('"').lower().endswith(a["end_phrase"].strip().lower())
    ),
    "combination:repeat_prompt": lambda t, a: (
        t.strip().lower().startswith(a["prompt_to_repeat"].strip().lower())
    ),
    "combination:two_responses": _two_responses,
}
