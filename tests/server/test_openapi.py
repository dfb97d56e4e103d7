"""Requests generated from the server's own description of itself."""

import httpx2
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error

GENERATED = settings(
    max_examples=15,
    derandomize=True,
    deadline=None,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="module")
def schema(server):
    description = httpx2.get(server.url + "/openapi.json").json()
    return schemathesis.openapi.from_dict(description)


def shorten(case):
    """A valid request may ask for millions of tokens; answers are kept to one."""
    if isinstance(case.body, dict):
        case.body |= {"max_tokens": 1, "n": 1, "model": None}
        case.body.pop("max_completion_tokens", None)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/chat/completions"),
        ("POST", "/v1/completions"),
        ("GET", "/v1/models"),
        ("GET", "/v1/models/{name}"),
        ("GET", "/v1/samplers"),
        ("GET", "/health"),
        ("GET", "/metrics"),
    ],
)
@pytest.mark.parametrize("mode", list(GenerationMode))
def test_nothing_generated_is_a_server_error(server, schema, method, path, mode):
    """Requests that fit the description, and ones that do not."""
    operation = schema[path][method]
    try:
        cases = operation.as_strategy(generation_mode=mode)
        cases.validate()
    except Unsatisfiable:
        pytest.skip("there is no way to ask for this wrongly")

    @GENERATED
    @given(case=cases)
    def call(case):
        shorten(case)
        case.call_and_validate(base_url=server.url, checks=[not_a_server_error], timeout=100)

    call()


def test_description_is_complete(server):
    description = httpx2.get(server.url + "/openapi.json").json()
    for path in ("/v1/chat/completions", "/v1/completions"):
        operation = description["paths"][path]["post"]
        assert {"200", "400", "404", "413", "429", "503"} <= set(operation["responses"])
        assert "text/event-stream" in operation["responses"]["200"]["content"]
        assert "422" not in operation["responses"]
    for name in ("ChatRequest", "CompletionRequest"):
        model = description["components"]["schemas"][name]
        assert model["examples"]
        undescribed = {
            field
            for field, value in model["properties"].items()
            if "description" not in value and "$ref" not in str(value)
        }
        assert not undescribed
