"""instructor, told the base URL alone."""

import pytest

from tests.clients.asked import IN_FRANCE, REFUSAL
from tests.clients.needs import said

SCRIPT = "ask_instructor.py"


@pytest.fixture(scope="module")
def instructor(server):
    """What `ask_instructor.py` got of the server."""
    return said(
        ["uv", "run", "--script", SCRIPT, server.api], prepare=["uv", "sync", "--script", SCRIPT]
    )


def test_an_object_comes_of_an_answer_that_is_held_to_its_schema(instructor):
    assert instructor["JSON_SCHEMA"] == IN_FRANCE.model_dump()


def test_objects_come_of_calls_that_are_asked_for(instructor):
    assert instructor["PARALLEL_TOOLS"] == [IN_FRANCE.model_dump()]


def test_an_object_comes_of_a_call_with_the_metrics_of_its_tokens(instructor):
    city, metrics, tokens = instructor["TOOLS"]
    assert city == IN_FRANCE.model_dump()
    assert metrics == tokens > 0


def test_a_partial_object_grows_field_by_field(instructor):
    parts = instructor["partly"]
    assert parts[0] == {"city": None, "country": None}
    assert {"city": "Paris", "country": None} in parts
    assert parts[-1] == IN_FRANCE.model_dump()


def test_what_is_not_supported_is_named(instructor):
    assert REFUSAL in instructor["refusal"]
