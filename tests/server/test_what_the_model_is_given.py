"""Texts and chats as tokens and back, the chat template's text, and what is served."""

import httpx2
import pytest

TEXT = "Naïve 🦊s, <|im_end|> and\n\ttabs."
MESSAGES = [{"role": "user", "content": "Name a river. 🦊"}]
TOOL = {"type": "function", "function": {"name": "get_depth", "parameters": {"type": "object"}}}
KEY = {"Authorization": "Bearer sesame"}


def post(server, path, body):
    response = httpx2.post(server.url + path, json=body, timeout=60)
    assert response.status_code == 200, response.text
    return response.json()


def test_the_pieces_of_a_text_joined_are_the_text_and_so_are_its_tokens_written_again(server):
    body = {"content": TEXT, "with_pieces": True, "return_token_strs": True}
    made = post(server, "/tokenize", body)
    pieces = [token["piece"] for token in made["tokens"]]
    assert any(isinstance(piece, list) for piece in pieces)
    joined = b"".join(p.encode() if isinstance(p, str) else bytes(p) for p in pieces)
    assert joined.decode() == TEXT
    assert "<|im_end|>" in pieces
    assert made["count"] == len(pieces) == len(made["token_strs"])
    ids = [token["id"] for token in made["tokens"]]
    assert post(server, "/v1/detokenize", {"tokens": ids})["content"] == TEXT


def test_names_of_control_tokens_can_be_left_text_as_an_answer_to_the_text_has_them(server):
    made = post(server, "/v1/tokenize", {"prompt": TEXT, "parse_special": False})
    answer = post(server, "/v1/completions", {"prompt": TEXT, "max_tokens": 1})
    assert made["count"] == answer["usage"]["prompt_tokens"]


def test_a_chat_has_the_tokens_and_the_text_that_its_answer_is_made_from(server):
    chat = {"messages": MESSAGES, "max_tokens": 1, "temperature": 0}
    ids = post(server, "/tokenize", chat)["tokens"]
    text = post(server, "/apply-template", chat)["prompt"]
    assert post(server, "/tokenize", {"content": text})["tokens"] == ids
    answer = post(server, "/v1/chat/completions", chat)
    assert answer["usage"]["prompt_tokens"] == len(ids)
    again = post(server, "/v1/completions", {"prompt": ids, "max_tokens": 1, "temperature": 0})
    assert again["choices"][0]["text"] == answer["choices"][0]["message"]["content"]


def test_the_tools_of_a_chat_are_part_of_what_the_model_is_given(server):
    chat = {"messages": MESSAGES, "max_tokens": 1, "tools": [TOOL]}
    assert "get_depth" in post(server, "/apply-template", chat)["prompt"]
    answer = post(server, "/v1/chat/completions", chat)
    assert post(server, "/tokenize", chat)["count"] == answer["usage"]["prompt_tokens"]


@pytest.mark.parametrize(
    ("path", "body", "param"),
    [
        ("/tokenize", {}, "content"),
        ("/tokenize", {"content": "a", "prompt": "a"}, "content"),
        ("/tokenize", {"messages": [{"role": "user"}]}, "messages[0]"),
        ("/tokenize", {"content": "a", "with_peaces": True}, "with_peaces"),
        ("/tokenize", {"content": "x" * 2_000_000}, "content"),
        ("/detokenize", {"tokens": [99999]}, "tokens"),
        ("/apply-template", {"messages": []}, "messages"),
    ],
)
def test_what_cannot_be_used_is_named(server, path, body, param):
    response = httpx2.post(server.url + path, json=body, timeout=60)
    assert response.status_code == 400
    assert response.json()["error"]["param"] == param


def test_what_is_served_is_told_to_those_who_have_the_key(guarded):
    for path in ("/props", "/v1/props"):
        assert httpx2.get(guarded.url + path).status_code == 401
    for path in ("/tokenize", "/detokenize", "/apply-template"):
        assert httpx2.post(guarded.url + path, json={}).status_code == 401
    props = httpx2.get(guarded.url + "/props", headers=KEY).json()
    assert props["model_alias"] == "parrot"
    assert (props["architecture"], props["quantization"]) == ("llama", "Q4_1")
    assert props["parameters"] == 134_515_008
    assert props["default_generation_settings"]["n_ctx"] == 300
    assert props["default_generation_settings"]["params"]["temperature"] == 0.5
    assert "<|im_start|>" in props["chat_template"]
    assert props["total_slots"] == 1
