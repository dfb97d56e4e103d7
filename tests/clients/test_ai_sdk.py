"""The AI SDK, by its provider for compatible servers and by OpenAI's own; it runs in bun."""

import pytest

from tests.clients.asked import ANSWER, IN_FRANCE, REFUSAL
from tests.clients.needs import FOLDER, said


@pytest.fixture(scope="module")
def ai_sdk(server):
    """What `ask.ts` got of the server."""
    return said(
        ["bun", "ask.ts", server.api],
        prepare=["bun", "install", "--frozen-lockfile"],
        within=FOLDER / "ai_sdk",
    )


def test_an_answer_has_our_metrics_and_is_made_with_our_sampler(ai_sdk):
    answer = ai_sdk["text"]
    assert answer["text"] == ANSWER
    assert len(answer["quadrants"]) == answer["tokens"]
    assert all(answer["quadrants"])


def test_a_stream_has_them_too(ai_sdk):
    stream = ai_sdk["stream"]
    assert "".join(stream["parts"]) == ANSWER
    assert len(stream["parts"]) == 7
    assert stream["quadrants"] == ai_sdk["text"]["quadrants"]
    assert stream["reason"] == "stop"


@pytest.mark.parametrize("way", ["generateObject", "streamObject", "responses"])
def test_an_object_has_the_form_of_a_zod_schema(ai_sdk, way):
    assert ai_sdk["objects"][way] == IN_FRANCE.model_dump()


def test_a_streamed_object_comes_in_parts(ai_sdk):
    assert ai_sdk["objects"]["parts"] > 1


@pytest.mark.parametrize("way", ["compatible", "responses"])
def test_a_tool_is_executed_and_its_result_read_in_a_second_step(ai_sdk, way):
    calls = ai_sdk["calls"][way]
    assert calls["asked"] == ["Paris"]
    assert calls["reasons"][0] == "tool-calls"
    assert "Sunny" in calls["text"]


def test_what_is_not_supported_is_an_api_call_error_that_names_it(ai_sdk):
    assert ai_sdk["refusal"]["status"] == 400
    assert REFUSAL in ai_sdk["refusal"]["message"]
