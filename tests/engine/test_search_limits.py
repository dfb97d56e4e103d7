"""Requests that fork keep to their bounds, end in any way there is, and leave others alone."""

from dataclasses import replace
from itertools import pairwise
from statistics import fmean

import mlx.core as mx
import numpy as np
import pytest
from hypothesis import given, settings

from mlx_entropix.choices import FORKS
from mlx_entropix.engine import (
    Engine,
    Request,
    RowForked,
    TokenEvent,
    fork_config,
    forked,
)
from tests.engine.family import Family, search
from tests.engine.test_search import ENTROPIX, PROMPT, WARM, searches, told, width
from tests.model.spans import row_of
from tests.sampling.cases import PROFILE


@pytest.mark.slow
@given(searches())
@settings(PROFILE, max_examples=16)
def test_no_bound_is_ever_exceeded(tiny, asked):
    request, config = asked
    budget = config.budget or 10**9

    def check(family):
        assert len(family.live) <= config.paths
        assert family.tokens <= budget
        if 4 * family.tokens >= 3 * budget:
            assert len(family.live) <= 1

    family = search(tiny, request, config, engine=Engine(*tiny, max_rows=99), each_step=check)
    assert len(family.forks) <= getattr(config, "max_forks", config.paths - 1)


def test_forks_of_a_path_keep_their_distance(tiny):
    config = fork_config("entropy", paths=6, distance=4, ways=2, least=0.0)
    family = search(tiny, Request(PROMPT, WARM, 30, seed=2), config)
    at = {branch: {fork.position} for branch, fork in family.forks.items()} | {0: set()}
    for fork in family.forks.values():
        at[family.of_row[fork.parent]].add(fork.position)
    gaps = [b - a for positions in at.values() for a, b in pairwise(sorted(positions))]
    assert min(gaps) == 4
    assert len(family.forks) > 4


def test_the_best_path_goes_on_alone_when_three_quarters_are_spent(tiny):
    """Best by score at that time, and up to the last token of the budget."""
    cut = {}

    def look(family):
        if family.dropped and not cut:
            scores = {b: fmean(e.logprob for e in ev) for b, ev in family.written.items()}
            cut.update(alone=family.live, best=max(scores, key=scores.get), at=family.tokens)

    config = fork_config("independent", paths=4, budget=60)
    family = search(tiny, Request(PROMPT, WARM, 50, seed=8), config, each_step=look)
    assert cut["alone"] == {cut["best"]}
    assert 45 <= cut["at"] < 45 + 4
    assert family.settled.tokens == 60
    assert family.settled.chosen == cut["best"]
    assert family.answered[-1].finish_reason == "length"


@pytest.mark.parametrize("policy", FORKS)
def test_all_paths_may_end_in_one_step(tiny, policy):
    """Even in the very step in which they are made."""
    for most in (1, 2, 3):
        family = search(tiny, Request(PROMPT, WARM, most, seed=1), width(policy, 4))
        assert {path.finish_reason for path in family.settled.paths} <= {"length", "dropped"}
        assert all(len(family.ids(b)) <= most for b in family.written)
        assert len(family.answered) == most


@pytest.mark.parametrize("policy", FORKS)
def test_every_path_may_end_early(tiny, policy):
    """At a stop string, which is not part of its text; the rows are given back at once."""
    rows = []
    engine = Engine(*tiny, max_rows=4)
    request = Request(PROMPT, WARM, 200, seed=1, stop=("a", "e", "i"))
    family = search(
        tiny,
        request,
        width(policy, 4),
        engine=engine,
        each_step=lambda family: rows.append((len(engine.rows), len(family.live))),
    )
    for path in family.settled.paths:
        assert path.finish_reason in ("stop", "dropped")
        assert not set("aei") & set(path.text)
    # One step late, as always, a row that has ended is gone.
    assert all(held <= live for (_, live), (held, _) in pairwise(rows) if held > live + 4)
    assert engine.rows == []


@pytest.mark.parametrize("policy", FORKS)
def test_the_context_is_a_limit_of_each_path(tiny, policy):
    request = Request((5,) * 248, WARM, 4096, seed=2)
    family = search(tiny, request, width(policy, 3))
    assert len(family.answered) == 8
    assert family.answered[-1].finish_reason == "length"
    assert all(len(family.ids(branch)) <= 8 for branch in family.written)


