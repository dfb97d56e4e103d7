"""Whatever is sent, the answer is an error object and never a 5xx."""

import contextlib
import http.client
import json

import httpx2
import pytest

CHAT = {"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 1}


def error_of(response):
    assert response.headers["content-type"] == "application/json"
    error = response.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert error["message"].endswith((".", ")", "…")) or error["param"]
    assert "Traceback" not in response.text
    return error


SCHEMA = {"type": "json_schema"}


@pytest.mark.parametrize(
    ("field", "value", "param"),
    [
        ("messages", None, "messages"),
        ("messages", [], "messages"),
        ("messages", "Hi", "messages"),
        ("messages", [{"role": "king", "content": "Hi"}], "messages[0].role"),
        ("messages", [{"role": "user"}], "messages[0]"),
        ("messages", [{"role": "user", "content": 7}], "messages[0].content"),
        (
            "messages",
            [{"role": "user", "content": [{"type": "image_url", "image_url": "x"}]}],
            "messages[0].content[0].type",
        ),
        (
            "messages",
            [{"role": "user", "content": [{"type": "text", "text": "Hi", "language": "en"}]}],
            "messages[0].content[0]",
        ),
        ("max_tokens", 0, "max_tokens"),
        ("max_tokens", "8", "max_tokens"),
        ("max_tokens", 10**400, "max_tokens"),
        ("temperature", -1, "temperature"),
        ("temperature", "warm", "temperature"),
        ("temperature", True, "temperature"),
        ("temperature", 1e308, "temperature"),
        ("top_p", 1.5, "top_p"),
        ("window", 513, "window"),
        ("window", -1, "window"),
        ("top_k", 101, "top_k"),
        ("n", 0, "n"),
        ("n", 10**9, "n"),
        ("n", 100, "n"),
        ("seed", 1.5, "seed"),
        ("seed", 2**64, "seed"),
        ("stop", ["x"] * 65, "stop"),
        ("stop", 5, "stop"),
        ("stream", "yes", "stream"),
        ("top_logprobs", 2, "top_logprobs"),
        ("response_format", {"type": "xml"}, "response_format.type"),
        ("response_format", {"type": "json_schema"}, "response_format"),
        ("response_format", SCHEMA | {"json_schema": {"schema": {"type": "x"}}}, "response_format"),
        ("structured_outputs", {"regex": "(", "choice": ["a"]}, "structured_outputs"),
        ("structured_outputs", {"regex": "("}, "structured_outputs"),
        ("json_schema", {"not": {}}, "json_schema"),
        ("grammar", "root ::= (", "grammar"),
        ("sampler", "nucleus", "sampler"),
        ("sampler_config", {"warmth": 1}, "sampler_config"),
        ("sampler_config", {"temperature": 9}, "sampler_config"),
        ("sampler_config", {"adaptive": {"top_k_maximum": "many"}}, "sampler_config"),
        ("sampler_config", {"temp": "hot"}, "sampler_config"),
        ("sampler_config", [], "sampler_config"),
        ("model", 5, "model"),
        ("continue_final_message", True, "messages"),
    ],
)
def test_wrong_values_name_their_field(server, field, value, param):
    response = server.post("/chat/completions", CHAT | {field: value})
    assert response.status_code == 400, response.text
    assert error_of(response)["param"] == param


def test_ranges_are_named(server):
    error = error_of(server.post("/chat/completions", CHAT | {"sampler_config": {"top_p": 7}}))
    assert "top_p" in error["message"]
    assert "less than or equal to 1" in error["message"]


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("stop", ["x"] * 65, "at most 64 items"),
        ("stop", ["x" * 2000], "at most 1024 characters"),
        ("response_format", SCHEMA | {"json_schema": {"schema": {"not": {}}}}, '["not"]'),
        ("structured_outputs", {"regex": "(?=a)b"}, "look-around"),
        ("top_logprobs", 2, "needs logprobs"),
        ("n", 100, "the server takes 80"),
    ],
)
def test_reasons_are_the_ones_that_matter(server, field, value, reason):
    assert reason in error_of(server.post("/chat/completions", CHAT | {field: value}))["message"]


DEEP = "[" * 100_000 + "]" * 100_000


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b'"text"',
        b"\xff\xfe\x00",
        b'{"messages": "\xff"}',
        b'{"messages": [{"role": "user", "content": "\\ud800"}]}',
        b'{"messages": [{"role": "user", "content": "Hi"}], "sampler": "\\udfff"}',
        b'{"messages": [{"role": "user", "content": "Hi"}], "sampler_config": {"\\udfff": 1}}',
        b'{"messages": [{"role": "user", "content": "Hi"}], "temperature": NaN}',
        b'{"messages": [{"role": "user", "content": "Hi"}], "temperature": Infinity}',
        b'{"messages": [{"role": "user", "content": "Hi"}], "temperature": 1e999}',
        b'{"messages": [{"role": "user", "content": "Hi"}], "sampler_config": {"top_p": NaN}}',
        b'{"max_tokens": ' + b"9" * 5000 + b"}",
        DEEP.encode(),
        b'{"messages": ' + DEEP.encode() + b"}",
        b'{"messages": [{"role": "user", "content": "Hi"}], "sampler_config": '
        + b'{"adaptive":' * 500
        + b"1"
        + b"}" * 501,
    ],
    ids=range(18),
)
@pytest.mark.parametrize("path", ["/chat/completions", "/completions"])
def test_bodies_that_are_no_request(server, path, body):
    headers = {"content-type": "application/json"}
    response = httpx2.post(server.api + path, content=body, headers=headers, timeout=60)
    assert response.status_code == 400, response.text
    error_of(response)


