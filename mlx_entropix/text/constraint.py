"""What form an answer has: grammars over its text, by the llguidance library.

A `Constraint` is what is asked for, plain data. `Grammars` compiles it for one tokenizer, and gives
every row a `Matcher` of its own, which follows the row's tokens and says which may come next.
"""

import json
import math
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mlx_entropix.errors import ConstraintError
from mlx_entropix.text.closed_schema import closed

if TYPE_CHECKING:
    from llguidance import LLMatcher

    from mlx_entropix.text.tokenizer import Tokenizer

# So that none takes more than a second to compile. The library's own limits do not hold there: the
# properties of an object take time by their square, and so do the states of an automaton for
# multiples of n, which has n, or for several at once the least common multiple.
MOST_GRAMMAR = 262_144  # characters
MOST_PROPERTIES = 1000
MOST_MULTIPLE = 10_000

_MOST_STATES = 20_000  # of a lexer, of some 2 kB each
_KEPT = 16  # compiled grammars

# JSON in one line. Where white space is free, small models put it in odd places, or write line
# breaks to the end of their tokens.
JSON_DEFAULTS: Any = {
    "whitespace_flexible": False,
    "item_separator": ", ",
    "key_separator": ": ",
}


@dataclass(frozen=True)
class Constraint:
    """A form of answers, as llguidance writes down grammars."""

    grammar: str


def json_schema(schema: Mapping[str, Any] | bool | str) -> Constraint:
    """JSON text that is valid by a JSON Schema, which may be given as text.

    By {"type": "object"} that is any JSON object, by {} any JSON. Objects whose properties it names
    have no others, unless it says so.

    Raises `ConstraintError` where it is too long, or certain to take too long to compile. What else
    is wrong with it `Grammars.compile` finds.
    """
    from llguidance import LLMatcher

    try:
        schema = json.loads(schema) if isinstance(schema, str) else schema
        if isinstance(schema, bool):
            schema = {} if schema else {"anyOf": []}
        if not isinstance(schema, Mapping):
            raise TypeError("it is no JSON object")
        text = json.dumps(closed(schema))
        _check_length(text)
        _check_cost(schema)
        return Constraint(LLMatcher.grammar_from_json_schema(text, defaults=JSON_DEFAULTS))
    except (TypeError, ValueError, RecursionError) as error:
        raise ConstraintError(f"The schema cannot be used: {_sentence(str(error))}") from None


def lark_grammar(grammar: str) -> Constraint:
    """Text by a Lark grammar, with llguidance's additions such as `%json { … }`.

    In it `<name>` stands for the control token of that name, and `<[7]>` for the token 7.
    """
    from llguidance import LLMatcher

    _check_length(grammar)
    return Constraint(LLMatcher.grammar_from_lark(grammar))


def any_grammar(grammar: str) -> Constraint:
    """Text by a grammar as llama.cpp writes it, GBNF, or by a Lark grammar, whichever it is.

    Raises `ConstraintError` where it is none.
    """
    from llguidance.gbnf_to_lark import any_to_lark

    _check_length(grammar)
    try:
        return lark_grammar(any_to_lark(grammar))
    except Exception as error:  # the library raises no narrower class
        raise ConstraintError(f"The grammar cannot be used: {_sentence(str(error))}") from None


def regex(pattern: str) -> Constraint:
    """Text that a regular expression matches as a whole; it cannot look around."""
    from llguidance import LLMatcher

    _check_length(pattern)
    return Constraint(LLMatcher.grammar_from_regex(pattern))


def choice(texts: Sequence[str]) -> Constraint:
    """One of several texts."""
    if not texts or not all(texts):
        raise ConstraintError("There has to be at least one text to choose, and none is empty.")
    return lark_grammar("start: " + " | ".join(map(json.dumps, texts)))


def either(one: Constraint, other: Constraint) -> Constraint:
    """Text of one form or of another."""
    start = {"lark_grammar": "start: @one | @other"}
    parts = [_parts(one, "one"), _parts(other, "other")]
    return Constraint(json.dumps({"grammars": [start, *parts[0], *parts[1]]}))


