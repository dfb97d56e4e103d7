"""What pages that others wrote ask from a browser, with the fields and headers that they send."""

import json

import httpx2
import pytest

ORIGIN = {"origin": "http://localhost:8080"}
QUESTION = {"role": "user", "content": "What is the capital of France?"}

# mikupad, as it comes, but for its repetition penalty, which is of a range of tokens.
MIKUPAD = {
    "model": "SmolLM2-135M-Instruct",
    "temperature": 0.7,
    "penalize_nl": False,
    "ban_eos_token": False,
    "presence_penalty": 0,
    "frequency_penalty": 0,
    "top_k": 40,
    "top_p": 0.95,
    "min_p": 0,
    "max_tokens": 3,
    "logprobs": 10,
    "stream": True,
}


@pytest.fixture(scope="module")
def page(server):
    """A page on another port of this machine."""
    with httpx2.Client(base_url=server.url, headers=ORIGIN, timeout=120) as client:
        yield client


def chunks(response):
    assert response.status_code == 200, response.text
    *lines, last = [line[6:] for line in response.text.splitlines() if line.startswith("data: ")]
    assert last == "[DONE]"
    return [json.loads(line)["choices"][0] for line in lines]


def test_a_page_may_ask_with_the_headers_that_it_sends(page):
    for path, method, headers in (
        ("/v1/completions", "POST", "authorization,content-type"),
        ("/v1/models", "GET", "anthropic-dangerous-direct-browser-access,authorization,x-api-key"),
    ):
        asked = {"access-control-request-method": method, "access-control-request-headers": headers}
        allowed = page.options(path, headers=asked)
        assert allowed.status_code == 200
        assert allowed.headers["access-control-allow-headers"] == headers
        assert allowed.headers["access-control-allow-origin"] == ORIGIN["origin"]


def test_mikupad_writes_on_and_has_ten_alternatives_for_each_token(page):
    prompt = "The capital of France is"
    written = chunks(page.post("/v1/completions", json=MIKUPAD | {"prompt": prompt}))
    tokens = [choice for choice in written if choice["text"]]
    assert len(tokens) == 3
    assert all(len(choice["logprobs"]["top_logprobs"][0]) == 10 for choice in tokens)
    chat = MIKUPAD | {"messages": [QUESTION], "logprobs": True, "top_logprobs": 10}
    deltas = [c for c in chunks(page.post("/v1/chat/completions", json=chat)) if c["logprobs"]]
    assert all(len(choice["logprobs"]["content"][0]["top_logprobs"]) == 10 for choice in deltas)


@pytest.mark.parametrize(
    ("extra", "field"),
    [
        ({"repetition_penalty": 1.1, "repetition_penalty_range": 256}, "repetition_penalty_range"),
        ({"repetition_penalty": 1.1}, "penalize_nl"),
    ],
)
def test_a_penalty_that_mikupad_means_otherwise_is_refused(page, extra, field):
    refused = page.post("/v1/completions", json=MIKUPAD | {"prompt": "One,"} | extra)
    assert (refused.status_code, refused.json()["error"]["param"]) == (400, field)


def test_logitloom_grows_a_tree_by_what_the_answer_begins_with(page):
    """It asks again with each token that it knows, as the assistant's beginning."""
    models = page.get("/v1/models").json()["data"]

    def likeliest(begun, count):
        begin = [{"role": "assistant", "content": begun}] if begun else []
        body = {"model": models[0]["id"], "messages": [QUESTION, *begin], "max_tokens": count}
        body |= {"temperature": 0.0, "logprobs": True, "top_logprobs": 3}
        choice = page.post("/v1/chat/completions", json=body).json()["choices"][0]
        return [
            [top["token"] for top in it["top_logprobs"]] for it in choice["logprobs"]["content"]
        ]

    first = likeliest("", 3)
    assert [tops[0] for tops in first] == ["The", " capital", " of"]
    assert all(len(set(tops)) == 3 for tops in first)
    assert likeliest("The capital", 1) == first[2:]
    body = {"model": models[0]["id"], "prompt": "The capital of France is", "max_tokens": 1}
    body |= {"temperature": 0.0, "logprobs": 3}
    (choice,) = page.post("/v1/completions", json=body).json()["choices"]
    assert choice["logprobs"]["tokens"] == [" Paris"]
    assert len(choice["logprobs"]["top_logprobs"][0]) == 3
