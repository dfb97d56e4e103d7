"""The tree of paths: where each parts, what it answered, and that it fits."""

import pytest
from rich.cells import cell_len

from mlx_entropix.cli.fork_tree import MOST_LINES, fork_tree, parting
from mlx_entropix.cli.words import first_words, last_words
from mlx_entropix.engine import Path, Settled, Summary, Vote, fork_config

SUMMARY = Summary(9, 40, 0, 0.5, 0.3, 0.25, 1.0)


def path(branch, text, answer=None, reason="stop", parent=0, vote=1.0):
    return Path(branch, parent, 9, (1,), text, reason, answer, 0, 0, {"logprob": -0.25}, vote)


def settled(*paths, chosen=0, votes=(), narrowed=0):
    return Settled(0, "entropy", chosen, paths, tuple(votes), 40, narrowed, SUMMARY)


LARGER = settled(
    path(0, "Of the two, 9.9 is larger than 9.11.", "9.11"),
    path(1, "Of the two, 9.9 is smaller than 9.11.", "9.11"),
    path(2, "Of the two, 9.11 is larger", "9.11", "dropped", vote=0.0),
    path(3, "Of the two, 9.9 is smaller as 11 is more\nthan 9.", "9", parent=1),
    path(4, "Of the two, 9.9 is larger than 9.11.", "9.11"),
    votes=[Vote("9.11", 3.0, (0, 1, 4)), Vote("9", 1.0, (3,))],
)


def test_the_tree_shows_words_answers_scores_and_votes_at_the_path_that_was_chosen():
    tree = fork_tree(LARGER, fork_config("entropy", vote="majority"), 80).plain
    assert [" ".join(line.split()) for line in tree.splitlines()] == [
        "entropy · majority · logprob answer score vote",
        "✓ 0 ×2 Of the two, 9.9 is larger than 9.11. 9.11 -0.25 2",
        "├ 2 Of the two, 9.9 → 9.11 is larger 9.11 -0.25 dropped",
        "└ 1 Of the two, 9.9 is larger → smaller than 9.11. 9.11 -0.25 1",
        "└ 3 …two, 9.9 is smaller than → as 11 is more than 9. 9 -0.25 1",
        "9.11 has 3 of 4 votes; then 9 (1).",
    ]


def test_the_chosen_path_is_the_trunk_whatever_it_was_copied_of():
    moved = settled(*LARGER.paths, chosen=3, votes=LARGER.votes)
    lines = fork_tree(moved, fork_config("entropy"), 120).plain.splitlines()
    assert lines[1].startswith("✓ 3 Of the two, 9.9 is smaller as 11 is more than 9.")
    assert "├ 0 ×2 Of the two, 9.9 is smaller → larger than 9.11." in lines[3]


@pytest.mark.parametrize("width", [40, 80, 120])
def test_no_line_of_the_tree_is_wider_than_the_terminal(width):
    texts = [
        "你好世界" * 12,
        "word " * 40,
        "x" * 300,
        "\x1b[2J\tshort\n\nlines",
        "",
        "word " * 39 + "e",
    ]
    paths = [path(i, text, text or None) for i, text in enumerate(texts)]
    votes = [Vote(p.answer, 1.0, (p.branch,)) for p in paths if p.answer]
    tree = fork_tree(settled(*paths, votes=votes), fork_config("entropy"), width).plain
    assert "\x1b" not in tree
    assert len(tree.splitlines()) == 2 + len(texts)
    assert all(cell_len(line) < width for line in tree.splitlines())


def test_many_paths_do_not_fill_the_screen():
    paths = [path(i, f"word{i} and so on") for i in range(MOST_LINES + 3)]
    lines = fork_tree(settled(*paths), fork_config("lookahead"), 80).plain.splitlines()
    assert len(lines) == MOST_LINES + 3
    assert "and 3 more" in lines[-2]
    assert lines[-1] == "Path 0 has the best score."


def test_forks_that_were_not_made_are_told_and_so_is_that_there_was_none():
    alone = settled(path(0, "Paris."), narrowed=2)
    assert fork_tree(alone, fork_config("entropy", budget=50), 80).plain.splitlines() == [
        "No fork was taken.",
        "2 forks were not made, for want of room or budget (50 tokens).",
    ]


@pytest.mark.parametrize(
    ("text", "other", "common"),
    [
        ("It is 9.9.", "It is 9.11, so", "It is "),
        ("It is 9.9. So", "It is 9.9.", "It is 9.9."),
        ("It is so.\nThen", "It is so. Then", "It is so."),
        ("Yes", "No", ""),
        (
            "它比较大而且也比较重而且也比较长所以我说是九点九",
            "它比较大而且也比较重而且也比较长所以我说是八",
            "它比较大而且也比较重而且也比较长所以我说是",
        ),
    ],
)
def test_paths_part_where_a_person_would_point(text, other, common):
    assert parting(text, other) == parting(other, text) == len(common)


def test_words_that_do_not_fit_are_cut_between_words():
    assert first_words("one  two\nthree four", 12) == "one two…"
    assert last_words("one  two\nthree four", 12) == "…three four"
    assert first_words("one two", 7) == last_words("one two", 7) == "one two"
    assert first_words("one two", 0) == last_words("one two", 0) == "…"
    assert cell_len(last_words("long " * 1000 + "a" * 50, 20)) == 20
