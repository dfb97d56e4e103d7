"""A JSON Schema whose objects have nothing but what it names.

Where a schema names `properties` and says nothing of others, JSON Schema lets any others be there,
and a small model goes on with names of its own to the end of its tokens. What people mean by such a
schema is these properties, and other servers hold answers to no more as well.
"""

from collections.abc import Iterator, Mapping
from typing import Any

# What says something of other properties, or of the object as a whole.
_OF_OTHERS = {"additionalProperties", "patternProperties", "unevaluatedProperties"}
_OF_OTHERS |= {"propertyNames", "minProperties", "const", "enum"}
# What puts a part together with others, which then must not be closed each for itself.
_COMBINING = {"$ref", "$dynamicRef", "allOf", "anyOf", "oneOf", "not", "if"}
_COMBINING |= {"dependentSchemas", "dependentRequired", "dependencies"}
# What may stand beside a reference or alternatives, and changes nothing.
_REMARKS = {"title", "description", "default", "examples", "deprecated", "type", "nullable"}
_REMARKS |= {"$schema", "$id", "$comment", "$defs", "definitions", "x-guidance"}

_DEFINITIONS = ("$defs", "definitions")
_ONE_SCHEMA = ("items", "additionalProperties")
_LISTS_OF_SCHEMAS = ("prefixItems", "anyOf", "allOf", "oneOf")
_MAPS_OF_SCHEMAS = ("properties", "patternProperties", *_DEFINITIONS)

_Schema = Mapping[str, Any]


def closed(schema: _Schema) -> dict[str, Any]:
    """The schema, with `additionalProperties` false wherever that is left open and is safe to say.

    Where parts hold together (`allOf`, a `$ref` beside `properties`, …) or exclude each other
    (`oneOf`) they stay as they are, so that what is valid by the result is valid by the schema too,
    and is not nothing.
    """
    parts = list(_parts(schema))
    refs = [part["$ref"] for part in parts if "$ref" in part]
    if not all(str(ref).startswith(("#/$defs/", "#/definitions/")) for ref in refs):
        return dict(schema)
    # A definition may be used by any of its parts that combines.
    return _closed(schema, definitions=not any(map(_combines, parts)))


def _closed(part: _Schema, *, definitions: bool) -> dict[str, Any]:
    """A part of a schema, closed, and so are its `definitions` if they may be."""
    found = dict(part)
    if not _combines(part):
        for name, place, child in _children(part):
            if definitions or name not in _DEFINITIONS:
                _put(found, name, place, _closed(child, definitions=definitions))
    named = part.get("properties")
    if isinstance(named, Mapping) and not (_OF_OTHERS | _COMBINING) & part.keys():
        required = part.get("required", [])
        if isinstance(required, list) and all(str(name) in named for name in required):
            found["additionalProperties"] = False
    return found


def _children(part: _Schema) -> Iterator[tuple[str, Any, _Schema]]:
    """The schemas in a schema, each with its keyword and its place there (None for all of it)."""
    for name, value in part.items():
        inside: Any = ()
        if name in _ONE_SCHEMA:
            inside = [(None, value)]
        elif name in _LISTS_OF_SCHEMAS and isinstance(value, list):
            inside = enumerate(value)
        elif name in _MAPS_OF_SCHEMAS and isinstance(value, Mapping):
            inside = value.items()
        yield from ((name, place, child) for place, child in inside if isinstance(child, Mapping))


def _put(schema: dict[str, Any], name: str, place: Any, child: _Schema) -> None:
    """Replace one of the children of a schema, and nothing in what it was copied from."""
    if place is None:
        schema[name] = child
        return
    schema[name] = schema[name].copy()
    schema[name][place] = child


def _combines(part: _Schema) -> bool:
    """Whether a part of a schema is put together of several."""
    combining = _COMBINING & part.keys()
    if not combining:
        return False
    plain = combining <= {"$ref", "anyOf", "allOf"} and part.keys() <= combining | _REMARKS
    single = not isinstance(part.get("allOf"), list) or len(part["allOf"]) == 1
    return len(combining) > 1 or not plain or not single


def _parts(schema: _Schema) -> Iterator[_Schema]:
    """A schema and all schemas in it."""
    yield schema
    for _, _, child in _children(schema):
        yield from _parts(child)
