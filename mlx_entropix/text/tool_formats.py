"""How a model writes tool calls: the marks around them, and the parser that reads them.

The parsers are mlx-lm's, and so are the rules that choose one: the checkpoint names it, or its chat
template or its vocabulary tells. Where none is known, calls are JSON: the answer itself, where the
chat template has tools, as that of Llama 3; or between the marks that tool_prompt.py asks for.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from pkgutil import iter_modules
from types import SimpleNamespace
from typing import Any

ASKED_FOR = "json_tools"
"""The format of the calls that tool_prompt.py asks for."""


@dataclass(frozen=True)
class ToolFormat:
    """A format of calls.

    `parse` takes the text between the marks, and the tools as a request has them, and returns an
    object with a name and arguments, or a list of these; where it cannot, it raises anything. An
    empty `end` means the end of the answer. With `begins_answers` there are no calls behind text.
    With `holds_json` a call is a JSON object of its name and what it calls its `arguments`.
    """

    start: str
    end: str
    parse: Callable[[str, Sequence[Mapping[str, Any]]], Any]
    begins_answers: bool = False
    holds_json: bool = False
    arguments: str = "arguments"


def _parse_bare(text: str, _: Sequence[Mapping[str, Any]]) -> Any:
    return json.loads(f"{{{text}}}")


BARE = ToolFormat("{", "}", _parse_bare, begins_answers=True, holds_json=True)
"""Calls without marks."""


def find_format(
    chat_template: str | None, vocabulary: Mapping[str, int], named: str | None, *, has_tools: bool
) -> ToolFormat:
    """The format of a checkpoint, which may have `named` one of mlx-lm's parsers.

    `has_tools` tells whether its chat template writes tools.
    """
    import mlx_lm.tool_parsers
    from mlx_lm.tokenizer_utils import _infer_tool_parser

    if named not in {module.name for module in iter_modules(mlx_lm.tool_parsers.__path__)}:
        about = SimpleNamespace(chat_template=chat_template, get_vocab=lambda: vocabulary)
        named = _infer_tool_parser(about)
    if named is None and has_tools:
        is_llama = '"parameters"' in (chat_template or "")
        return replace(BARE, arguments="parameters") if is_llama else BARE
    parser: Any = import_module(f"mlx_lm.tool_parsers.{named or ASKED_FOR}")
    return ToolFormat(
        parser.tool_call_start,
        parser.tool_call_end,
        parser.parse_tool_call,
        holds_json=named in (None, ASKED_FOR),
    )
