"""Answers of a given form, over the API."""

import json
from typing import Literal

from pydantic import BaseModel

MODEL = "SmolLM2-135M-Instruct"


class Verdict(BaseModel):
    fruit: Literal["apple", "pear"]
    is_round: bool


def test_openais_client_gets_an_object_of_the_class_that_it_asks_for(client):
    messages = [{"role": "user", "content": "Is an apple round?"}]
    answer = client.chat.completions.parse(
        model=MODEL, messages=messages, response_format=Verdict, max_tokens=48, seed=0
    ).choices[0]
    assert answer.finish_reason == "stop"
    assert isinstance(answer.message.parsed, Verdict)


def test_a_stream_of_a_form_says_what_the_model_thought_without(server):
    body = {"prompt": "Is water wet?", "stream": True, "seed": 1, "logprobs": 2}
    body |= {"structured_outputs": {"choice": ["yes", "no", "perhaps"]}}
    lines = server.post("/completions", body).text.split("\n\n")
    chunks = [json.loads(line.removeprefix("data: ")) for line in lines if "choices" in line]
    choices = [choice for chunk in chunks for choice in chunk["choices"]]
    assert "".join(choice["text"] for choice in choices) in ("yes", "no", "perhaps")
    assert choices[-1]["finish_reason"] == "stop"
    first = next(chunk["metrics"][0] for chunk in chunks if chunk.get("metrics"))
    assert first["of_model"]["allowed"] < 0.5
    assert first["of_model"]["logits_entropy"] > first["logits_entropy"]
    assert first["logits_entropy"] <= 4  # of so few beginnings


def test_a_beginning_that_does_not_have_the_form_is_a_400(server):
    body = {"prompt": "Is water wet?", "prefix_token_ids": [504], "grammar": 'root ::= "yes"'}
    response = server.post("/completions", body)
    assert response.status_code == 400
    assert "begin so" in response.json()["error"]["message"]
