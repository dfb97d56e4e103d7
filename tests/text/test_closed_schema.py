import pytest

from mlx_entropix.text.closed_schema import closed

OPEN = {"properties": {"a": {}}}
SHUT = {"properties": {"a": {}}, "additionalProperties": False}
DEFINED = {"$ref": "#/$defs/part"}


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        (OPEN | {"required": ["a"]}, SHUT | {"required": ["a"]}),
        ({"items": OPEN}, {"items": SHUT}),
        ({"anyOf": [OPEN, {"type": "null"}]}, {"anyOf": [SHUT, {"type": "null"}]}),
        ({"$defs": {"part": OPEN}, **DEFINED}, {"$defs": {"part": SHUT}, **DEFINED}),
        ({"properties": {"if": OPEN}}, {"properties": {"if": SHUT}, "additionalProperties": False}),
    ],
)
def test_an_object_has_the_properties_that_are_named_and_no_others(schema, expected):
    before = repr(schema)
    assert closed(schema) == expected
    assert repr(schema) == before


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object"},
        OPEN | {"additionalProperties": True},
        OPEN | {"required": ["b"]},
        OPEN | {"minProperties": 2},
        OPEN | {"anyOf": [OPEN, {"required": ["b"]}]},
        {"allOf": [OPEN, {"properties": {"b": {}}, "required": ["b"]}]},
        {"oneOf": [OPEN, {"properties": {"b": {}}, "required": ["b"]}]},
        {"$defs": {"part": OPEN}, "items": {"allOf": [DEFINED, {"required": ["b"]}]}},
        {"properties": {"a": OPEN, "b": {"$ref": "#/properties/a", "required": ["c"]}}},
    ],
)
def test_what_may_have_others_stays_as_it_is(schema):
    assert closed(schema) == schema