@pytest.mark.parametrize("policy", FORKS)
def test_a_request_that_is_cancelled_takes_its_paths_with_it(tiny, policy):
    engine = Engine(*tiny, max_rows=6)
    request = Request(PROMPT, WARM, 60, seed=4)
    family = Family(request, engine.add(forked(request, width(policy, 5))))
    other = engine.add(Request((8, 9), WARM, 12, seed=5))
    while len(family.live) < 2:
        for event in engine.step():
            family.take(event)
    engine.cancel(family.root)
    engine.step()
    assert {row.root for row in engine.rows} == {other}
    while not engine.idle:
        assert {event.row for event in engine.step()} <= {other}


def test_a_path_whose_numbers_are_not_finite_is_left_out(tiny, spoilt):
    request = Request(PROMPT, WARM, 9, seed=1)
    sound = search(tiny, request, width("first", 4)).settled
    bad = spoilt(sound.paths[2].token_ids[0])
    settled = search(bad, request, width("first", 4)).settled
    assert [path.finish_reason for path in settled.paths] == [
        "length",
        "length",
        "failed",
        "length",
    ]
    assert settled.message is None
    assert settled.chosen != 2
    for branch in (0, 1, 3):
        assert settled.paths[branch].token_ids == sound.paths[branch].token_ids


@pytest.mark.parametrize("branch", range(4))
def test_a_path_that_failed_at_its_first_token_spoils_no_copy(tiny, spoilt, branch):
    request = Request(PROMPT, WARM, 9, seed=6)
    sound = search(tiny, request, width("independent", 4)).settled
    bad = spoilt(sound.paths[branch].token_ids[0])
    settled = search(bad, request, width("independent", 4)).settled
    for path, before in zip(settled.paths, sound.paths, strict=True):
        failed = path.branch == branch
        assert path.finish_reason == ("failed" if failed else "length")
        assert failed or path.token_ids == before.token_ids


@pytest.mark.parametrize("policy", FORKS)
def test_where_all_paths_fail_the_end_says_why(spoilt, policy):
    family = search(spoilt(PROMPT[1]), Request(PROMPT, WARM, 9), width(policy, 4))
    assert "not finite" in family.settled.message
    assert family.settled.chosen is None
    assert [path.finish_reason for path in family.settled.paths] == ["failed"]
    assert family.answered == []


@pytest.mark.parametrize("policy", FORKS)
def test_what_comes_of_a_request_does_not_depend_on_the_rows_beside_it(tiny, policy):
    """Nor on the places that rows of it get as others leave."""
    request, config = Request(PROMPT, WARM, 24, seed=3, stop=("w", "k")), width(policy, 5)
    expected = search(tiny, request, config)
    engine = Engine(*tiny, max_rows=14)
    for i in range(6):
        engine.add(Request((i + 1, 2), ENTROPIX, 3 + i, seed=i))
    engine.step()
    family = Family(request, engine.add(forked(request, config)))
    for i in range(3):
        engine.add(Request((i + 1, 2), ENTROPIX, 9 + i, seed=i))
    while not engine.idle:
        for event in engine.step():
            family.take(event)
    made = {branch: (f.position, f.token_ids) for branch, f in family.forks.items()}
    assert made == {branch: (f.position, f.token_ids) for branch, f in expected.forks.items()}
    for path, other in zip(family.settled.paths, expected.settled.paths, strict=True):
        assert replace(path, scores={}, vote=0) == replace(other, scores={}, vote=0)
        assert path.scores == pytest.approx(other.scores, abs=1e-3)
    assert family.settled.chosen == expected.settled.chosen


