"""Files of configurations: what is read, how every mistake looks, and that files come back."""

import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlx_entropix.errors import ConfigError
from mlx_entropix.sampling import (
    PRESETS,
    PlainConfig,
    Provenance,
    SamplerConfig,
    config_toml,
    read_config_file,
)
from mlx_entropix.sampling.config_lines import json_lines, toml_lines

from .cases import PROFILE

DOCS = (Path(__file__).parents[2] / "docs" / "config.md").read_text("utf-8")
ENTROPIX, FROG = PRESETS["entropix"], PRESETS["frog"]
FITTED = Provenance(
    model="SmolLM2-135M-Instruct",
    date="2026-01-31",
    command="fit --seed 1",
    data="data/prompts.csv",
    targets={"FLOWING": 0.4},
    shares={"FLOWING": 0.385},
    borders={"low_logits_entropy_threshold": (0.08, 0.12)},
    tokens=20_000,
)


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Write a file into the working folder."""
    monkeypatch.chdir(tmp_path)

    def written(name, text):
        path = Path(name)
        path.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8"))
        return path

    return written


def refused(path, base="entropix"):
    with pytest.raises(ConfigError) as caught:
        read_config_file(path, base)
    return str(caught.value)


def test_a_file_replaces_values_of_its_base(write):
    path = write("a.toml", 'base = "frog"\ntop_k = 5\n[adaptive]\ntop_k_maximum = 19\n')
    read = read_config_file(path)
    assert read.base == "frog"
    assert read.config == FROG.override({"top_k": 5, "adaptive": {"top_k_maximum": 19}})
    assert read.fitted is None


def test_without_a_base_it_is_the_callers(write):
    path = write("a.json", '{"top_k": 5}')
    assert read_config_file(path).config == ENTROPIX.override({"top_k": 5})
    assert read_config_file(path, "frog") == (FROG.override({"top_k": 5}), "frog", None)
    assert read_config_file(path, "normal").config == PlainConfig(top_k=5)


def test_the_plain_sampler_is_a_base(write):
    path = write("a.toml", 'base = "normal"\ntop_n_sigma = 1\n')
    assert read_config_file(path).config == PlainConfig(top_n_sigma=1)
    assert refused(write("b.toml", 'base = "normal"\n[adaptive]\n')) == (
        "b.toml, line 2: adaptive: there is no such field"
    )


def test_a_byte_order_mark_and_windows_lines_are_no_mistake(write):
    assert read_config_file(write("a.json", b'\xef\xbb\xbf{"top_k": 5}')).config.top_k == 5
    assert read_config_file(write("a.toml", b"\xef\xbb\xbf# x\r\ntop_k = 5\r\n")).config.top_k == 5
    assert "line 2: top_k" in refused(write("b.toml", b"\xef\xbb\xbf# x\r\ntop_k = 500\r\n"))


def test_what_was_fitted_to_is_read(write):
    fitted = read_config_file(write("a.toml", config_toml(ENTROPIX, "entropix", FITTED))).fitted
    assert fitted == FITTED
    path = write("b.toml", config_toml(ENTROPIX, "entropix", FITTED, only_changes=True))
    assert read_config_file(path) == (ENTROPIX, "entropix", FITTED)
    assert "temperature" not in path.read_text("utf-8")
    path = write("c.toml", path.read_text("utf-8").replace('"2026-01-31"', "2026-01-31"))
    assert read_config_file(path).fitted == FITTED


TOML_MISTAKES = {
    "# mine\n\ntemperature = 9\n": "line 3: temperature: Input should be less than or equal to 5 "
    "(given: 9)",
    "[adaptive]\n'top_k_maximum' = 0": "line 2: adaptive.top_k_maximum: Input should be greater "
    "than or equal to 1 (given: 0)",
    'note = 1\nadaptive . "top_k_maximum" = 0': "line 1: note: there is no such field\n"
    "a.toml, line 2: adaptive.top_k_maximum: Input should be greater than or equal to 1 (given: 0)",
    "\nadaptive = { top_p_minimum = 0.2, top_k_maximum = true, min_p_minimum = 2 }": "line 2: "
    "adaptive.min_p_minimum: Input should be less than or equal to 1 (given: 2)",
    "temprature = 1": "line 1: temprature: there is no such field (did you mean temperature?)",
    "[adaptve]\ntop_k_maximum = 9": "line 1: adaptve: there is no such field "
    "(did you mean adaptive?)",
    "\nadaptve.top_k_maximum = 9": "line 2: adaptve: there is no such field "
    "(did you mean adaptive?)",
    "[adaptive]\ntop_p_minimum = 0.2\ntemperature = 1": "line 3: adaptive.temperature: there is no "
    "such field (did you mean temperature?)",
    "top_p = 0.3\ntop_k_maximum = 7": "line 2: top_k_maximum: there is no such field "
    "(did you mean adaptive.top_k_maximum?)",
    "adaptive = 3": "line 1: adaptive: Input should be a valid dictionary or instance of Adaptive "
    "(given: 3)",
    "[[adaptive]]\ntop_k_maximum = 4": "line 1: adaptive: Input should be a valid dictionary or "
    "instance of Adaptive (given: [{'top_k_maximum': 4}])",
    "top_k = inf\nmin_p = nan": "line 1: top_k: Input should be a finite number (given: inf)\n"
    "a.toml, line 2: min_p: Input should be a finite number (given: nan)",
    'treading.when = [\n  "logits_entropy > low",  # "]"\n  "heat > low",\n]': "line 3: "
    "treading.when.1: String should match pattern",
    "[treading]\nwhen = []": "line 2: treading.when: Tuple should have at least 1 item",
    "[adaptive]\nmin_p_minimum = 0.6": "line 2: adaptive: min_p_minimum (0.6) is greater than "
    "min_p_maximum (0.5)",
    "temperature = 1\nlow_logits_entropy_threshold = 4": "line 2: the thresholds of logits_entropy "
    "must not fall from low to high: low 4, medium 3, high 5",
    'base = "frug"': "line 1: base: there is no sampler 'frug', there are entropix, frog, normal "
    "(did you mean frog?)",
    "base = 3": "line 1: base: there is no sampler 3, there are entropix, frog, normal",
    "fitted = 1": "line 1: fitted: Input should be a valid dictionary or instance of Provenance "
    "(given: 1)",
}


@pytest.mark.parametrize(("text", "said"), TOML_MISTAKES.items())
def test_a_mistake_in_toml_has_its_line(write, text, said):
    assert refused(write("a.toml", text)).startswith(f"a.toml, {said}")


JSON_MISTAKES = {
    '{\n\t"top_p": 0.5,\n\t"temperature": 9\n}': "line 3: temperature: Input should be less than "
    "or equal to 5 (given: 9)",
    '{"adaptive":\n {\n"top_k_maximum"\n: 0}}': "line 3: adaptive.top_k_maximum: Input should be "
    "greater than or equal to 1 (given: 0)",
    '{\n"treading": {"when":\n["logits_entropy > low",\n"\\u007d, \\"heat\\" > low"]}}': "line 4: "
    "treading.when.1: String should match pattern",
    '{"top_k": 5, "t\\u006fp_k":\n 6}': "line 1: top_k: given again on line 1",
    '{"adaptive": {"min_p_minimum": 0.6},\n"top_k": 7.5}': "line 1: adaptive: min_p_minimum (0.6) "
    "is greater than min_p_maximum (0.5)\na.json, line 2: top_k: Input should be a valid integer, "
    "got a number with a fractional part (given: 7.5)",
    '{"top_p": NaN}': "line 1: top_p: Input should be a finite number (given: nan)",
    '{"top_p": null}': "line 1: top_p: Input should be a valid number (given: None)",
    '{"x": {"y": [1, {"z": {}}]},\n"base": []}': "line 1: x: there is no such field\n"
    "a.json, line 2: base: there is no sampler []",
}


@pytest.mark.parametrize(("text", "said"), JSON_MISTAKES.items())
def test_a_mistake_in_json_has_its_line(write, text, said):
    assert refused(write("a.json", text)).startswith(f"a.json, {said}")


def test_all_mistakes_are_said_at_once_and_none_that_follows_from_another(write):
    text = """
