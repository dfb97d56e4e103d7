"""Does entropy know? Whether the metrics of a greedy answer tell that it is wrong.

Looked at is the *decisive* token, the first of the extracted answer: for each quadrant and each
tenth of each metric, how often the answer is wrong; and for each number its AUROC, the probability
that it is higher for a wrong answer than for a right one. Answers in which no answer was found are
wrong and have no decisive token; they count where whole answers do and nowhere else.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from evals.intervals import Estimate, Floats, auroc, bootstrap, clustered_mean
from evals.records import Record
from mlx_entropix.sampling import Metrics, Quadrant

TENTHS = 10


@dataclass(frozen=True)
class Signal:
    """A number that may know: its name, its value (N,) for each answer, NaN where it has none."""

    name: str
    values: Floats

    def aurocs(self, wrong: NDArray[np.bool_], tasks: NDArray[np.int64]) -> "Aurocs":
        """Over all pairs of answers, and over pairs of one task; intervals over questions."""
        there = ~np.isnan(self.values)
        scores, wrong, tasks = self.values[there], wrong[there], tasks[there]
        pooled = bootstrap(len(scores), lambda i: auroc(scores[i], wrong[i]))
        inside = bootstrap(
            len(scores), lambda i: auroc_inside(scores[i], wrong[i], tasks[i]), rounds=400
        )
        return Aurocs(pooled, inside)


@dataclass(frozen=True)
class Aurocs:
    """`pooled` tells hard tasks from easy ones too; `inside` compares answers of one task alone."""

    pooled: Estimate
    inside: Estimate


def auroc_inside(scores: Floats, wrong: NDArray[np.bool_], tasks: NDArray[np.int64]) -> float:
    """The AUROC over pairs of a wrong and a right answer to questions of one task."""
    above, pairs = 0.0, 0
    for task in np.unique(tasks):
        here = tasks == task
        count = int(wrong[here].sum()) * int((~wrong[here]).sum())
        if count:
            above += count * auroc(scores[here], wrong[here])
            pairs += count
    return above / pairs if pairs else float("nan")


def greedy_answers(records: Sequence[Record]) -> list[Record]:
    """The answers that say how sure the model was: one a question."""
    return [record for record in records if "mean_logprob" in record]


def signals(answers: Sequence[Record]) -> list[Signal]:
    """The six metrics and −log p at the decisive token, and four numbers of the whole answer."""

    def decisive(name: str, sign: float = 1.0) -> Floats:
        return np.array([sign * a.get("decisive", {}).get(name, np.nan) for a in answers])

    return [
        *(Signal(name.replace("_", " "), decisive(name)) for name in Metrics._fields),
        Signal("−log p", decisive("logprob", -1.0)),
        Signal("mean entropy", np.array([a["mean"]["logits_entropy"] for a in answers])),
        Signal("mean varentropy", np.array([a["mean"]["logits_varentropy"] for a in answers])),
        Signal("mean −log p", np.array([-a["mean_logprob"] for a in answers])),
        Signal("greatest −log p", np.array([-a["min_logprob"] for a in answers])),
    ]


def by_quadrant(answers: Sequence[Record]) -> dict[str, Estimate]:
    """How often answers are wrong whose decisive token falls in each quadrant."""
    groups: dict[str, list[list[float]]] = defaultdict(list)
    for answer in answers:
        if "decisive" in answer:
            groups[answer["decisive"]["quadrant"]].append([float(not answer["correct"])])
    return {q.name: clustered_mean(groups[q.name]) for q in Quadrant if q.name in groups}


def by_tenth(values: Floats, wrong: NDArray[np.bool_]) -> list[tuple[float, Estimate]]:
    """The median of each tenth of the values, and how often answers there are wrong."""
    there = ~np.isnan(values)
    values, wrong = values[there], wrong[there]
    order = np.argsort(values, kind="stable")
    return [
        (float(np.median(values[part])), clustered_mean([[float(w)] for w in wrong[part]]))
        for part in np.array_split(order, TENTHS)
        if len(part)
    ]


def write_reliability(answers: Sequence[Record], out: Path) -> str:
    """Write aurocs.png and reliability.png; returns what report.md says of them."""
    from evals.plots import plot_aurocs, plot_reliability
    from evals.tables import markdown_table

    wrong = np.array([not answer["correct"] for answer in answers])
    names = sorted({answer["task"] for answer in answers})
    tasks = np.array([names.index(answer["task"]) for answer in answers], dtype=np.int64)
    found = signals(answers)
    aurocs = {signal.name: signal.aurocs(wrong, tasks) for signal in found}
    curves = {signal.name: by_tenth(signal.values, wrong) for signal in found}
    quadrants = by_quadrant(answers)
    counts = {
        name: sum(a.get("decisive", {}).get("quadrant") == name for a in answers)
        for name in quadrants
    }
    plot_aurocs({name: pair.pooled for name, pair in aurocs.items()}, out / "aurocs.png")
    plot_reliability(curves, out / "reliability.png")
    missing = sum("decisive" not in answer for answer in answers)
    quadrant_rows = [
        [name, str(counts[name]), _percent(value)] for name, value in quadrants.items()
    ]
    auroc_rows = [[name, _three(pair.pooled), _three(pair.inside)] for name, pair in aurocs.items()]
    tenth_rows = [
        [name, *(f"{100 * value.value:.0f}" for _, value in curve)]
        for name, curve in curves.items()
    ]
    return "\n\n".join(
        [
            "## Does entropy know?",
            f"{len(answers):,} greedy answers, {wrong.sum():,} of them wrong; {missing:,} hold no "
            "answer and so no decisive token. AUROC: how often a wrong answer has the higher value "
            "of a wrong and a right one (0.5 is chance), with bootstrap 95 % intervals over "
            "questions. *Within tasks* leaves out what tells a hard task from an easy one.",
            markdown_table(["", "AUROC, all pairs", "within tasks"], auroc_rows),
            "![AUROCs](aurocs.png)",
            "How often the answer is wrong, by the quadrant of its decisive token (thresholds of "
            "`entropix`), in %:",
            markdown_table(["quadrant", "answers", "wrong"], quadrant_rows),
            "And by tenths of each number, from the lowest to the highest:",
            markdown_table(["", *map(str, range(1, TENTHS + 1))], tenth_rows),
            "![Wrong answers by tenths](reliability.png)",
        ]
    )


def _three(value: Estimate) -> str:
    return f"{value.value:.2f} ({value.low:.2f}–{value.high:.2f})"


def _percent(value: Estimate) -> str:
    if value.error != value.error:
        return f"{100 * value.value:.0f}"
    low, high = max(0.0, value.low), min(1.0, value.high)
    return f"{100 * value.value:.0f} ({100 * low:.0f}–{100 * high:.0f})"
