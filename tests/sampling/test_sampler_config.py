"""Configurations: what they refuse, what they say then, and the schema that a UI is built from."""

import json
import re

import pytest
from pydantic import ValidationError

from mlx_entropix.errors import ConfigError
from mlx_entropix.sampling import PRESETS, PlainConfig, Quadrant, SamplerConfig

ENTROPIX = PRESETS["entropix"]


def test_default_is_the_entropix_preset():
    assert SamplerConfig() == ENTROPIX
    assert set(PRESETS) == {"entropix", "frog"}


def test_override_changes_what_it_names():
    config = ENTROPIX.override({"temperature": 0.5, "adaptive": {"top_k_maximum": 40}})
    assert config.temperature == 0.5
    assert config.adaptive.top_k_maximum == 40
    assert config.adaptive.top_k_minimum == ENTROPIX.adaptive.top_k_minimum
    assert config.treading == ENTROPIX.treading
    assert ENTROPIX.temperature == 0.666
    assert ENTROPIX.override({}) == ENTROPIX
    assert PlainConfig().override({"top_k": 3}).top_k == 3


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"temperature": 9}, ["temperature", "less than or equal to 5", "given: 9"]),
        ({"top_p": -0.1}, ["top_p", "greater than or equal to 0"]),
        ({"top_k": 101}, ["top_k", "less than or equal to 100"]),
        ({"top_k": 2.5}, ["top_k", "integer", "2.5"]),
        ({"min_p": float("nan")}, ["min_p", "finite"]),
        ({"min_tokens_to_keep": 0}, ["min_tokens_to_keep", "greater than or equal to 1"]),
        ({"n_adaptive_samples": 33}, ["n_adaptive_samples", "less than or equal to 32"]),
        ({"temprature": 1}, ["temprature", "no such field"]),
        ({"adaptive": {"top_k": 1}}, ["adaptive.top_k", "no such field"]),
        ({"adaptive": {"top_k_minimum": 0}}, ["adaptive.top_k_minimum", "than or equal to 1"]),
        ({"adaptive": 3}, ["adaptive", "Adaptive", "given: 3"]),
        (
            {"adaptive": {"min_p_minimum": 0.6}},
            ["adaptive: min_p_minimum (0.6) is greater than min_p_maximum (0.5)"],
        ),
        (
            {"low_logits_entropy_threshold": 4},
            ["thresholds of logits_entropy", "low 4, medium 3, high 5"],
        ),
        ({"treading": {"when": []}}, ["treading.when", "at least 1"]),
        ({"treading": {"when": ["entropy > high"]}}, ["treading.when.0", "logits_entropy|"]),
        ({"window": 65}, ["window", "less than or equal to 64"]),
        (
            {"treading": {"when": ["agreement_slope < low"]}},
            ["treading.when.0: a slope has no threshold named low; compare it with a number"],
        ),
        ({"treading": {"when": ["agreement_mean > -1"]}}, ["treading.when.0", "match"]),
        ({"treading": {"when": ["agreement_mean_slope > 1"]}}, ["treading.when.0", "match"]),
        ({"temperature": 9, "top_k": 0}, ["temperature: ", "; top_k: "]),
    ],
)
def test_override_says_which_field_is_wrong_and_what_it_allows(changes, words):
    with pytest.raises(ConfigError) as caught:
        ENTROPIX.override(changes)
    message = str(caught.value)
    assert "\n" not in message
    for word in words:
        assert word in message


@pytest.mark.parametrize("changes", [{"temperature": -1}, {"top_k": -1}, {"n_adaptive_samples": 2}])
def test_plain_refuses(changes):
    with pytest.raises(ConfigError, match=next(iter(changes))):
        PlainConfig().override(changes)


def test_is_immutable_and_usable_as_a_key():
    with pytest.raises(ValidationError):
        ENTROPIX.temperature = 1  # type: ignore[misc]
    assert len({ENTROPIX, SamplerConfig(), PRESETS["frog"], PlainConfig()}) == 3


@pytest.mark.parametrize("config", [*PRESETS.values(), PlainConfig(top_k=0)])
def test_survives_json(config):
    assert type(config).model_validate(json.loads(config.model_dump_json())) == config


def leaves(schema, root, path=()):
    for name, field in schema["properties"].items():
        if "$ref" in field:
            yield from leaves(root["$defs"][field["$ref"].split("/")[-1]], root, (*path, name))
        else:
            yield (*path, name), field


@pytest.mark.parametrize("model", [SamplerConfig, PlainConfig])
def test_schema_gives_every_field_a_range_a_default_and_one_sentence(model):
    schema = model.model_json_schema()
    config = json.loads(model().model_dump_json())
    fields = dict(leaves(schema, schema))
    assert len(fields) == (76 if model is SamplerConfig else 13)
    for path, field in fields.items():
        value = config
        for name in path:
            value = value[name]
        assert field["default"] == value, path
        assert re.fullmatch(r"[A-Z][^.\n]*(\.\d[^.\n]*)*\.", field["description"]), path
        if path[-1] == "when":
            assert field["minItems"] == 1
            assert re.fullmatch(field["items"]["pattern"], value[0])
        elif field["type"] != "boolean":
            assert field["type"] in ("number", "integer")
            assert field["minimum"] <= value <= field["maximum"], path
    for definition in schema.get("$defs", {}).values():
        assert definition["description"]
        assert definition["additionalProperties"] is False


def test_quadrants_have_codes_and_phrases():
    assert [quadrant.code for quadrant in Quadrant] == ["lelv", "helv", "lehv", "hehv", "adaptive"]
    assert Quadrant.RESAMPLING.phrase == "resampling in the mist"
    assert [quadrant.value for quadrant in Quadrant] == list(range(5))
