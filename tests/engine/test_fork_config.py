"""Configurations of forks: what is wrong with one is said with the field and what it allows."""

import pytest

from mlx_entropix import PRESETS, PlainConfig
from mlx_entropix.choices import FORKS
from mlx_entropix.engine import Request, fork_config, forked
from mlx_entropix.engine.search import read_fork_file
from mlx_entropix.errors import ConfigError


@pytest.mark.parametrize("policy", FORKS)
def test_a_name_is_enough(policy):
    config = fork_config(policy)
    assert config.policy == policy
    assert fork_config(config.model_dump()) == config


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ("beam", "there is no policy 'beam'. There are: independent, first, entropy"),
        ({}, "policy is missing. There are: independent"),
        ({"policy": "entropy", "paths": 0}, "paths: .* greater than or equal to 1 "),
        ({"policy": "entropy", "paths": 65}, "paths: .* less than or equal to 64 .given: 65"),
        ({"policy": "entropy", "paths": "many"}, "paths: .* valid integer.* .given: 'many'"),
        ({"policy": "entropy", "budget": 0}, "budget: .* greater than or equal to 1 "),
        ({"policy": "entropy", "power": 11}, "power: .* less than or equal to 10 "),
        ({"policy": "entropy", "least": 1.5}, "least: .* less than or equal to 1 "),
        ({"policy": "entropy", "ways": 1}, "ways: .* greater than or equal to 2 "),
        ({"policy": "entropy", "quadrants": ["CALM"]}, "quadrants.0: .*'FLOWING', 'TREADING'"),
        ({"policy": "entropy", "when": ["entropy > 2"]}, "when.0: .*logits_entropy"),
        ({"policy": "lookahead", "horizon": 0}, "horizon: .* greater than or equal to 1 "),
        ({"policy": "deepconf", "keep": 0}, "keep: .* greater than 0 "),
        ({"policy": "first", "horizon": 3}, "horizon: there is no such field"),
        ({"policy": "first", "score": "luck"}, "score.*there is no 'luck'.*logprob, delta"),
        ({"policy": "first", "vote": "loudest"}, "vote.*there is no 'loudest'.*majority.*best"),
        ({"policy": "first", "extract": "sonnet"}, "extract.*no rule 'sonnet'.*number, line"),
    ],
)
def test_a_mistake_is_named_with_what_is_allowed(asked, message):
    with pytest.raises(ConfigError, match=message):
        fork_config(asked)


def test_all_mistakes_are_named_at_once():
    with pytest.raises(ConfigError) as caught:
        fork_config("entropy", paths=99, distance=0)
    assert {fault.path for fault in caught.value.faults} == {("paths",), ("distance",)}


def test_what_is_given_besides_takes_precedence_and_none_is_not_given():
    config = fork_config({"policy": "entropy", "paths": 3, "budget": 90}, paths=4, budget=None)
    assert (config.paths, config.budget) == (4, 90)


def test_named_borders_are_those_of_the_entropy_sampler():
    config = fork_config("entropy", when=["logits_entropy > medium"])
    forked(Request((1,), PRESETS["entropix"]), config)
    with pytest.raises(ConfigError, match="plain sampler does not have; write a number"):
        forked(Request((1,), PlainConfig(temperature=1.0)), config)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.toml", "paths = ", "is no TOML"),
        ("a.json", "{", "is no JSON"),
        ("a.json", "[1]", "holds no object; write a policy"),
        ("none.toml", None, "cannot be read: No such file"),
    ],
)
def test_a_file_that_cannot_be_used_is_named_with_the_reason(tmp_path, name, text, message):
    path = tmp_path / name
    if text is not None:
        path.write_text(text)
    with pytest.raises(ConfigError, match=f"{name} {message}"):
        read_fork_file(path)


def test_files_hold_a_policy_and_its_values(tmp_path):
    (tmp_path / "a.toml").write_text('policy = "lookahead"\nhorizon = 5\n')
    (tmp_path / "b.json").write_text('{"policy": "lookahead", "horizon": 5}')
    for name in ("a.toml", "b.json"):
        assert fork_config(read_fork_file(tmp_path / name)).horizon == 5
