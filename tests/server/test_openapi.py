"""Requests generated from the server's own description of itself."""

import base64
import hashlib
import re
from urllib.parse import urljoin

import httpx2
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error

from mlx_entropix.server.schemas import (
    ChatCompletion,
    ChatCompletionChunk,
    Completion,
    ErrorResponse,
)

GENERATED = settings(
    max_examples=8,
    derandomize=True,
    deadline=None,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
FEW = settings(GENERATED, max_examples=3)  # where there is little to ask for, or the same


@pytest.fixture(scope="module")
def description(server):
    return httpx2.get(server.url + "/openapi.json").json()


@pytest.fixture(scope="module")
def schema(description):
    return schemathesis.openapi.from_dict(description)


SHORT = {
    "/v1/chat/completions": {"max_tokens": 1, "max_completion_tokens": None, "n": 1},
    "/v1/completions": {"max_tokens": 1, "n": 1},
    "/v1/responses": {"max_output_tokens": 1, "previous_response_id": None},
    "/v1/messages": {"max_tokens": 1},
}
"""What makes one token the whole answer."""


def shorten(case, path):
    """A valid request may ask for millions of tokens; answers are kept to one."""
    if isinstance(case.body, dict):
        case.body |= SHORT.get(path, {}) | {"model": None}


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/chat/completions"),
        ("POST", "/v1/completions"),
        ("POST", "/v1/responses"),
        ("POST", "/v1/responses/input_tokens"),
        ("GET", "/v1/responses/{response_id}"),
        ("DELETE", "/v1/responses/{response_id}"),
        ("GET", "/v1/responses/{response_id}/input_items"),
        ("POST", "/v1/responses/{response_id}/cancel"),
        ("POST", "/v1/messages"),
        ("POST", "/v1/messages/count_tokens"),
        ("GET", "/v1/models"),
        ("GET", "/v1/models/{name}"),
        ("GET", "/v1/samplers"),
        ("GET", "/health"),
        ("GET", "/metrics"),
        ("POST", "/tokenize"),
        ("POST", "/detokenize"),
        ("POST", "/apply-template"),
        ("GET", "/props"),
    ],
)
@pytest.mark.parametrize("mode", list(GenerationMode))
def test_nothing_generated_is_a_server_error(server, schema, method, path, mode):
    """Requests that fit the description, and ones that do not."""
    cases = schema[path][method].as_strategy(generation_mode=mode)

    @(GENERATED if path.startswith("/v1/") else FEW)
    @given(case=cases)
    def call(case):
        shorten(case, path)
        case.call_and_validate(base_url=server.url, checks=[not_a_server_error], timeout=100)

    try:
        cases.validate()
        call()
    except Unsatisfiable:
        assert mode is GenerationMode.NEGATIVE
        pytest.skip("there is no way to ask for this wrongly")


def test_errors_of_every_endpoint_are_described(description):
    for path in SHORT:
        responses = description["paths"][path]["post"]["responses"]
        assert set(responses) == {"200", "400", "401", "404", "413", "429", "500", "503"}
        assert "text/event-stream" in responses["200"]["content"]
        assert "Retry-After" in responses["429"]["headers"]
    for path in ("/v1/models", "/v1/models/{name}", "/v1/samplers", "/metrics"):
        operation = description["paths"][path]["get"]
        assert "401" in operation["responses"]
        assert operation["security"]
    assert "security" not in description["paths"]["/health"]["get"]


def test_every_field_is_described(description):
    undescribed = [
        f"{name}.{field}"
        for name, model in description["components"]["schemas"].items()
        for field, value in model["properties"].items()
        if not value.get("description")
    ]
    assert not undescribed
    assert all(model.get("description") for model in description["components"]["schemas"].values())
    for operations in description["paths"].values():
        for operation in operations.values():
            assert operation["summary"]
            assert operation["description"]
            assert all(parameter["description"] for parameter in operation.get("parameters", ()))


def test_examples_of_answers_fit_their_models(description):
    for path, whole, chunk in (
        ("/v1/chat/completions", ChatCompletion, ChatCompletionChunk),
        ("/v1/completions", Completion, Completion),
    ):
        responses = description["paths"][path]["post"]["responses"]
        content = responses.pop("200")["content"]
        whole.model_validate(content["application/json"]["example"])
        *events, done = content["text/event-stream"]["example"].removesuffix("\n\n").split("\n\n")
        assert done == "data: [DONE]"
        for event in events:
            chunk.model_validate_json(event.removeprefix("data: "))
        for status, response in responses.items():
            error = ErrorResponse.model_validate(response["content"]["application/json"]["example"])
            assert (error.error.type == "server_error") == (status >= "500")


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/chat/completions", "ChatRequest"),
        ("/completions", "CompletionRequest"),
        ("/responses", "ResponsesRequest"),
        ("/messages", "MessagesRequest"),
        ("/messages/count_tokens", "CountRequest"),
    ],
)
def test_examples_of_requests_are_answered(server, description, path, name):
    examples = description["components"]["schemas"][name]["examples"]
    assert examples
    for example in examples:
        response = server.post(path, example | SHORT.get(f"/v1{path}", {}))
        assert response.status_code == 200, response.text


def test_the_page_takes_all_it_loads_from_the_server(server):
    """And its policy allows the one script that is written into it, by the hash of its text."""
    page = httpx2.get(server.url + "/docs")
    links = re.findall(r'(?:src|href)="([^"]*)"', page.text)
    assert len(links) == 3
    for link in links:
        asset = httpx2.get(urljoin(server.url + "/docs", link))
        assert asset.status_code == 200
        assert asset.url.host == "127.0.0.1"
        assert len(asset.content) > 1000
    (script,) = re.findall(r"<script>(.*?)</script>", page.text, re.S)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = page.headers["content-security-policy"]
    assert f"script-src 'self' 'sha256-{digest}';" in policy
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
