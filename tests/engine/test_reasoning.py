"""What a model thinks before it answers, in the events of an engine."""

import pytest

from mlx_entropix import stream_generate
from mlx_entropix.engine import Engine, Request, TokenEvent
from mlx_entropix.engine.draft import IndexDrafter
from mlx_entropix.sampling import PlainConfig
from mlx_entropix.text import choice
from tests.engine.test_engine import run

ASK = [{"role": "user", "content": "Say it."}]
GREEDY = PlainConfig(temperature=0)


def told(thinking, prompt=ASK, **options):
    """The answer, the thoughts before it, and the last event."""
    events = list(stream_generate(*thinking, prompt, config=GREEDY, max_tokens=12, **options))
    thoughts = "".join(event.reasoning or "" for event in events)
    return "".join(event.text for event in events), thoughts, events[-1]


def test_thoughts_that_the_prompt_opened_are_no_part_of_the_answer(thinking):
    answer, thoughts, last = told(thinking)
    assert (answer, thoughts, last.finish_reason) == ("two", "one", "stop")
    assert last.summary.reasoning_tokens == 4  # one </ think >
    assert last.summary.completion_tokens == 6


def test_a_raw_prompt_gives_the_text_as_it_is(thinking):
    text, thoughts, _ = told(thinking, list(thinking[1].chat(ASK)))
    assert (text, thoughts) == ("one</think>two", "")


@pytest.mark.parametrize(("stop", "expected"), [("one", "two"), ("wo", "t")])
def test_a_stop_string_is_looked_for_in_the_answer_alone(thinking, stop, expected):
    answer, thoughts, last = told(thinking, stop=[stop])
    assert (answer, thoughts, last.finish_reason) == (expected, "one", "stop")


def test_thoughts_that_the_limit_cuts_go_to_the_end(thinking):
    events = list(stream_generate(*thinking, ASK, config=GREEDY, max_tokens=2))
    assert [(event.text, event.reasoning) for event in events] == [("", "one"), ("", "</")]


@pytest.mark.parametrize("form", [None, choice(["yes", "no"])])
def test_thoughts_are_closed_where_there_are_as_many_as_there_may_be(thinking, form):
    """Though the model would not close them, with guesses, and beside a form of the answer."""
    tokenizer = thinking[1]
    request = Request(
        tuple(tokenizer.chat(ASK)),
        GREEDY,
        max_tokens=8,
        splits_reasoning=True,
        most_thoughts=3,
        logit_bias=((tokenizer.encode("one")[0], 100.0),),
        constraint=form,
    )
    (events,) = run(Engine(*thinking, drafter=IndexDrafter()), [request])
    events = [event for event in events if isinstance(event, TokenEvent)]
    assert [event.token for event in events][:6] == ["one"] * 3 + ["</", "think", ">"]
    assert "".join(event.reasoning or "" for event in events) == "oneoneone"
    answer = "".join(event.text for event in events)
    assert answer in ("yes", "no") if form else answer == "oneone"


def test_paths_vote_on_their_answers_and_not_on_thoughts(thinking):
    fork = {"policy": "independent", "paths": 2, "extract": "line"}
    answer, thoughts, last = told(thinking, fork=fork)
    assert (answer, thoughts) == ("two", "one")
    assert last.summary.reasoning_tokens == 8
