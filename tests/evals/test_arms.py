import json
import tomllib
from datetime import date

import pytest

from evals.arms import arm_from_file, choose_arms, default_arms
from evals.remote import request_fields
from evals.tune import TRIALS, as_toml, choose, read_candidates, trial_arms
from mlx_entropix import PRESETS, PlainConfig
from mlx_entropix.errors import EvalError
from tests.evals.samples import ENTROPIX, GREEDY, WARM, record


def test_the_default_arms_are_those_that_the_sampler_knows(tmp_path):
    arms = {arm.name: arm for arm in default_arms(tmp_path / "none.toml")}
    assert {"greedy", "temperature", "top_p", "min_p", "normal", "entropix", "frog"} <= set(arms)
    assert not arms["greedy"].draws
    assert arms["normal"].config == PlainConfig()
    assert arms["frog"].config == PRESETS["frog"]
    assert all(
        arm.config.top_k <= 100 for arm in arms.values() if isinstance(arm.config, PlainConfig)
    )


@pytest.mark.parametrize("suffix", ["json", "toml"])
def test_any_file_can_be_an_arm(tmp_path, suffix):
    path = tmp_path / f"mine.{suffix}"
    text = {
        "json": '{"base": "frog", "temperature": 0.25}',
        "toml": 'base="frog"\ntemperature=0.25',
    }
    path.write_text(text[suffix])
    arm = arm_from_file(f"mine={path}")
    assert arm.config == PRESETS["frog"].override({"temperature": 0.25})
    assert [a.name for a in choose_arms("greedy", [f"mine={path}"])] == ["greedy", "mine"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"temperature": 9}', "temperature: Input should be less than or equal to 5"),
        ('{"heat": 1}', "heat: there is no such field"),
        ('{"base": "best"}', "there is no base 'best'"),
        ("[]", "holds no object"),
        ("{", "neither JSON nor TOML"),
    ],
)
def test_a_file_that_is_no_arm_is_explained(tmp_path, content, message):
    path = tmp_path / "arm.json"
    path.write_text(content)
    with pytest.raises(EvalError, match=message):
        arm_from_file(f"mine={path}")


def test_requests_carry_the_whole_arm_to_our_server_and_two_numbers_to_others():
    fields = request_fields(ENTROPIX, is_ours=True)["extra_body"]
    assert fields["sampler"] == "entropix"
    assert PRESETS["entropix"].override(fields["sampler_config"]) == PRESETS["entropix"]
    assert request_fields(WARM, is_ours=False) == {"temperature": 1.5, "top_p": 1.0}
    assert request_fields(GREEDY, is_ours=False)["temperature"] == 0


def test_every_tunable_arm_has_equally_many_trials():
    counts = {len(trials) for trials in TRIALS.values()}
    assert counts == {8}
    names = [arm.name for arm in trial_arms(TRIALS)]
    assert len(set(names)) == len(names)
    with pytest.raises(EvalError, match="equally many trials"):
        trial_arms({**TRIALS, "mine": [{"base": "entropix"}]})


def test_candidates_come_from_files(tmp_path):
    path = tmp_path / "mine.json"
    path.write_text(json.dumps([{"temperature": 0.1}] * 8))
    name, trials = read_candidates(f"mine={path}")
    assert len(trial_arms({name: trials})) == 8
    with pytest.raises(EvalError, match="JSON list"):
        read_candidates(f"={path}")


def test_the_best_trial_is_chosen_the_first_of_equals_and_read_by_the_arms(tmp_path):
    trials = {
        "temperature": [{"temperature": 0.2}, {"temperature": 0.4}, {"temperature": 0.6}],
        "mine": [{"base": "entropix", "adaptive": {"top_k_maximum": n}} for n in (30, 40, 50)],
    }
    right = {"temperature#0": 1, "temperature#1": 3, "temperature#2": 3, "mine#0": 2, "mine#1": 1}
    records = [record(arm, str(n), n < count, 4) for arm, count in right.items() for n in range(4)]
    assert choose(records, trials) == {"temperature": 1, "mine": 0}
    header = {"model": "a model", "tasks": {"counts": 4}, "seeds": 1}
    path = tmp_path / "tuned.toml"
    path.write_text(as_toml(header, records, trials, "a command", date(2026, 1, 2)))
    told = tomllib.loads(path.read_text())
    assert told["best_plain"] == "temperature"
    assert len(told["trials"]) == 5
    assert told["trials"][1]["accuracy"] == 0.75
    arms = {arm.name: arm.config for arm in default_arms(path)}
    assert arms["temperature"].temperature == 0.4
    assert arms["mine"].adaptive.top_k_maximum == 30