medium_logits_entropy_threshold = -1     # so there is no order to speak of
low_logits_entropy_threshold = 4
low_agreement_threshold = 0.9
temperature = 9

[fitted]
model = 3
tokens = -1

[resampling]
heat = 1
"""
    fields = re.findall(r"^a\.toml, line (\d+): ([\w.]+|the)", refused(write("a.toml", text)), re.M)
    assert fields == [
        ("2", "medium_logits_entropy_threshold"),
        ("4", "the"),  # thresholds of agreement
        ("5", "temperature"),
        *[("7", f"fitted.{name}") for name in ("command", "data", "date", "shares", "targets")],
        ("8", "fitted.model"),
        ("9", "fitted.tokens"),
        ("12", "resampling.heat"),
    ]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.toml", b"", "a.toml is empty."),
        ("a.json", b" \n", "a.json is empty."),
        ("a.toml", b"\xef\xbb\xbf", "a.toml is empty."),
        ("a.toml", b"top_k = \xff", "a.toml is not UTF-8 (byte 9"),
        ("a.json", '{"top_k": 5}'.encode("utf-16"), "a.json is not UTF-8 (byte 1"),
        ("a.toml", b"top_k 5", "a.toml is not TOML: Expected '=' after a key"),
        ("a.toml", b"top_k = 5\ntop_k = 6", "a.toml is not TOML: Cannot overwrite a value"),
        ("a.toml", b"x = " + b"[" * 100_000, "a.toml is not TOML: "),
        ("a.toml", b"x = " + b"9" * 5000, "a.toml is not TOML: "),
        ("a.json", b"top_k = 5", "a.json is not JSON: Expecting value: line 1 column 1"),
        ("a.json", b'{"x": ' * 100_000, "a.json is not JSON: "),
        ("a.json", b"[1]", "a.json holds no JSON object."),
        ("a", b'"x"', "a holds no JSON object."),
    ],
)
def test_what_is_no_file_of_values(write, name, content, said):
    message = refused(write(name, content))
    assert message.startswith(said)
    assert "\n" not in message
    assert message.endswith(".")


def test_what_cannot_be_read(tmp_path):
    assert refused(tmp_path / "none.toml").startswith(f"{tmp_path}/none.toml cannot be read (No")
    assert "cannot be read (Is a directory)" in refused(tmp_path)
    assert refused(Path("a\0b")) == "'a\\x00b' is no path of a file."


def numbers(field):
    rule = {
        name: getattr(part, name)
        for part in field.metadata
        for name in ("ge", "le")
        if hasattr(part, name)
    }
    if field.annotation is int:
        return st.integers(rule["ge"], rule["le"])
    return st.floats(rule["ge"], rule["le"])


def values(model):
    """Values for some fields of a model."""
    fields = {}
    for name, field in model.model_fields.items():
        if field.annotation in (int, float):
            fields[name] = numbers(field)
        elif field.annotation is bool:
            fields[name] = st.booleans()
        elif name == "when":
            condition = st.sampled_from(
                ["logits_entropy > low", "agreement_mean < low", "agreement_slope > -0.003"]
            )
            fields[name] = st.lists(condition, min_size=1, max_size=12)
        else:
            fields[name] = values(field.annotation)
    return st.fixed_dictionaries({}, optional=fields)


def without_order(drawn):
    return {
        name: without_order(value) if isinstance(value, dict) else value
        for name, value in drawn.items()
        if not name.endswith(("_threshold", "_minimum", "_maximum"))
    }


@pytest.mark.slow
@PROFILE
@given(st.data())
def test_a_written_file_is_read_as_the_same_configuration(tmp_path_factory, data):
    base = data.draw(st.sampled_from(["entropix", "frog", "normal"]))
    preset = PRESETS.get(base, PlainConfig())
    drawn = data.draw(values(type(preset)))
    try:
        config = preset.override(drawn)
    except ConfigError:  # limits or thresholds are out of order
        config = preset.override(without_order(drawn))
    fitted = data.draw(st.sampled_from([None, FITTED]))
    only_changes = data.draw(st.booleans())
    path = tmp_path_factory.getbasetemp() / "written.toml"
    path.write_text(config_toml(config, base, fitted, only_changes=only_changes), "utf-8")
    assert read_config_file(path) == (config, base, fitted)
    path = path.with_suffix(".json")
    path.write_text(config.model_dump_json(indent=1), "utf-8")
    assert read_config_file(path, base).config == config


texts = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=6)
trees = st.recursive(
    st.one_of(st.integers(), st.booleans(), st.floats(), texts),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(texts, inner, max_size=3)),
    max_leaves=12,
)


def places(value, above=()):
    inner = value.items() if isinstance(value, dict) else enumerate(value)
    for name, part in inner:
        yield (*above, name)
        if isinstance(part, dict | list):
            yield from places(part, (*above, name))


@pytest.mark.slow
@PROFILE
@given(st.dictionaries(texts, trees, max_size=4), st.sampled_from([None, 1, "\t"]))
def test_every_value_of_json_is_found_on_its_line(tree, indent):
    text = json.dumps(tree, indent=indent, ensure_ascii=indent is None)
    found = json_lines(text)
    assert set(found.of) == set(places(tree))
    assert not found.repeated
    if indent:  # a key stands on a line of its own, in order
        lines = [found.of[place] for place in places(tree)]
        assert lines == sorted(set(lines))
    for place, line in found.of.items():
        if isinstance(place[-1], str):
            key = json.dumps(place[-1], ensure_ascii=indent is None)
            assert key in text.splitlines()[line - 1] or "\x85" in text or "\u2028" in text


def test_the_scan_of_toml_is_not_led_astray():
    text = '''# [x]
a = """
b = 1
\\""" c = 2"""""
d = \'\'\'
[e]\'\'\'
f = 07:32:00 # g = 1
"h = 1" = "i = [ # "
[ j . "k.l" ]
m.n = [ 1, # [
  { o = 2, p.q = [] }, 1979-05-27 07:32:00, ]