def _parts(form: Constraint, name: str) -> list[dict[str, Any]]:
    """The grammars of a form, the first of which gets a name; a Lark grammar is one."""
    is_lark = not form.grammar.startswith("{")
    parts = [{"lark_grammar": form.grammar}] if is_lark else json.loads(form.grammar)["grammars"]
    return [{**parts[0], "name": name}, *parts[1:]]


def _check_length(text: str) -> None:
    if len(text) > MOST_GRAMMAR:
        raise ConstraintError(
            f"The form of the answer takes {len(text):,} characters to say, and may take "
            f"{MOST_GRAMMAR:,}. Make it simpler."
        )


def _check_cost(schema: Any) -> None:
    """Raise a ValueError for a schema that would take long to compile, wherever the reason is."""
    properties, multiple, parts = 0, 1, [schema]
    while parts:
        part = parts.pop()
        if isinstance(part, Mapping):
            named, number = part.get("properties"), part.get("multipleOf")
            properties += len(named) if isinstance(named, Mapping) else 0
            multiple = math.lcm(multiple, _digits(number) or 1)
            parts += part.values()
        elif isinstance(part, list):
            parts += part
    if properties > MOST_PROPERTIES:
        raise ValueError(f"it has {properties:,} properties, and may have {MOST_PROPERTIES:,}")
    if multiple > MOST_MULTIPLE:
        raise ValueError(
            f"the least common multiple of its multipleOf is {multiple:,} without zeros at its "
            f"end, and may be {MOST_MULTIPLE:,}"
        )


def _digits(number: Any) -> int:
    """The digits of a number as one whole number, without the zeros around them."""
    if isinstance(number, bool) or not isinstance(number, int | float):
        return 0
    digits = format(abs(number), ".15g").partition("e")[0].replace(".", "").strip("0")
    return int(digits) if digits.isdecimal() else 0