@pytest.mark.parametrize(
    "prompt", ["", [], [[]], [""], [-1], [10**9], [1.5], [None], {}, [[1], "a"]]
)
def test_prompts_that_cannot_be_continued(server, prompt):
    response = server.post("/completions", {"prompt": prompt, "max_tokens": 1})
    assert response.status_code == 400, response.text
    assert error_of(response)["param"].startswith("prompt")


def test_a_prompt_beyond_the_context_is_refused(server):
    message = {"role": "user", "content": "sheep " * 20_000}
    for path, body in (
        ("/chat/completions", {"messages": [message]}),
        ("/completions", {"prompt": message["content"]}),
    ):
        response = server.post(path, body)
        assert response.status_code == 400
        assert error_of(response)["code"] == "context_length_exceeded"


def test_large_bodies_are_refused_unread(server):
    large = json.dumps(CHAT | {"user": "x" * 10_000_000}).encode()
    headers = {"content-type": "application/json"}
    response = httpx2.post(server.api + "/chat/completions", content=large, headers=headers)
    assert response.status_code == 413
    error_of(response)


def test_large_chunked_bodies_are_refused(server):
    """Without a Content-Length the bytes are counted as they come."""
    connection = http.client.HTTPConnection(*server.url.removeprefix("http://").split(":"))
    pieces = (b" " * 500_000 for _ in range(20))
    headers = {"content-type": "application/json"}
    with contextlib.suppress(ConnectionError):  # refused before all of it was sent
        connection.request("POST", "/v1/completions", pieces, headers, encode_chunked=True)
    assert connection.getresponse().status == 413


def test_paths_and_methods_that_do_not_exist(server):
    response = httpx2.get(server.api + "/completions")
    assert response.status_code == 405
    assert error_of(response)["type"] == "invalid_request_error"
    response = httpx2.post(server.api + "/nothing", json={})
    assert response.status_code == 404
    error_of(response)


def test_names_that_no_text_can_hold(server):
    body = b'{"messages": [{"role": "user", "content": "Hi"}], "model": "\\udfff"}'
    headers = {"content-type": "application/json"}
    response = httpx2.post(server.api + "/chat/completions", content=body, headers=headers)
    assert response.status_code == 404
    assert "udfff" in error_of(response)["message"]


NO_OBJECT = {"type": "string"}
DEEP = {"function": {"name": "add", "arguments": '{"a":' * 9000 + "1" + "}" * 9000}}


def test_labels_nulls_and_what_asks_for_nothing_pass(server):
    extra = {"user": "me", "best_of": 1, "tools": [], "tool_choice": "auto", "logit_bias": {}}
    more = {"functions": None, "store": False, "metadata": {"a": "b"}, "unheard_of": None}
    assert server.post("/chat/completions", CHAT | extra | more).status_code == 200


@pytest.mark.parametrize(
    ("extra", "param", "says"),
    [
        ({"tools": [{"type": "web_search"}]}, "tools[0].type", "Leave web_search out"),
        ({"tools": [{"type": "function"}]}, "tools[0].function", "required"),
        (
            {"tools": [{"type": "function", "function": {"name": "a", "parameters": NO_OBJECT}}]},
            "tools[0].function.parameters",
            "not of the type 'string'",
        ),
        (
            {"messages": [{"role": "assistant", "tool_calls": [DEEP]}]},
            None,
            "nested too deeply",
        ),
        ({"tool_choice": "required"}, "tool_choice", "there are no tools"),
        (
            {"tool_choice": {"type": "function", "function": {"name": "add"}}},
            "tool_choice",
            "'add', which is not among the tools",
        ),
        ({"repitition_penalty": 1.2}, "repitition_penalty", "did you mean repetition_penalty"),
        ({"logit_bias": "x"}, "logit_bias", "dictionary"),
        ({"logit_bias": {"cat": 1}}, "logit_bias", "'cat', which is no token id from 0 to 49151"),
        ({"logit_bias": {"99999": 1}}, "logit_bias", "'99999', which is no token id"),
        ({"logit_bias": {"5": 101}}, "logit_bias.5", "less than or equal to 100"),
        ({"presence_penalty": 3}, "presence_penalty", "less than or equal to 2"),
        ({"stream_options": {"include_obfuscation": True}}, "stream_options", "obfuscation"),
        (
            {"messages": [{"role": "assistant", "content": "a", "tool_calls": [{"id": "1"}]}]},
            "messages[0].tool_calls[0].function",
            "required",
        ),
        (
            {
                "messages": [
                    {
                        "role": "assistant",
                        "tool_calls": [{"function": {"name": "add", "arguments": "{"}}],
                    }
                ]
            },
            "messages",
            "Message 1 has a call of add whose arguments are no JSON object",
        ),
    ],
)
def test_what_cannot_be_done_is_named_and_not_ignored(server, extra, param, says):
    response = server.post("/chat/completions", CHAT | extra)
    assert response.status_code == 400
    error = error_of(response)
    assert error["param"] == param
    assert says in error["message"]
