"""What docs/forks.md says is true: its names are those that there are, and its example runs."""

import re
from pathlib import Path

import pytest

from mlx_entropix.choices import EXTRACTORS
from mlx_entropix.engine.search import POLICIES, fork_config
from mlx_entropix.engine.search.fork_config import BEST
from mlx_entropix.engine.search.scores import SCORES
from mlx_entropix.engine.search.votes import VOTES

TEXT = (Path(__file__).parents[1] / "docs" / "forks.md").read_text("utf-8")


def test_every_policy_score_vote_and_rule_is_in_a_table():
    first_cells = " ".join(re.findall(r"^\| ([^|]*) \|", TEXT, re.MULTILINE))
    named = set(re.findall(r"`([^`]+)`", first_cells))
    assert {*POLICIES, *SCORES, *VOTES, BEST, *EXTRACTORS} <= named


@pytest.mark.parametrize("policy", POLICIES)
def test_every_value_of_a_policy_is_named_with_its_default(policy):
    config = fork_config(policy)
    for name in type(config).model_fields:
        assert f"`{name}`" in TEXT or name == "policy"
    for name in ("least", "ways", "distance", "keep", "warmup"):
        if hasattr(config, name):
            value = re.escape(str(getattr(config, name)))
            assert re.search(rf"`{name}`\s\(({value}|[^)]*`{policy}` {value})[;)]", TEXT)
    (row,) = re.findall(rf"^\| `{policy}` \|.*\| ([^|]*) \|$", TEXT, re.MULTILINE)
    assert f"`{config.vote}`" in row


@pytest.mark.slow
def test_a_path_is_written_again_by_the_example():
    (example,) = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    names: dict = {}
    exec(example, names)
    assert len(names["again"]) == len(names["path"].token_ids) - 1
