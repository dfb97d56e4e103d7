import tomllib
from collections import Counter
from datetime import date

import pytest

from evals.arms import Arm, arm_from_file, choose_arms
from evals.fork_report import at_cost, fork_section, vote_curve
from evals.fork_trials import (
    FORK_TRIALS,
    MAJORITY,
    VOTES_TRIED,
    VOTING,
    as_toml,
    choose,
    fork_arms,
    fork_trial_arms,
)
from evals.forking import chosen_by, time_of_rows, time_of_steps
from evals.remote import Server
from evals.workers import InProcess
from mlx_entropix import PlainConfig
from mlx_entropix.engine.search import fork_config
from mlx_entropix.errors import EvalError
from tests.evals.samples import GREEDY, WARM, plan, record

FIRST = Arm("first", GREEDY.config, fork_config("first", paths=3, vote="borda", score="delta"))
WARM_THREE = Arm("independent", WARM.config, fork_config("independent", paths=3))


def path(branch: int, answer: str | None, score: float, correct: bool = False, **more) -> dict:
    scores = dict.fromkeys({score for _, score in VOTES_TRIED}, score)
    return {
        "branch": branch,
        "answer": answer,
        "scores": scores,
        "correct": correct,
        "finish_reason": "stop",
        **more,
    }


def test_an_answer_that_forks_is_recorded_with_its_paths_and_all_their_tokens(bundled):
    asked = plan(2, 2, (GREEDY, FIRST, WARM_THREE), rows=7)
    records = list(InProcess(*bundled, asked.system, asked.max_rows)(asked.blocks()))
    assert Counter(r["arm"] for r in records) == {"greedy": 2, "first": 2, "independent": 2}
    plain = {r["question"]: r["text"] for r in records if r["arm"] == "greedy"}
    for told in records:
        if told["arm"] == "greedy":
            assert "paths" not in told
            continue
        assert told["narrowed"] == 0
        assert len(told["paths"]) == 3
        assert told["completion_tokens"] == sum(path["tokens"] for path in told["paths"])
        chosen = told["paths"][told["chosen"]]
        assert (told["text"], told["answer"], told["correct"]) == (
            chosen["text"],
            chosen["answer"],
            chosen["correct"],
        )
    for told in (r for r in records if r["arm"] == "first"):
        assert told["paths"][0]["text"] == plain[told["question"]]
        assert chosen_by(told, "borda", "delta")["branch"] == told["chosen"]
        # The first tokens of the forks are given, so no step of theirs drew them.
        assert sum(int(rows) * n for rows, n in told["steps"].items()) == (
            told["completion_tokens"] - 2
        )


def test_a_vote_is_counted_again_as_the_engine_counts_it():
    told = {
        "paths": [
            path(0, "7", -1.0),
            path(1, "8", -0.5),
            path(2, "7", -2.0),
            path(3, None, -0.1),
            path(4, "8", 0.0, finish_reason="dropped"),
        ]
    }
    assert chosen_by(told, "majority", "logprob")["branch"] == 0
    assert chosen_by(told, "weighted", "logprob")["branch"] == 1  # 1.0 + 0 against 1.5
    assert chosen_by(told, "best", "logprob")["branch"] == 3


def test_rows_side_by_side_cost_less_than_one_after_the_other():
    assert time_of_rows([3]) == 3
    assert time_of_rows([2] * 5) == pytest.approx(2.8)
    assert time_of_rows([2, 1, 1, 1, 1]) == pytest.approx(2.4)
    assert time_of_steps({"1": 2, "8": 1}) == pytest.approx(3.55)


def test_votes_are_compared_at_the_number_of_answers_that_costs_as_much():
    right = (True, False, True, True)
    answers = [record(VOTING, "001", ok, 10, seed) for seed, ok in enumerate(right)]
    curve = vote_curve(answers)
    assert [votes.tokens for votes in curve] == [10, 20, 30, 40]
    # Of two answers the first counts; of three, any three of these are right by two to one.
    assert [votes.right["counts", "001"] for votes in curve] == [0.75, 0.75, 1, 1]
    n, mixed = at_cost(curve, lambda votes: votes.tokens, 25)
    assert (n, mixed["counts", "001"]) == (2.5, 0.875)
    assert at_cost(curve, lambda votes: votes.tokens, 41)[0] == 4  # there are no more
    assert at_cost(curve, lambda votes: votes.tokens, 9)[0] == 1


