"""What well-known clients send, after they were given nothing but the base URL.

Each body has the fields of the client that it is named after, the empty and unknown ones included.
"""

import json

import httpx2
import pytest

HELLO = {"role": "user", "content": "Hello!"}
PARTS = {"role": "user", "content": [{"type": "text", "text": "Hello!"}]}
# Where a stream of code is to end, as an editor has it: more than two dozen strings.
STOPS = ["<fim_prefix>", "<fim_suffix>", "<fim_middle>", "<file_sep>", "<|endoftext|>", "</fim>"]
STOPS += ["/src/", "#- coding: utf-8", "```", "\nfunction", "\nclass", "\nmodule", "\nexport"]
STOPS += ["\nimport", "\ndef", "\nasync def", "\nfrom", "\n\n\n", "\r\n\r\n", "<|fim_pad|>"]
STOPS += ["<EOT>", "<PRE>", "<SUF>", "<MID>", "<repo_name>", "<reponame>"]

CHATS = {
    "open-webui": {
        "stream": True,
        "messages": [HELLO],
        "params": {},
        "files": None,
        "tool_servers": [],
        "features": {"image_generation": False, "code_interpreter": False, "web_search": False},
        "variables": {"{{USER_NAME}}": "Ada", "{{CURRENT_DATE}}": "2026-11-23"},
        "model_item": {"id": "m", "name": "m", "object": "model", "urlIdx": 0},
        "session_id": "3fGq0LzS6xJ1",
        "chat_id": "b7b5e1a0-1f0e-4f3e-9a55-6a0f6f6f9b7e",
        "id": "0d0b4a0e-77d7-4a52-b18f-bd4d0cbb6f1c",
        "background_tasks": {"title_generation": True, "tags_generation": True},
        "stream_options": {"include_usage": True},
        "temperature": 0.8,
        "top_p": 0.9,
        "max_tokens": None,
        "stop": None,
        "seed": None,
        "logit_bias": None,
        "tools": [],
        "metadata": None,
    },
    "open-webui title": {
        "stream": False,
        "messages": [HELLO],
        "max_completion_tokens": 4,
        "metadata": {"task": "title_generation", "chat_id": "b7b5e1a0"},
    },
    "librechat": {
        "stream": True,
        "messages": [{"role": "system", "content": "Be brief."}, PARTS],
        "temperature": 1,
        "top_p": 1,
        "presence_penalty": 0,
        "frequency_penalty": 0,
        "stop": [],
        "user": "65f1c0ffee",
    },
    "continue": {
        "stream": True,
        "messages": [{"role": "system", "content": "You are in an editor."}, PARTS],
        "max_tokens": 4,
        "temperature": 0.01,
        "stop": STOPS,
        "parallel_tool_calls": False,
        "prediction": None,
    },
    "langchain": {
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "2 + 2?", "name": "ada"},
            {
                "role": "assistant",
                "content": "4?",
                "tool_calls": [],
                "refusal": None,
            },
            {"role": "tool", "content": "4", "tool_call_id": "call_1"},
        ],
        "n": 1,
        "stream": False,
        "temperature": 0.7,
        "max_completion_tokens": 4,
        "stop": None,
        "response_format": {"type": "text"},
        "reasoning_effort": None,
        "service_tier": None,
    },
    "llm": {
        "stream": True,
        "messages": [HELLO],
        "stream_options": {"include_usage": True},
    },
    "aider": {
        "stream": True,
        "messages": [HELLO, {"role": "assistant", "content": "Ok."}, HELLO],
        "temperature": 0,
        "extra_headers": {"x-title": "aider"},
        "cache_control": {"type": "ephemeral"},
    },
    "chatdev": {
        "stream": False,
        "messages": [HELLO],
        "frequency_penalty": 0.0,
        "presence_penalty": 0.0,
        "logit_bias": {},
        "max_tokens": 4,
        "n": 1,
        "stop": None,
        "temperature": 0.2,
        "top_p": 1.0,
        "user": "",
        "functions": [],
    },
}


@pytest.fixture(scope="module")
def model(server):
    """The name that a client finds by listing the models, with a key that it made up."""
    headers = {"authorization": "Bearer sk-none", "origin": "http://localhost:3000"}
    listed = httpx2.get(server.api + "/models", headers=headers).json()
    assert listed["object"] == "list"
    return listed["data"][0]["id"]


@pytest.mark.parametrize("name", CHATS)
def test_chat(server, model, name):
    body = {"model": model} | CHATS[name]
    # An answer that may be long is read as far as its first words.
    if not body["stream"]:
        answer = server.post("/chat/completions", body).json()
        assert isinstance(answer["choices"][0]["message"]["content"], str)
        assert answer["usage"]["completion_tokens"] <= 4
        return
    with httpx2.stream(
        "POST", server.api + "/chat/completions", json=body, timeout=120
    ) as response:
        assert response.status_code == 200
        assert response.headers["content-type"].startswith("text/event-stream")
        lines = (line.removeprefix("data: ") for line in response.iter_lines() if line)
        first, second = json.loads(next(lines)), json.loads(next(lines))
        assert first["choices"][0]["delta"]["role"] == "assistant"
        assert second["choices"][0]["delta"]["content"]
        assert second["object"] == "chat.completion.chunk"
        if body.get("max_tokens"):
            *_, last, done = lines
            assert done == "[DONE]"
            assert json.loads(last)["choices"][0]["finish_reason"] in ("stop", "length")
    server.wait_idle()


def test_code_in_the_middle_of_a_file(server, model):
    """An editor's completion: a marked-up prompt, many stop strings, a suffix."""
    body = {
        "model": model,
        "prompt": "<fim_prefix>def add(a, b):\n    return <fim_suffix>\n<fim_middle>",
        "special_tokens": True,
        "suffix": None,
        "max_tokens": 4,
        "temperature": 0.01,
        "stream": True,
        "stop": STOPS,
        "presence_penalty": None,
        "frequency_penalty": None,
        "user": None,
        "best_of": 1,
    }
    response = server.post("/completions", body)
    assert response.status_code == 200, response.text
    assert response.text.endswith("data: [DONE]\n\n")
    assert '"finish_reason":"length"' in response.text or '"finish_reason":"stop"' in response.text


def test_an_answer_has_the_schema_that_is_asked_for(server, model):
    """As LangChain's structured output asks."""
    asked = {"type": "object", "properties": {"polite": {"type": "boolean"}}}
    asked |= {"required": ["polite"], "additionalProperties": False}
    schema = {"type": "json_schema", "json_schema": {"name": "x", "schema": asked, "strict": True}}
    body = {"model": model, "messages": [HELLO], "response_format": schema}
    choice = server.post("/chat/completions", body).json()["choices"][0]
    assert choice["finish_reason"] == "stop"
    assert isinstance(json.loads(choice["message"]["content"])["polite"], bool)
