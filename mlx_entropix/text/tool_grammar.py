"""The form of an answer that has to be a call of a tool, whatever the model would rather say.

Where the model's own calls are JSON they are written in its own form, and else as JSON without
marks. Arguments are valid by the function's JSON Schema.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from mlx_entropix.text.closed_schema import closed
from mlx_entropix.text.constraint import JSON_DEFAULTS, Constraint, json_schema, lark_grammar
from mlx_entropix.text.tool_formats import BARE, ToolFormat

MOST_CALLS = 8
"""Calls of an answer that is nothing else, at most: a small model may well go on for ever."""


def forced_calls(
    form: ToolFormat,
    control_ids: Mapping[str, int],
    tools: Sequence[Mapping[str, Any]],
    *,
    several: bool,
) -> tuple[ToolFormat, Constraint]:
    """The form of an answer of one call of one of the `tools`, or of `several`.

    `form` is the model's own, and `control_ids` are its control tokens by their names. Returns the
    format that the calls have then, too. Raises `ConstraintError` for schemas that are too large.
    """
    if not form.holds_json:
        form = BARE
    schemas = [_arguments(tool["function"]) for tool in tools]
    json_schema({"anyOf": schemas})  # raises where they would take too long
    rules = []
    for i, (tool, schema) in enumerate(zip(tools, schemas, strict=True)):
        name = json.dumps(tool["function"]["name"], ensure_ascii=False)
        head = json.dumps(f'{{"name": {name}, "{form.arguments}": ', ensure_ascii=False)
        rules.append(f'call_{i}: {head} arguments_{i} "}}"')
        rules.append(f"arguments_{i}: %json {json.dumps(schema)}")
    either = " | ".join(f"call_{i}" for i in range(len(tools)))
    if form.begins_answers:
        start = f"start: {either}"
    else:
        opened, closed = (_mark(mark, control_ids) for mark in (form.start, form.end))
        start = f'start: call ("\\n" call){{0,{MOST_CALLS - 1}}}' if several else "start: call"
        rules.insert(0, f'call: {opened} "\\n" ({either}) "\\n" {closed}')
    return form, lark_grammar("\n".join((start, *rules)))


def _mark(name: str, control_ids: Mapping[str, int]) -> str:
    """A mark in a grammar: a control token, or text."""
    return f"<[{control_ids[name]}]>" if name in control_ids else json.dumps(name)


def _arguments(function: Mapping[str, Any]) -> dict[str, Any]:
    """The schema of a function's arguments, which are an object of nothing but what it names."""
    return {**closed({"type": "object", **function["parameters"]}), "x-guidance": JSON_DEFAULTS}
