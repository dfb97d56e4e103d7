"""Where each value of a TOML or JSON text stands, so that a mistake can be named with its line.

The text has been parsed before, so it is known to be well formed, and a scan of its brackets,
strings and keys is enough. One scan serves both: a JSON object is an inline table of TOML with
another sign between key and value. (Of YAML's parser, which could give lines for JSON too, some
JSON is more than it reads: such as is indented with tabs.)
"""

import json
import re
import tomllib
from collections.abc import Iterator
from typing import NamedTuple

Place = tuple[str | int, ...]  # the keys and indices that lead to a value

_TOKEN = re.compile(
    r'''"""(?:\\.|[^\\])*?"{3,5}'''
    r"""|'''.*?'{3,5}"""
    r'''|"(?:\\.|[^"\\\n])*"'''
    r"""|'[^'\n]*'"""
    r"""|\#[^\n]*|\n|[\[\]{}=,:]|[^\s\[\]{}=,:"'\#]+""",
    re.DOTALL,
)


class Lines(NamedTuple):
    """The line, from 1, on which each value is given; and keys that are given again, in JSON."""

    of: dict[Place, int]
    repeated: list[tuple[Place, int]]

    def line(self, path: Place) -> int | None:
        """The line of a value: its own, or of the first one inside it, or of what it is in."""
        if path not in self.of:
            inside = [line for place, line in self.of.items() if place[: len(path)] == path]
            if inside:
                return inside[0]
        for end in range(len(path), 0, -1):
            if path[:end] in self.of:
                return self.of[path[:end]]
        return None


def toml_lines(text: str) -> Lines:
    """The lines of well-formed TOML."""
    scan = _Scan(text, separator="=")
    table: Place = ()
    while scan.next_is_something():
        line = scan.line
        if scan.take_if("["):
            is_array = scan.take_if("[")
            table = scan.key("]")
            if is_array:
                scan.take()
            scan.note(table, line)
        else:
            path = (*table, *scan.key("="))
            scan.note(path, line)
            scan.value(path)
    return Lines(scan.found, [])


def json_lines(text: str) -> Lines:
    """The lines of well-formed JSON."""
    scan = _Scan(text, separator=":")
    scan.next_is_something()
    scan.value(())
    return Lines(scan.found, scan.repeated)


class _Scan:
    """The tokens of a text, read from left to right."""

    def __init__(self, text: str, separator: str):
        self.found: dict[Place, int] = {}
        self.repeated: list[tuple[Place, int]] = []
        self.line = 1
        self._separator = separator
        self._tokens = [token for token in _TOKEN.findall(text) if token[0] != "#"]
        self._tokens.reverse()

    def take(self) -> str:
        token = self._tokens.pop()
        self.line += token.count("\n")
        return token

    def take_if(self, wanted: str) -> bool:
        found = bool(self._tokens) and self._tokens[-1] == wanted
        if found:
            self.take()
        return found

    def next_is_something(self) -> bool:
        while self.take_if("\n"):
            pass
        return bool(self._tokens)

    def note(self, path: Place, line: int) -> None:
        if path in self.found:
            self.repeated.append((path, line))
        self.found.setdefault(path, line)

    def key(self, end: str) -> tuple[str, ...]:
        """The parts of a key up to a sign, which is taken too."""
        parts: list[str] = []
        while (token := self.take()) != end:
            if token[0] in "\"'":
                parts.append(_unquoted(token, self._separator == ":"))
            else:
                parts += filter(None, token.split("."))
        return tuple(parts)

    def value(self, path: Place) -> None:
        """Take a value, and note where the values inside it stand."""
        if self.take_if("["):
            for index, line in enumerate(self._items("]")):
                self.note((*path, index), line)
                self.value((*path, index))
        elif self.take_if("{"):
            for line in self._items("}"):
                inner = (*path, *self.key(self._separator))
                self.note(inner, line)
                self.next_is_something()
                self.value(inner)
        else:  # a time of TOML consists of several tokens
            while self._tokens and self._tokens[-1] not in (",", "]", "}", "\n"):
                self.take()

    def _items(self, end: str) -> Iterator[int]:
        while self.next_is_something() and not self.take_if(end):
            if not self.take_if(","):
                yield self.line


def _unquoted(token: str, is_json: bool) -> str:
    return json.loads(token) if is_json else tomllib.loads(f"key = {token}")["key"]