@pytest.mark.parametrize("policy", FORKS)
def test_caches_after_forks_and_drops_are_those_of_the_tokens_alone(tiny, policy):
    model, engine = tiny[0], Engine(*tiny, max_rows=8)
    engine.add(Request((9, 8), WARM, 14, seed=5))  # leaves, and rows change their places
    checked = 0

    def compare(family):
        nonlocal checked
        if family.settled or family.tokens % 4:
            return
        for i, row in enumerate(engine.rows):
            held = engine._cache.lengths[i]
            fresh = row_of(model, row.tokens[:held]).extract(0)
            for layer, expected in zip(engine._cache.extract(i), fresh, strict=True):
                for name in ("keys", "values"):
                    ours, theirs = (np.array(getattr(x, name)) for x in (layer, expected))
                    np.testing.assert_allclose(ours, theirs[:, :, :held], atol=1e-3)
            checked += row.parent is not None

    request = Request(PROMPT, WARM, 16, seed=3, stop=("w", "k"))
    search(tiny, request, width(policy, 5), engine=engine, each_step=compare)
    assert checked


@pytest.mark.parametrize("policy", FORKS)
def test_where_there_is_no_room_one_path_is_written_at_a_time(tiny, policy):
    request, engine, most = Request(PROMPT, WARM, 8, seed=3), Engine(*tiny, max_rows=1), []
    family = search(
        tiny,
        request,
        width(policy, 4),
        engine=engine,
        each_step=lambda family: most.append(len(family.live)),
    )
    assert family.settled.narrowed > 0
    assert max(most) == 1
    if policy == "deepconf":  # whose later paths may come one after the other
        assert len(family.settled.paths) == 4
    else:
        assert told(family.answered) == told(search(tiny, request, width(policy, 1)).answered)


@pytest.mark.parametrize("limits", [{"max_rows": 3}, {"max_kv_tokens": 3 * 43}])
def test_requests_in_line_come_before_forks(tiny, limits):
    """However many paths end and could be followed by others, the next places are theirs."""
    engine = Engine(*tiny, **{"max_rows": 8} | limits)
    config = fork_config("entropy", paths=8, distance=1, least=0.0)
    request = Request(PROMPT, WARM, 40, 2, stop=("w", "k", "m"))
    family = Family(request, engine.add(forked(request, config)))
    waiting, began, made = [], {}, {}
    for step in range(1000):
        if step == 6:
            waiting = [engine.add(Request((i + 1, 2, 3), WARM, 40, seed=i)) for i in range(3)]
        for event in engine.step():
            family.take(event)
            if event.row in waiting:
                began.setdefault(event.row, step)
            elif isinstance(event, RowForked):
                made[event.row] = step
        if engine.idle:
            break
    assert sorted(began) == waiting
    assert max(made.values()) > max(began.values()) or family.settled
    assert not any(6 <= step < max(began.values()) for step in made.values())
    assert family.settled.narrowed > 0


def test_of_32_requests_those_that_do_not_fork_are_what_they_are_alone(tiny):
    requests = [Request((i + 1, 2, i), WARM, 6 + i % 7, seed=i) for i in range(32)]
    engine, plain = Engine(*tiny, max_rows=48), {}
    families = {}
    for i, request in enumerate(requests):
        if i % 4 == 1:
            config = width(FORKS[i // 4 % 5], 3)
            families[i] = Family(request, engine.add(forked(request, config)))
        else:
            plain[engine.add(request)] = (i, [])
    while not engine.idle:
        for event in engine.step():
            for family in families.values():
                family.take(event)
            if event.row in plain and isinstance(event, TokenEvent):
                plain[event.row][1].append(event.token_id)
    for i, made in plain.values():
        assert made == [t.token_id for t in search(tiny, requests[i], width("first", 1)).answered]
    assert all(family.settled.chosen is not None for family in families.values())
    assert sum(len(family.settled.paths) for family in families.values()) > 20


@pytest.mark.slow
def test_hundreds_of_forks_and_drops_leave_memory_where_it_was(tiny):
    engine = Engine(*tiny, max_rows=8)
    config = fork_config("lookahead", paths=8, horizon=1, distance=1, least=0.0, max_forks=999)

    def storm(requests):
        settled = []
        for seed in range(requests):
            family = search(tiny, Request(PROMPT, WARM, 60, seed), config, engine=engine)
            settled.append(len(family.settled.paths) - 1)
        mx.synchronize()
        mx.clear_cache()
        return sum(settled), mx.get_active_memory()

    _, before = storm(1)
    forks, after = storm(2)
    assert forks > 300
    assert after < before + 100_000
