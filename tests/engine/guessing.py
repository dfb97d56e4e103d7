"""Drafters that guess what a test says, and what rows write with and without them."""

import pytest

from mlx_entropix.engine import Engine, PromptScored, TokenEvent


class Guesses:
    """A drafter that guesses what a function says of a row, as far as there is room."""

    def __init__(self, guess):
        self.guess = guess

    def begin(self, row):
        pass

    def learn(self, row, count):
        pass

    def end(self, row):
        pass

    def wants(self, room, positions):
        return bool(self.plan(room, positions))

    def plan(self, room, positions):
        drafts = {row: tuple(self.guess(row)[:most]) for row, most in room.items()}
        return {row: draft for row, draft in drafts.items() if draft}

    def took(self, positions, seconds):
        pass


def following(texts, count):
    """Guesses the next `count` tokens of the text (without the prompt) of a row, by its number."""
    return lambda row: list(texts[row.id][row.generated :][:count])


def spoil(guess, right):
    """The same, of which the first `right` are as they were and all others are other tokens."""
    return lambda row: [
        token if i < right else (token + 1) % 49152 for i, token in enumerate(guess(row))
    ]


def write(model, requests, drafter=None, **more):
    """All events of some requests, by request."""
    engine = Engine(*model, **{"max_rows": len(requests), "drafter": drafter} | more)
    index = {engine.add(request): i for i, request in enumerate(requests)}
    events = [[] for _ in requests]
    while not engine.idle:
        for event in engine.step():
            events[index[event.row]].append(event)
        # The last token of a row needs no place in the cache.
        places = zip(engine.rows, engine._cache.lengths, strict=True)
        assert all(n < row.most_tokens for row, n in places)
    return events


def drawn(events):
    return [event for event in events if isinstance(event, TokenEvent)]


def ids(events):
    return [event.token_id for event in drawn(events)]


def same(events, expected):
    """Assert that tokens and all that is said of them are those expected."""
    events, expected = (_told(events), _told(expected))
    assert ids(events) == ids(expected)
    for event, other in zip(events, expected, strict=True):
        if isinstance(event, PromptScored):
            for token, scored in zip(event.tokens, other.tokens, strict=True):
                _alike(token, scored)
            continue
        for name in ("position", "token", "text", "finish_reason", "ends"):
            assert getattr(event, name) == getattr(other, name)
        for name in ("certainty", "parameters"):
            assert getattr(event, name) == pytest.approx(getattr(other, name), abs=1e-3)
        _alike(event, other)


def _told(events):
    return [event for event in events if isinstance(event, TokenEvent | PromptScored)]


def _alike(token, expected):
    assert token.token_id == expected.token_id
    assert token.quadrant == expected.quadrant
    assert token.logprob == pytest.approx(expected.logprob, abs=1e-3)
    assert token.metrics == pytest.approx(expected.metrics, abs=1e-3)
    assert [a.token_id for a in token.alternatives] == [a.token_id for a in expected.alternatives]
    for a, b in zip(token.alternatives, expected.alternatives, strict=True):
        assert a.logprob == pytest.approx(b.logprob, abs=1e-3)
