"""What clients of other servers count on beside the OpenAI API."""

import json
import re

import httpx2
import pytest

NAME = "SmolLM2-135M-Instruct"
HELLO = {"role": "user", "content": "Hello!"}
CHAT = {"messages": [HELLO], "max_tokens": 3, "seed": 0, "metrics": False}


@pytest.mark.parametrize("path", ["/chat/completions", "/v1/chat/completions"])
def test_a_base_url_may_lack_v1_and_the_model_a_name(server, path):
    answer = httpx2.post(server.url + path, json=CHAT | {"model": "default_model"}, timeout=60)
    assert answer.json()["model"] == NAME
    assert answer.json()["system_fingerprint"].startswith("fp_")


def test_health_is_said_without_a_body_too(server):
    response = httpx2.head(server.url + "/health")
    assert (response.status_code, response.content) == (200, b"")


@pytest.mark.parametrize("path", ["/v1/models", "/models", "/metrics"])
def test_a_key_may_come_as_anthropics_clients_send_it(guarded, path):
    statuses = [
        httpx2.get(guarded.url + path, headers=headers).status_code
        for headers in ({}, {"x-api-key": "sesame"}, {"x-api-key": "open"}, {"x-api-key": ""})
    ]
    assert statuses == [401, 200, 401, 401]


def test_an_alias_is_a_name_of_the_model(guarded):
    headers = {"x-api-key": "sesame"}
    listed = httpx2.get(guarded.api + "/models", headers=headers).json()["data"]
    assert [model["id"] for model in listed] == ["parrot", NAME]
    body = {"prompt": "Hi", "max_tokens": 1, "model": NAME}
    assert guarded.post("/completions", body, headers=headers).json()["model"] == "parrot"
    missing = guarded.post("/completions", body | {"model": "gpt-4o"}, headers=headers)
    assert missing.status_code == 404


def test_usage_may_come_with_every_chunk(server):
    options = {"include_usage": True, "continuous_usage_stats": True}
    response = server.post("/chat/completions", CHAT | {"stream": True, "stream_options": options})
    *chunks, done = [line[6:] for line in response.text.split("\n") if line.startswith("data: ")]
    assert done == "[DONE]"
    usages = [json.loads(chunk)["usage"] for chunk in chunks]
    assert [usage["completion_tokens"] for usage in usages] == [0, 1, 2, 3, 3, 3]
    assert len({usage["prompt_tokens"] for usage in usages}) == 1


def test_an_answer_goes_on_from_an_assistants_last_message(server):
    begun = {"role": "assistant", "content": "The capital of France is"}
    question = {"role": "user", "content": "What is the capital of France?"}
    body = CHAT | {"messages": [question, begun], "temperature": 0, "sampler": "normal"}

    def said(**more):
        answer = server.post("/chat/completions", body | more).json()
        return answer["choices"][0]["message"]["content"], answer["usage"]["prompt_tokens"]

    text, tokens = said()
    assert (text, tokens) == said(continue_final_message=True)
    assert text.startswith(" Paris")
    assert said(continue_final_message=False)[1] > tokens


def test_control_tokens_are_read_in_a_text_only_where_that_is_asked_for(server):
    text = "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n"

    def length(**more):
        body = {"prompt": text, "max_tokens": 1, "metrics": False} | more
        return server.post("/completions", body).json()["usage"]["prompt_tokens"]

    assert length(special_tokens=True) < length() - 9


def test_penalties_and_biases_change_an_answer_and_say_what_the_model_thought(server):
    body = CHAT | {"temperature": 0, "sampler": "normal", "metrics": True}
    plain = server.post("/chat/completions", body).json()
    first = plain["metrics"][0]["token_id"]
    assert "of_model" not in plain["metrics"][0]
    banned = server.post("/chat/completions", body | {"logit_bias": {str(first): -100}}).json()
    token = banned["metrics"][0]
    assert token["token_id"] != first
    assert token["of_model"]["logprob"] < token["logprob"]
    same = plain["metrics"][0]["logits_entropy"]
    assert token["of_model"]["logits_entropy"] == pytest.approx(same, abs=1e-3)


def test_a_long_prompt_is_reported_in_comments_which_the_openai_package_reads_over(server, client):
    body = {"prompt": "A line of a long text.\n" * 65, "max_tokens": 2, "temperature": 0}
    body["extra_body"] = {"cache_prompt": False}
    asked = client.completions.with_raw_response.create(model="default_model", stream=True, **body)
    comments = re.findall(r"^: (.*)$", asked.http_response.read().decode(), re.M)
    assert comments == ["prompt 512/520"]
    assert len([chunk for chunk in asked.parse() if chunk.choices[0].text]) == 2


def test_how_much_of_a_prompt_is_computed_can_be_asked_for(server, client):
    body = {"model": "default_model", "max_tokens": 1, "stream": True}
    for prompt in ("One, two, three", "One, two, three, four, five"):
        chunks = client.completions.create(
            prompt=prompt, extra_body={"return_progress": True}, **body
        )
        told = [chunk.prompt_progress for chunk in chunks if hasattr(chunk, "prompt_progress")]
    (last,) = told
    assert 0 < last["cache"] < last["processed"] == last["total"] == 9
    refused = server.post("/completions", {"prompt": "One", "return_progress": True})
    assert refused.json()["error"]["param"] == "return_progress"
