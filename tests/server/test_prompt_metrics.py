"""`prompt_metrics` and `attended`: what the model thought of the prompt's own tokens."""

import json

from mlx_entropix.server.schemas import ChatCompletion, ChatCompletionChunk, Completion

TEXT = "The capital of France is"
CHAT = {"messages": [{"role": "user", "content": "Name a river."}], "max_tokens": 2, "seed": 0}


def test_a_text_is_scored_without_an_answer(server, bundled):
    fields = {"prompt": [TEXT, "One, two"], "max_tokens": 0, "prompt_metrics": True, "attended": 2}
    answer = server.post("/completions", fields).json()
    Completion.model_validate(answer)
    for choice, text in enumerate(fields["prompt"]):
        tokens = [token for token in answer["prompt_metrics"] if token["choice"] == choice]
        assert [token["token_id"] for token in tokens] == bundled[1].encode(text)
        assert tokens[0]["logprob"] is tokens[0]["rank"] is None
        assert all(token["logprob"] <= 0 < token["rank"] for token in tokens[1:])
        assert all(1 <= len(token["attended"]) <= 2 for token in tokens[1:])
    assert answer["usage"]["completion_tokens"] == 0


def test_a_stream_has_the_prompt_once_before_the_answer(server):
    whole = server.post("/chat/completions", CHAT | {"prompt_metrics": True, "n": 2}).json()
    ChatCompletion.model_validate(whole)
    assert {token["choice"] for token in whole["prompt_metrics"]} == {0}
    response = server.post(
        "/chat/completions", CHAT | {"prompt_metrics": True, "n": 2, "stream": True}
    )
    events = [line.removeprefix("data: ") for line in response.text.split("\n\n") if line]
    chunks = [json.loads(event) for event in events if event != "[DONE]"]
    for chunk in chunks:
        ChatCompletionChunk.model_validate(chunk)
    (scored,) = [chunk["prompt_metrics"] for chunk in chunks if "prompt_metrics" in chunk]
    assert scored == whole["prompt_metrics"]
    assert len(scored) == whole["usage"]["prompt_tokens"]


def test_nothing_is_said_of_the_prompt_unless_asked(server):
    answer = server.post("/chat/completions", CHAT | {"attended": 1}).json()
    assert "prompt_metrics" not in answer
    assert all(len(token["attended"]) == 1 for token in answer["metrics"])
    assert server.post("/chat/completions", CHAT | {"attended": 65}).status_code == 400
