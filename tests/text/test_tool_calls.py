"""Tool calls are taken out of an answer's text, however it is cut, and nothing else is."""

import json
import random
from importlib import import_module
from itertools import pairwise

import pytest

from mlx_entropix.text import CallSplitter
from mlx_entropix.text.tool_formats import ToolFormat, find_format

PROPERTIES = {"city": {"type": "string"}, "days": {"type": "integer"}}
TOOLS = [
    {
        "type": "function",
        "function": {"name": name, "parameters": {"type": "object", "properties": PROPERTIES}},
    }
    for name in ("weather", "forecast")
]
ROME = ("weather", {"city": "Rome"})
OSLO = ("forecast", {"city": "Oslo", "days": 3})


def of_mlx_lm(name):
    parser = import_module(f"mlx_lm.tool_parsers.{name}")
    return ToolFormat(parser.tool_call_start, parser.tool_call_end, parser.parse_tool_call)


BARE = find_format("{{ tools }}", {}, None, has_tools=True)
JSON = of_mlx_lm("json_tools")


def split(form, text, finish_reason="stop", at_most=None, cuts=()):
    """The content and the calls of a text that comes in pieces."""
    splitter = CallSplitter(form, TOOLS, at_most)
    borders = [0, *sorted(cuts), len(text)]
    said = [splitter.add(text[a:b]) for a, b in pairwise(borders)]
    said.append(splitter.finish(finish_reason))
    calls = [(call.name, json.loads(call.arguments)) for part in said for call in part.calls]
    return "".join(part.content for part in said), calls


def in_pieces(form, text, *args, **options):
    """The same, and that it does not depend on where the text is cut."""
    whole = split(form, text, *args, **options)
    one_each = range(1, len(text))
    draw = random.Random(text)
    for cuts in (one_each, *(draw.sample(one_each, min(4, len(one_each))) for _ in range(8))):
        assert split(form, text, *args, cuts=cuts, **options) == whole
    return whole


CALLS = {
    "json_tools": '<tool_call>\n{"name": "weather", "arguments": {"city": "Rome"}}\n</tool_call>\n'
    '<tool_call>\n{"name": "forecast", "arguments": {"city": "Oslo", "days": 3}}\n</tool_call>',
    "qwen3_coder": "<tool_call>\n<function=weather>\n<parameter=city>\nRome\n</parameter>\n"
    "</function>\n</tool_call>\n<tool_call>\n<function=forecast>\n<parameter=city>\nOslo\n"
    "</parameter>\n<parameter=days>\n3\n</parameter>\n</function>\n</tool_call>",
    "mistral": '[TOOL_CALLS]weather[ARGS]{"city": "Rome"}'
    '[TOOL_CALLS]forecast[ARGS]{"city": "Oslo", "days": 3}',
    "glm47": "<tool_call>weather<arg_key>city</arg_key><arg_value>Rome</arg_value></tool_call>"
    "<tool_call>forecast<arg_key>city</arg_key><arg_value>Oslo</arg_value>"
    "<arg_key>days</arg_key><arg_value>3</arg_value></tool_call>",
    "pythonic": '<|tool_call_start|>[weather(city="Rome"), forecast(city="Oslo", days=3)]'
    "<|tool_call_end|>",
    "gemma4": '<|tool_call>call:weather{city:<|"|>Rome<|"|>}<tool_call|>'
    '<|tool_call>call:forecast{city:<|"|>Oslo<|"|>,days:3}<tool_call|>',
    "kimi_k2": "<|tool_calls_section_begin|><|tool_call_begin|>functions.weather:0"
    '<|tool_call_argument_begin|>{"city": "Rome"}<|tool_call_end|><|tool_call_begin|>'
    'functions.forecast:1<|tool_call_argument_begin|>{"city": "Oslo", "days": 3}'
    "<|tool_call_end|><|tool_calls_section_end|>",
}


@pytest.mark.parametrize("name", CALLS)
def test_calls_are_read_in_the_form_of_many_models(name):
    form = of_mlx_lm(name)
    assert in_pieces(form, CALLS[name]) == ("", [ROME, OSLO])
    assert in_pieces(form, f"I look.\n\n{CALLS[name]}\n") == ("I look.", [ROME, OSLO])
    assert in_pieces(form, CALLS[name], at_most=1) == ("", [ROME])


def test_a_model_that_marks_nothing_calls_by_an_answer_of_json():
    rome = '{"name": "weather", "parameters": {"city": "Rome"}}'
    oslo = '{"name": "forecast", "parameters": {"city": "Oslo", "days": 3}}'
    assert in_pieces(BARE, f"\n{rome}; {oslo}") == ("", [ROME, OSLO])
    for text in ('{"city": "Rome"} is it.', f"I call {rome}", "{ is a brace.", " And {} too. "):
        assert in_pieces(BARE, text) == (text, [])


@pytest.mark.parametrize(
    "text",
    [
        '<tool_call>{"name": "weather", "arguments": {"city": "Rome"}</tool_call>',
        '<tool_call>{"name": "unheard_of", "arguments": {}}</tool_call> Done.',
        '<tool_call>{"name": "weather", "arguments": [1]}</tool_call>',
        '<tool_call>["weather"]</tool_call>\n',
        "<tool_call></tool_call>",
        "Write <tool_call> to call.",
        " <tool_ca",
        " No call at all.\n\n",
    ],
)
def test_what_is_no_call_of_a_tool_stays_text(text):
    assert in_pieces(JSON, text) == (text, [])


def test_a_broken_call_does_not_take_the_next_one_with_it():
    broken = '<tool_call>\n{"name": weather}\n</tool_call>'
    for text in (broken, "<tool_call>{"):
        assert in_pieces(JSON, f"{text}\n{CALLS['json_tools']}") == (text, [ROME, OSLO])


def test_arguments_may_hold_the_mark_that_closes_a_call():
    call = '<tool_call>{"name": "weather", "arguments": {"city": "</tool_call>"}}</tool_call>'
    assert in_pieces(JSON, call) == ("", [("weather", {"city": "</tool_call>"})])


def test_text_after_a_call_is_told():
    text = f"One.\n{CALLS['pythonic']}\nTwo."
    assert in_pieces(of_mlx_lm("pythonic"), text) == ("One.\n\nTwo.", [ROME, OSLO])


def test_a_call_that_was_cut_off_stays_text_but_not_one_that_the_model_ended():
    call = '<tool_call>{"name": "weather", "arguments": {"city": "Rome"}}'
    assert in_pieces(JSON, call, "stop") == ("", [ROME])
    assert in_pieces(JSON, call, "length") == (call, [])
    assert in_pieces(JSON, call[:-4], "stop") == (call[:-4], [])


def test_calls_have_ids_of_their_own_or_the_models():
    splitter = CallSplitter(JSON, TOOLS)
    one, other = splitter.add(CALLS["json_tools"]).calls
    assert one.id != other.id
    assert len(one.id) == 9
    assert one.id.isalnum()
    assert CallSplitter(of_mlx_lm("kimi_k2"), TOOLS).add(CALLS["kimi_k2"]).calls[1].id == (
        "functions.forecast:1"
    )
