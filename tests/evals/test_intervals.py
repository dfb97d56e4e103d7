import math

import numpy as np
import pytest
from scipy import stats

from evals.intervals import auroc, bootstrap, clustered_mean, mean_of, paired_difference


def test_the_clustered_error_by_hand():
    # Mean 0.5 of 4 values; cluster sums of deviations: 1, −1. Squares 2 · C/(C−1) = 4; √4 / 4.
    found = clustered_mean([[1, 1], [0, 0]])
    assert found.value == 0.5
    assert found.error == pytest.approx(0.5)
    assert found.low == pytest.approx(0.5 - 1.959964 * 0.5, abs=1e-6)


def test_clusters_of_one_give_the_usual_error():
    values = np.random.default_rng(0).normal(size=40)
    found = clustered_mean([[value] for value in values])
    assert found.error == pytest.approx(stats.sem(values))
    low, high = stats.norm.interval(0.95, values.mean(), stats.sem(values))
    assert (found.low, found.high) == pytest.approx((low, high))


def test_clusters_of_one_size_are_as_good_as_their_means():
    values = np.random.default_rng(1).normal(size=(30, 3))
    found = clustered_mean(values.tolist())
    assert found.error == pytest.approx(stats.sem(values.mean(axis=1)))


def test_answers_that_are_all_alike_inside_a_question_are_no_more_than_one():
    once = clustered_mean([[1], [0], [1], [0], [1]])
    thrice = clustered_mean([[1] * 3, [0] * 3, [1] * 3, [0] * 3, [1] * 3])
    assert thrice.error == pytest.approx(once.error)


def test_one_question_has_no_error():
    assert math.isnan(clustered_mean([[1, 0]]).error)
    assert math.isnan(clustered_mean([]).value)


def test_a_paired_difference_by_hand():
    # Differences 1, 0, −½ of three questions.
    found = paired_difference([[1], [1, 1], [0]], [[0, 0], [1], [1, 0]])
    assert found.value == pytest.approx(1 / 6)
    assert found.error == pytest.approx(stats.sem([1, 0, -0.5]))


def test_the_mean_of_tasks_counts_each_alike():
    found = mean_of([clustered_mean([[1], [0]]), clustered_mean([[1], [1], [1]])])
    assert found.value == 0.75
    assert found.error == pytest.approx(0.25)


def simulated(difference: float, seed: int, questions: int = 400) -> tuple[list, list]:
    """Answers of two arms, three seeds each; questions differ much, arms by `difference`."""
    generator = np.random.default_rng(seed)
    ease = generator.beta(0.5, 0.5, size=questions) * (1 - abs(difference))
    theirs = generator.random((questions, 3)) < ease[:, None]
    ours = generator.random((questions, 3)) < (ease + difference)[:, None]
    return ours.astype(float).tolist(), theirs.astype(float).tolist()


def test_a_planted_difference_is_found():
    found = [paired_difference(*simulated(0.06, seed)) for seed in range(40)]
    assert np.mean([one.value for one in found]) == pytest.approx(0.06, abs=0.01)
    assert sum(one.low > 0 for one in found) >= 36


def test_a_planted_null_is_not_and_the_intervals_miss_one_time_in_twenty():
    missed = sum(paired_difference(*simulated(0.0, seed)).excludes_zero for seed in range(400))
    assert stats.binomtest(missed, 400, 0.05).pvalue > 0.01


def test_ignoring_clusters_would_be_too_sure():
    ours, _ = simulated(0.0, 0)
    flat = [[value] for cluster in ours for value in cluster]
    assert clustered_mean(ours).error > 1.3 * clustered_mean(flat).error


def test_auroc_is_the_mann_whitney_statistic():
    generator = np.random.default_rng(2)
    scores = generator.integers(0, 6, size=80).astype(float)  # with ties
    wrong = generator.random(80) < 0.4
    expected = stats.mannwhitneyu(scores[wrong], scores[~wrong]).statistic
    assert auroc(scores, wrong) == pytest.approx(expected / (wrong.sum() * (~wrong).sum()))


def test_auroc_by_hand():
    assert auroc(np.array([1.0, 2.0, 3.0]), np.array([False, False, True])) == 1
    assert auroc(np.array([3.0, 2.0, 1.0]), np.array([False, False, True])) == 0
    assert auroc(np.array([1.0, 1.0]), np.array([False, True])) == 0.5
    assert math.isnan(auroc(np.array([1.0]), np.array([True])))


def test_a_bootstrap_is_near_the_normal_interval_and_the_same_every_time():
    values = np.random.default_rng(3).normal(size=300)

    def mean(index):
        return float(values[index].mean())

    found = bootstrap(300, mean)
    usual = clustered_mean([[value] for value in values])
    assert found == bootstrap(300, mean)
    assert found.low == pytest.approx(usual.low, abs=0.02)
    assert found.high == pytest.approx(usual.high, abs=0.02)
