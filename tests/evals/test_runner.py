import json

import pytest
from rich.console import Console

from evals.records import AnswerFile, key_of, read_answers
from evals.runner import run_plan
from evals.workers import InProcess, Workers
from mlx_entropix.errors import EvalError
from tests.evals.samples import ENTROPIX, GREEDY, WARM, answer, plan

QUIET = Console(stderr=True, quiet=True)


def made(path):
    """What a file holds, without the times."""
    header, answers = read_answers(path)
    for record in answers:
        record.pop("seconds", None)
    return header, {json.dumps(record, sort_keys=True) for record in answers}


def test_a_plan_asks_every_question_under_every_arm_and_seed_one_after_the_other():
    jobs = [job for block in plan(3, 2).blocks() for job in block]
    assert [(job.question.id, job.arm.name, job.seed) for job in jobs[:4]] == [
        ("001", "greedy", 0),
        ("001", "temperature", 0),
        ("001", "temperature", 1),
        ("002", "greedy", 0),
    ]
    assert len(jobs) == 9


def test_arms_share_random_numbers_and_questions_do_not():
    jobs = [job for block in plan(2, 2, (WARM, ENTROPIX)).blocks() for job in block]
    seeds = {}
    for job in jobs:
        seeds.setdefault((job.question.id, job.seed), set()).add(job.random_seed)
    assert all(len(used) == 1 for used in seeds.values())
    assert len(set.union(*seeds.values())) == 4


def test_a_run_that_was_killed_goes_on_and_ends_with_the_same_answers(bundled, tmp_path):
    asked = plan(2, 2, (GREEDY, WARM, ENTROPIX))
    answers = InProcess(*bundled, asked.system, asked.max_rows)
    whole, cut = tmp_path / "whole.jsonl", tmp_path / "cut.jsonl"
    run_plan(asked, whole, answers, QUIET)

    lines = whole.read_text().splitlines(keepends=True)
    cut.write_text("".join(lines[:4]) + lines[4][:30])  # killed as it wrote the fourth answer
    run_plan(asked, cut, answers, QUIET)
    assert made(cut) == made(whole)
    assert len(lines) == 1 + 2 * (1 + 2 + 2)

    _, records = read_answers(whole)
    greedy = next(record for record in records if record["arm"] == "greedy")
    assert greedy["completion_tokens"] == sum(greedy["would_be"].values())
    assert greedy["decisive"]["index"] < greedy["completion_tokens"]
    assert set(greedy["mean"]) < set(greedy["decisive"])
    entropix = next(record for record in records if record["arm"] == "entropix")
    assert sum(entropix["quadrants"].values()) == entropix["completion_tokens"]
    assert 0 <= entropix["coloured"] <= 1


def test_what_is_there_is_not_asked_again(tmp_path):
    asked, out = plan(1, 1), tmp_path / "answers.jsonl"
    calls = []

    def answers(blocks):
        calls.append(len(blocks))
        for block in blocks:
            yield from map(answer, block)

    run_plan(asked, out, answers, QUIET)
    run_plan(asked, out, answers, QUIET)
    assert calls == [1, 0]


def test_each_answer_is_on_the_disk_before_the_next(tmp_path):
    asked, out = plan(2, 1), tmp_path / "answers.jsonl"

    def answers(blocks):
        for block in blocks:
            for number, job in enumerate(block):
                assert len(out.read_text().splitlines()) == 1 + number
                yield answer(job)

    run_plan(asked, out, answers, QUIET)
    assert {key_of(record) for record in read_answers(out)[1]} == {
        job.key for block in asked.blocks() for job in block
    }


def test_another_runs_file_is_refused(tmp_path):
    out = tmp_path / "answers.jsonl"
    with AnswerFile(out, plan(1).header()):
        pass
    with (
        pytest.raises(EvalError, match="another run: its seeds differs"),
        AnswerFile(out, plan(1, seeds=4).header()),
    ):
        pass


def test_a_broken_line_is_named(tmp_path):
    out = tmp_path / "answers.jsonl"
    with AnswerFile(out, plan(1).header()) as file:
        file.add(answer(plan(1).blocks()[0][0]))
    out.write_text(out.read_text().replace('{"kind": "answer"', "{") + "{}\n")
    with pytest.raises(EvalError, match="line 2: this is not JSON"):
        read_answers(out)


def test_a_worker_that_fails_says_why(tmp_path):
    answers = Workers(str(tmp_path / "none"), "", 4, count=1)
    with pytest.raises(EvalError, match=r"A worker failed: WeightsError: .*none"):
        list(answers(plan(1, 1).blocks()))
