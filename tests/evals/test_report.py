import json
import random

import pytest

from evals.page import disagreements
from evals.reliability import auroc_inside, by_quadrant, by_tenth, signals
from evals.report import read_runs, write_report
from mlx_entropix.errors import EvalError
from mlx_entropix.sampling import Metrics
from tests.evals.samples import record

HEADER = {
    "kind": "header",
    "model": "a model",
    "split": "test",
    "system": "",
    "seeds": 3,
    "questions": "00",
    "tasks": {"counts": 40},
    "arms": {"greedy": {}, "min_p": {}, "entropix": {}},
}


def confident(entropy: float) -> dict:
    metrics = dict.fromkeys(Metrics._fields, entropy)
    return {
        "mean": metrics,
        "mean_logprob": -entropy,
        "min_logprob": -2 * entropy,
        "decisive": {
            **metrics,
            "logprob": -entropy,
            "quadrant": "FLOWING" if entropy < 1 else "ADAPTIVE",
        },
    }


@pytest.fixture
def records():
    generator = random.Random(0)
    made = []
    for number in range(40):
        right = generator.random() < 0.5
        entropy = generator.random() + (0 if right else 1)
        made.append(record("greedy", f"{number:03}", right, 5, **confident(entropy)))
        made += [
            record(arm, f"{number:03}", generator.random() < chance, 6, seed)
            for arm, chance in (("min_p", 0.4), ("entropix", 0.6))
            for seed in range(3)
        ]
    return made


def write(path, records, header=HEADER):
    path.write_text("".join(json.dumps(line) + "\n" for line in [header, *records]))
    return path


def test_a_report_is_whole(records, tmp_path):
    records[0]["text"] = "<script>alert(1)</script>"
    text = write_report(
        [write(tmp_path / "run.jsonl", records)], tmp_path / "out", None
    ).read_text()
    assert "| entropix, vote of 3 |" in text
    assert "Does entropy know?" in text
    numbers = json.loads((tmp_path / "out/report.json").read_text())
    arms = {arm["arm"]: arm for arm in numbers["arms"]}
    assert arms["greedy"]["tokens"] == 200
    assert arms["entropix, vote of 3"]["cost"] == pytest.approx(18 / 5)
    assert arms["entropix"]["compared_to"] == numbers["best_plain"] == "min_p"
    for name in ("accuracy.png", "aurocs.png", "reliability.png"):
        assert (tmp_path / "out" / name).read_bytes().startswith(b"\x89PNG")
    page = (tmp_path / "out/disagreements.html").read_text()
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)" in page
    assert "http://" not in page
    assert "https://" not in page


def test_a_page_shows_only_disagreements():
    records = [
        record("greedy", "001", True, 1),
        record("min_p", "001", True, 1),
        record("greedy", "002", True, 1),
        record("min_p", "002", False, 1),
    ]
    (shown,) = disagreements(records, None)
    assert shown["id"] == "002"
    assert (shown["right"], shown["wrong"]) == ("greedy", "min_p")
    assert shown["text"] == "How many months are in a year?"


def test_files_of_one_run_are_put_together_and_of_different_ones_not(records, tmp_path):
    one = write(tmp_path / "1.jsonl", records[:10])
    two = write(tmp_path / "2.jsonl", records[5:])
    assert len(read_runs([one, two])[1]) == len(records)
    other = write(tmp_path / "3.jsonl", records, HEADER | {"split": "dev"})
    with pytest.raises(EvalError, match="its split differs"):
        read_runs([one, other])
    with pytest.raises(EvalError, match="no answers yet"):
        read_runs([write(tmp_path / "4.jsonl", [])])


def test_a_metric_that_knows_is_found_and_one_that_does_not_is_not(records):
    import numpy as np

    answers = [one for one in records if one["arm"] == "greedy"]
    wrong = np.array([not one["correct"] for one in answers])
    found = {signal.name: signal for signal in signals(answers)}
    tasks = np.zeros(len(wrong), dtype=np.int64)
    assert found["logits entropy"].aurocs(wrong, tasks).pooled.value == 1
    assert found["−log p"].aurocs(wrong, tasks).inside.value == 1
    noise = np.random.default_rng(0).normal(size=len(wrong))
    from evals.reliability import Signal

    pooled = Signal("noise", noise).aurocs(wrong, tasks).pooled
    assert pooled.low < 0.5 < pooled.high
    assert by_quadrant(answers)["ADAPTIVE"].value == 1
    curve = by_tenth(found["logits entropy"].values, wrong)
    assert (curve[0][1].value, curve[-1][1].value) == (0, 1)


def test_what_tells_tasks_apart_alone_is_chance_within_them():
    import numpy as np

    wrong = np.array([True, True, True, False, True, False, False, False])
    tasks = np.array([0, 0, 0, 0, 1, 1, 1, 1])
    assert auroc_inside(1.0 - tasks, wrong, tasks) == 0.5


def test_answers_without_a_decisive_token_are_left_out_of_what_looks_at_it():
    import numpy as np

    answers = [record("greedy", "1", False, 5, **confident(1.0))]
    answers.append({k: v for k, v in answers[0].items() if k != "decisive"})
    found = {signal.name: signal.values for signal in signals(answers)}
    assert np.isnan(found["agreement"][1])
    assert not np.isnan(found["mean entropy"]).any()
