from mlx_entropix.engine.history import History


def test_what_was_told_of_a_row_stays_while_the_positions_of_a_draft_are_looked_at():
    history = History(begin=1)
    ids, counts = history.of([5, 7], ())
    history.of([5, 7, 7], (9,))
    assert (ids.tolist(), counts.tolist()) == ([5, 7], [0, 1])
    assert history.of([5, 7, 7], ())[1].tolist() == [0, 2]