def test_a_report_of_forks_compares_each_policy_to_votes():
    records = []
    for number in range(20):
        key = f"{number:03}"
        records.append(record("greedy", key, number % 3 == 0, 10))
        records += [record(VOTING, key, (number + seed) % 2 == 0, 10, seed) for seed in range(3)]
        paths = [path(0, "7", 0.0, True), path(1, "8", -1.0)]
        records.append(
            record("first", key, True, 20, paths=paths, steps={"1": 1, "2": 9}, narrowed=0)
        )
        drawn = [path(n, "7", -n, n == 0, tokens=10) for n in range(2)]
        records.append(
            record("independent", key, True, 20, paths=drawn, steps={"2": 10}, narrowed=0)
        )
    configs = {
        "first": {"fork": {"vote": "weighted", "score": "logprob"}},
        "independent": {"fork": {"vote": "best", "score": "logprob"}},
    }
    section = fork_section(records, configs)
    (line,) = [line for line in section.splitlines() if line.startswith("| first | 20.0 |")]
    assert line.count("n = 2.0") == 2  # at as many tokens, of either kind of votes
    assert line.count("100.0 (100.0–100.0)") == 1
    assert "| independent, 2 | 20.0 | 11.0 | 100.0 (100.0–100.0) |" in section
    assert fork_section([r for r in records if r["arm"] != VOTING], configs) == ""


def test_policies_have_equally_many_trials_and_the_best_become_arms(tmp_path):
    assert {len(trials) for trials in FORK_TRIALS.values()} == {3}
    assert len({arm.name for arm in fork_trial_arms([])}) == 13  # those of `auto` are left out
    records = []
    for number in range(4):
        for trial in range(3):
            # The second path is right, which only its higher score tells.
            paths = [path(0, "8", -1.0), path(1, "7", -0.5, number <= trial)]
            records.append(
                record(f"first#{trial}", str(number), False, 9, paths=paths)
                | {"completion_tokens": 9 + trial}
            )
    chosen = choose(records)["first"]
    assert (chosen.trial, chosen.by_vote[MAJORITY]) == (2, chosen.by_vote[chosen.vote])
    toml = tmp_path / "tuned.toml"
    header = {"model": "a model", "tasks": {"counts": 4}}
    toml.write_text(as_toml(header, records, "a command", date(2026, 1, 2)))
    assert tomllib.loads(toml.read_text())["trials"][2]["accuracy"] == 0.75
    (arm,) = fork_arms([], toml)
    assert (arm.name, arm.rows, arm.fork.vote) == ("first", 8, chosen.vote[0])
    assert arm.config.temperature == 0
    assert [a.name for a in choose_arms("first,greedy", [], (), [arm])] == ["first", "greedy"]
    assert "first" not in {a.name for a in choose_arms(None, [], (), [arm])}


def test_a_file_can_be_an_arm_that_forks(tmp_path):
    file = tmp_path / "mine.toml"
    file.write_text('base = "normal"\nfork.policy = "entropy"\nfork.paths = 4\n')
    arm = arm_from_file(f"mine={file}")
    assert (arm.config, arm.rows, arm.values["fork"]["policy"]) == (PlainConfig(), 4, "entropy")
    file.write_text('fork = "guess"\n')
    with pytest.raises(EvalError, match="there is no policy 'guess'"):
        arm_from_file(f"mine={file}")
    file.write_text('base = "normal"\nfork.policy = "entropy"\nfork.when = ["agreement > low"]\n')
    with pytest.raises(EvalError, match="names a border"):
        arm_from_file(f"mine={file}")


def test_a_server_is_not_asked_for_an_arm_that_forks():
    server = object.__new__(Server)
    server.url, server.is_ours = "the server", True
    with pytest.raises(EvalError, match="'first' forks"):
        server.check([FIRST])
