import json

import pytest

from evals import public
from evals.facts import fact_questions
from evals.questions import read_questions
from evals.tasks import DATA, SHIPPED, TASKS, choose_tasks
from mlx_entropix.errors import EvalError

OURS = [task for task in TASKS.values() if not task.public]


def test_there_are_a_thousand_questions_and_no_id_or_text_twice():
    questions = [question for task in OURS for question in task.questions(None)]
    assert len(questions) >= 1000
    assert len({question.key for question in questions}) == len(questions)
    assert len({(question.task, question.text) for question in questions}) == len(questions)


@pytest.mark.parametrize("task", OURS, ids=lambda task: task.name)
def test_every_accepted_answer_is_right_and_found_within_a_sentence(task):
    for question in task.questions(None):
        assert question.task == task.name
        assert question.answers
        for accepted in question.answers:
            for text in (accepted, f'The answer is "{accepted}".'):
                found = task.extract(text, question)
                assert task.is_right(text, found, question), (question, text, found)


@pytest.mark.parametrize("task", OURS, ids=lambda task: task.name)
def test_no_question_is_right_by_being_repeated(task):
    right = 0
    for question in task.questions(None):
        found = task.extract(question.text, question)
        right += task.is_right(question.text, found, question)
    # Where one of two or three things is to be named, a parrot is right by chance.
    assert right <= (0.6 if task.rule == "choice" else 0.35) * len(task.questions(None))


def test_the_splits_share_no_question_and_are_of_the_sizes_that_are_said():
    for task in OURS:
        (_, dev), (_, test) = (choose_tasks(task.name, split, ALL, None)[0] for split in SPLITS)
        assert not set(dev) & set(test)
        assert len(dev) + len(test) == len(task.questions(None))
    dev = sum(len(q) for _, q in choose_tasks(None, "dev", ALL, DATA / "none"))
    test = sum(len(q) for _, q in choose_tasks(None, "test", ALL, DATA / "none"))
    assert 0.25 < dev / (dev + test) < 0.35


SPLITS = ("dev", "test")
ALL = 10_000


def test_a_limit_takes_the_same_questions_every_time():
    ((_, few),) = choose_tasks("capitals", "dev", 5, None)
    ((_, more),) = choose_tasks("capitals", "dev", 8, None)
    assert len(few) == 5
    assert set(few) < set(more)


def test_every_file_says_where_it_is_from_and_under_which_licence():
    for path in SHIPPED.glob("*.jsonl"):
        origin = json.loads(path.read_text().splitlines()[0])
        assert origin["origin"]
        assert origin["licence"] == "Apache-2.0"


def test_the_files_of_facts_are_what_the_tables_give():
    for task, questions in fact_questions().items():
        assert read_questions(SHIPPED / f"{task}.jsonl") == questions


def test_public_sets_are_read_as_published(tmp_path):
    item = {"ID": "chal-1", "Body": "Ann has 3 pens.", "Question": "How many?", "Answer": 51.0}
    (tmp_path / "svamp.json").write_text(json.dumps([item]))
    (question,) = public.read("svamp", tmp_path / "svamp.json")
    assert question.text == "Ann has 3 pens. How many?"
    assert question.answers == ("51",)

    examples = {"examples": [{"input": "not True is", "target": "False"}]}
    (tmp_path / "bbh.json").write_text(json.dumps(examples))
    (question,) = public.read("bbh_boolean_expressions", tmp_path / "bbh.json")
    task = TASKS["bbh_boolean_expressions"]
    assert task.is_right("False.", task.extract("False.", question), question)

    line = {"question": "Why?", "answer": "Because.\n#### 1,018"}
    (tmp_path / "gsm8k.jsonl").write_text(json.dumps(line) + "\n")
    (question,) = public.read("gsm8k", tmp_path / "gsm8k.jsonl")
    assert question.answers == ("1,018",)


@pytest.mark.parametrize("content", ["{", "{}", '[{"ID": "a"}]'])
def test_a_public_set_in_another_form_is_named(tmp_path, content):
    path = tmp_path / "svamp.json"
    path.write_text(content)
    with pytest.raises(EvalError, match=r"is not svamp as it is published"):
        public.read("svamp", path)