class Matcher:
    """Follows the tokens of one answer through a grammar.

    Tokens are given as bits: bit b of word w is token 32·w + b. There may be more words than the
    vocabulary takes. `unbound` are the bits of all tokens but those that end an answer.
    """

    def __init__(self, matcher: "LLMatcher", tokenizer: "Tokenizer", unbound: np.ndarray):
        self._matcher = matcher
        self._tokenizer = tokenizer
        self.unbound = unbound  # (W,) uint32
        self.begun = False  # whether there is some of the answer

    def take(self, token_id: int) -> None:
        """Go on by a token of the answer."""
        self.begun = True
        self._matcher.consume_token(token_id)

    def take_text(self, text: str) -> None:
        """Go on by text that was not written in tokens of its own."""
        for token_id in self._tokenizer.encode_inside(text) if text else ():
            self.take(token_id)

    @property
    def error(self) -> str | None:
        """Why it cannot go on, if it cannot: a token was not allowed, or a limit was reached."""
        return _sentence(self._matcher.get_error()) if self._matcher.is_error() else None

    @property
    def is_done(self) -> bool:
        """Whether the answer is whole, and nothing can be added to it."""
        return self._matcher.is_stopped() and not self._matcher.is_error()

    def allows(self, ids: Sequence[int]) -> int:
        """How many of these tokens, one after the other, may come next."""
        return self._matcher.validate_tokens(list(ids))

    def forced(self) -> list[int]:
        """The tokens that the only text that can follow is written in, as far as there is one."""
        return self._matcher.compute_ff_tokens()

    def bits(self, ahead: Sequence[int] = (), *, also: int | None = None) -> np.ndarray:
        """Which tokens may come after `ahead`, and `also` another one: (W,) uint32.

        Tokens that end an answer are among them where the answer is whole.
        """
        matcher = self._matcher
        if ahead:
            matcher = matcher.deep_copy()
            matcher.consume_tokens(list(ahead))
        words = np.frombuffer(matcher.compute_bitmask(), np.uint32)
        if also is not None:
            words = words.copy()
            words[also // 32] |= np.uint32(1 << also % 32)
        return words


class Grammars:
    """The grammars that are compiled for a tokenizer, of which the last few are kept.

    May be used by any thread. What takes long, the first time that the tokenizer is needed and a
    grammar's compilation, is not to be done by one that others wait for.
    """

    def __init__(self, tokenizer: "Tokenizer"):
        self._tokenizer = tokenizer
        self._ids: Any = None  # llguidance's tokenizer
        self._unbound = np.zeros(0, np.uint32)
        self._compiled: OrderedDict[str, LLMatcher] = OrderedDict()
        self._lock = threading.Lock()  # of what is compiled
        self._making = threading.Lock()  # while llguidance's tokenizer is made

    def matcher(self, constraint: Constraint) -> Matcher:
        """A matcher at the beginning of an answer. Compiles the grammar if it is not known.

        Raises `ConstraintError` for a grammar that is none, that is not supported, or is too large.
        """
        with self._lock:
            compiled = self._compiled.get(constraint.grammar)
        if compiled is None:
            compiled = self._compile(constraint)  # those that are known need not wait for it
        with self._lock:
            self._compiled[constraint.grammar] = compiled
            self._compiled.move_to_end(constraint.grammar)
            while len(self._compiled) > _KEPT:
                self._compiled.popitem(last=False)
            return Matcher(compiled.deep_copy(), self._tokenizer, self._unbound)

    def _compile(self, constraint: Constraint) -> "LLMatcher":
        from llguidance import LLMatcher, LLParserLimits

        with self._making:
            if self._ids is None:
                self._ids = _llguidance_tokenizer(self._tokenizer)
                bits = np.ones(-(-self._ids.vocab_size // 32) * 32, np.uint8)
                bits[self._ids.eos_tokens] = 0
                self._unbound = np.packbits(bits, bitorder="little").view(np.uint32)
        limits = LLParserLimits(max_lexer_states=_MOST_STATES, verbose_errors=False)
        matcher = LLMatcher(self._ids, constraint.grammar, log_level=0, limits=limits)
        if not matcher.is_error():
            matcher.compute_bitmask()  # the first takes longest
        if matcher.is_error():
            reason = _sentence(matcher.get_error())
            raise ConstraintError(f"The form of the answer cannot be held: {reason}")
        return matcher


def _llguidance_tokenizer(tokenizer: "Tokenizer") -> Any:
    """The same vocabulary for llguidance: a token is the bytes that it writes, or is special."""
    from llguidance import LLTokenizer, TokenizerWrapper

    size = tokenizer.vocabulary_size
    # Something has to end an answer; one more token than there are never comes.
    ends = sorted(id for id in tokenizer.eos_token_ids if id < size) or [size]
    count = max(size, ends[0] + 1)
    return LLTokenizer(
        TokenizerWrapper(_Vocabulary(tokenizer, count, ends[0])), n_vocab=count, eos_token=ends
    )


class _Vocabulary:
    """What llguidance asks of a tokenizer."""

    bos_token_id = None

    def __init__(self, tokenizer: "Tokenizer", count: int, eos_token_id: int):
        written = [tokenizer.token_bytes(token_id) for token_id in range(count)]
        self.eos_token_id = eos_token_id
        self.special_token_ids = [i for i, text in enumerate(written) if not text]
        self.tokens = [text or tokenizer.token_text(i).encode() for i, text in enumerate(written)]
        self._tokenizer = tokenizer

    def __call__(self, text: str) -> list[int]:
        return self._tokenizer.encode_inside(text)


def _sentence(reason: str) -> str:
    """The first lines of what the library says, as one sentence."""
    text = " ".join(reason.partition("\n<state>")[0].replace("<non-verbose/>", "").split())
    if text in ("", "NoExtension", "NoExtensionBias"):
        text = "it allows no answer at all"
    return text if text.endswith((".", "!", "?")) else f"{text}."
