import pytest

from evals.comparison import best_plain, collect, compare
from evals.votes import vote_arm, votes
from tests.evals.samples import record


def test_budgets_of_five_answers_by_hand():
    arms = collect(
        [
            record("greedy", "1", True, 10),
            record("greedy", "2", False, 6),
            record("temperature", "1", True, 12, seed=0),
            record("temperature", "1", False, 20, seed=1),
            record("temperature", "1", True, 4, seed=2),
        ]
    )
    assert arms["greedy"].tokens == 16
    assert arms["temperature"].tokens == 36
    vote = arms[vote_arm("temperature", 3)]
    assert (vote.answers, vote.tokens) == (1, 36)
    lines = {line.arm.name: line for line in compare(arms, "temperature")}
    assert lines["greedy"].cost == 1
    assert lines["temperature"].cost == pytest.approx(12 / 8)
    assert lines["temperature, vote of 3"].cost == pytest.approx(36 / 8)


@pytest.mark.parametrize(
    ("answers", "winner"),
    [("abb", "b"), ("aba", "a"), ("abc", "a"), ("-bb", "b"), ("-ab", "a"), ("---", None)],
)
def test_the_majority_wins_and_of_equals_the_first(answers, winner):
    records = [
        record("min_p", "1", False, 1, seed) | {"answer": None if letter == "-" else letter}
        for seed, letter in enumerate(answers)
    ]
    (vote,) = votes(records)
    assert vote["answer"] == winner


def test_a_vote_of_five_needs_five_and_three_are_the_first_three():
    records = [record("min_p", "1", seed < 3, 2, seed) for seed in (4, 3, 2, 1, 0)]
    three, five = votes(records)
    assert (three["arm"], three["completion_tokens"], three["correct"]) == (
        "min_p, vote of 3",
        6,
        True,
    )
    assert five["completion_tokens"] == 10
    assert votes(records[:2]) == []
    assert votes(records, uncounted=["counts"]) == []


def test_a_vote_is_compared_to_a_vote_and_an_answer_to_an_answer():
    records = [
        record(arm, str(question), (question + seed) % 3 != shift, 5, seed)
        for arm, shift in (("min_p", 0), ("entropix", 1))
        for question in range(9)
        for seed in range(3)
    ]
    lines = {line.arm.name: line for line in compare(collect(records), "min_p")}
    assert lines["entropix"].plain == "min_p"
    assert lines["entropix, vote of 3"].plain == "min_p, vote of 3"
    assert lines["min_p"].to_plain is None


def test_only_questions_that_both_arms_have_are_compared():
    arms = collect(
        [
            record("greedy", "1", True, 1),
            record("greedy", "2", False, 1),
            record("min_p", "1", True, 1),
            record("min_p", "3", True, 1),
        ]
    )
    assert arms["min_p"].minus(arms["greedy"]).value == 0


def test_the_best_plain_arm_is_the_named_one_or_the_one_most_often_right():
    arms = collect(
        [
            record("greedy", "1", True, 1),
            record("top_p", "1", False, 1),
            record("min_p", "1", True, 1),
            record("entropix", "1", True, 1),
        ]
    )
    assert best_plain(arms) == "min_p"
    assert best_plain(arms, "top_p") == "top_p"
    assert best_plain(arms, "gone") == "min_p"