[[r]]
s = {}
'''
    assert toml_lines(text).of == {
        ("a",): 2, ("d",): 5, ("f",): 7, ("h = 1",): 8, ("j", "k.l"): 9,
        ("j", "k.l", "m", "n"): 10, ("j", "k.l", "m", "n", 0): 10, ("j", "k.l", "m", "n", 1): 11,
        ("j", "k.l", "m", "n", 1, "o"): 11, ("j", "k.l", "m", "n", 1, "p", "q"): 11,
        ("j", "k.l", "m", "n", 2): 11, ("r",): 12, ("r", "s"): 13,
    }  # fmt: skip


def documented(language):
    return re.findall(rf"```{language}\n(.*?)```", DOCS, re.DOTALL)


@pytest.mark.parametrize("language", ["toml", "json"])
def test_the_documented_files_are_read(write, language):
    examples = documented(language)
    assert examples
    for example in examples:
        read = read_config_file(write(f"my.{language}", example))
        assert read.config not in (*PRESETS.values(), PlainConfig())


def test_the_documented_mistakes_look_like_that(write):
    pairs = re.findall(r"```text my\.(\w+)\n(.*?)```.*?```text\n(.*?)```", DOCS, re.DOTALL)
    assert len(pairs) >= 3
    for kind, text, said in pairs:
        assert refused(write(f"my.{kind}", text)) == said.rstrip("\n")


def test_the_whole_file_has_every_value_and_says_what_each_table_is():
    text = config_toml(FROG, "frog")
    assert text.count("\n# ") == 5
    assert "# High entropy, high varentropy: a hot draw from a narrower nucleus.\n[res" in text
    assert text.count(" = ") == 1 + sum(
        len(part) if isinstance(part, dict) else 1 for part in FROG.model_dump().values()
    )
    assert config_toml(SamplerConfig(), "entropix", only_changes=True) == (
        '# The entropy sampler.\nbase = "entropix"\n'
    )
