"""What users of llama-server count on, where this server has its endpoints and fields or has not.

Only what no other test says: most of its cases are those of test_chat.py, test_completions.py,
test_any_client.py, test_tools.py and test_what_the_model_is_given.py.
"""

import json

import httpx2
import pytest
from openai import AuthenticationError, OpenAI

KEY = {"authorization": "Bearer sesame"}
CHAT = {"messages": [{"role": "user", "content": "What is the capital of France?"}]}
CERTAIN = {"sampler": "normal", "temperature": 0, "metrics": False}
TEXT = {"prompt": "The capital of France is", "max_tokens": 1, **CERTAIN}


def answered(server, path, body, **options):
    response = httpx2.post(server.url + path, json=body, timeout=60, **options)
    assert response.status_code == 200, response.text
    return response.json()


def refused(server, path, body):
    response = httpx2.post(server.url + path, json=body, timeout=60)
    assert response.status_code in (400, 404), response.text
    return response.json()["error"]


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("/completion", "Ask /v1/completions, with max_tokens in place of n_predict"),
        ("/infill", "special_tokens true"),
        ("/embedding", "Ask a server with an embedding model"),
        ("/v1/rerank", "compared or classified"),
        ("/slots/0?action=save", "/health says how many rows"),
        ("/lora-adapters", "--adapter_path"),
        ("/api/chat", "the address with /v1 behind it"),
        ("/v1/audio/transcriptions", "Only text"),
    ],
)
def test_an_endpoint_of_another_server_is_refused_with_what_to_ask_instead(server, path, says):
    error = refused(server, path, {"prompt": "Hi", "n_predict": 1})
    assert error["code"] == "unsupported_endpoint"
    assert says in error["message"]
    assert httpx2.get(server.url + path).json()["error"] == error


@pytest.mark.parametrize(
    ("field", "says"),
    [
        ({"n_predict": 8}, "; max_tokens is"),
        ({"n_probs": 10}, "; logprobs is"),
        ({"repeat_penalty": 1.1}, "; repetition_penalty is"),
        ({"return_tokens": True}, "; metrics is"),
        ({"timings_per_token": True}, "as null or False"),
        ({"id_slot": 2}, "as null or -1"),
        ({"lora": [{"id": 0, "scale": 1}]}, "as null or []"),
        ({"dry_multiplier": 0.8}, "as null or 0"),
        ({"mirostat": 2}, "as null or 0"),
        ({"thinking_budget_tokens": 5}, "Leave it out"),
        ({"logit_gate": {"candidates": []}}, "Leave it out"),
        ({"logit_bias": [[504, -100]]}, "dictionary"),
        ({"logit_bias": {" the ": -100}}, "/tokenize gives the ids"),
    ],
)
def test_a_field_of_llama_servers_own_is_named_with_the_one_that_there_is(server, field, says):
    error = refused(server, "/v1/completions", TEXT | field)
    assert error["param"] in field
    assert says in error["message"]


def test_what_says_how_a_field_is_meant_that_is_off_asks_for_nothing(server):
    off = {"mirostat": 0, "mirostat_tau": 5.0, "mirostat_eta": 0.1, "dynatemp_range": 0}
    off |= {"dynatemp_exponent": 1.0, "dry_multiplier": 0.0, "dry_base": 1.75, "n_keep": 0}
    off |= {"dry_allowed_length": 2, "dry_penalty_last_n": -1, "dry_sequence_breakers": ["\n"]}
    off |= {"lora": [], "response_fields": [], "return_tokens": False, "reasoning_format": "auto"}
    assert answered(server, "/v1/completions", TEXT | off)["choices"][0]["text"] == " Paris"


@pytest.mark.parametrize(
    ("messages", "param"),
    [
        ([123], "messages[0]"),
        ([{}], "messages[0].role"),
        ([{"role": 123}], "messages[0].role"),
        ([{"content": "Hello"}], "messages[0].role"),
        ([{"role": "system", "content": "Be brief."}, {}], "messages[1].role"),
    ],
)
def test_a_message_that_is_none_is_named_by_its_place(server, messages, param):
    assert refused(server, "/v1/chat/completions", {"messages": messages})["param"] == param


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ({"response_format": {"type": "json_object", "schema": {"const": "42"}}}, '"42"'),
        ({"json_schema": {"const": "foo"}}, '"foo"'),
        ({"grammar": 'root ::= "a"{5,5}'}, "aaaaa"),
    ],
)
def test_the_form_of_a_chats_answer_may_be_asked_for_in_llama_servers_ways(server, form, text):
    (choice,) = answered(server, "/v1/chat/completions", CHAT | CERTAIN | form)["choices"]
    assert (choice["message"]["content"], choice["finish_reason"]) == (text, "stop")


@pytest.mark.parametrize("schema", [123, {"type": 123}, {"type": "hiccup"}])
def test_a_schema_that_is_none_is_refused(server, schema):
    form = {"response_format": {"type": "json_object", "schema": schema}}
    assert refused(server, "/v1/chat/completions", CHAT | form)["param"] in (
        "response_format",
        "response_format.schema",
    )


def test_a_stream_says_once_who_speaks_and_its_log_probabilities_spell_its_text(server):
    body = CHAT | CERTAIN | {"max_tokens": 5, "logprobs": True, "top_logprobs": 10, "stream": True}
    lines = httpx2.post(server.api + "/chat/completions", json=body, timeout=60).text.split("\n\n")
    chunks = [json.loads(line.removeprefix("data: ")) for line in lines if '"choices"' in line]
    assert len({(c["id"], c["model"], c["created"], c["system_fingerprint"]) for c in chunks}) == 1
    first, *parts, last = [chunk["choices"][0] for chunk in chunks]
    assert first["delta"]["role"] == "assistant"
    assert all("role" not in choice["delta"] for choice in (*parts, last))
    assert [choice["finish_reason"] for choice in parts] == [None] * 5
    assert (last["delta"], last["finish_reason"]) == ({}, "length")
    tokens = [token for choice in parts for token in choice["logprobs"]["content"]]
    text = "".join(choice["delta"]["content"] for choice in parts)
    assert "".join(token["token"] for token in tokens) == text
    assert b"".join(bytes(token["bytes"]) for token in tokens).decode() == text
    for token in tokens:
        assert len(token["top_logprobs"]) == 10
        assert token["top_logprobs"][0]["logprob"] == token["logprob"] <= 0


def test_a_prompt_that_is_too_long_is_an_error_where_a_stream_was_asked_for(server):
    """A whole one, before anything is streamed, that says how long it is and may be."""
    message = {"role": "user", "content": "sheep " * 9000}
    body = {"messages": [message], "stream": True}
    response = httpx2.post(server.api + "/chat/completions", json=body, timeout=60)
    assert response.status_code == 400
    error = response.json()["error"]
    assert error["code"] == "context_length_exceeded"
    assert "The prompt has 9,0" in error["message"]
    assert "8,191" in error["message"]


def test_minus_one_asks_for_all_tokens_that_there_is_room_for_and_for_any_seed(guarded):
    def ask(path, **body):
        return answered(guarded, path, CERTAIN | {"sampler": "frog", **body}, headers=KEY)

    answer = ask("/v1/completions", prompt=[504] * 296, max_tokens=-1, logit_bias={"2": -100})
    assert answer["usage"]["total_tokens"] == 300
    assert answer["choices"][0]["finish_reason"] == "length"
    one = {"grammar": 'root ::= "a"', "max_completion_tokens": -1, "seed": -1, **CHAT}
    seeds = [ask("/v1/chat/completions", **one)["seed"] for _ in range(2)]
    assert seeds[0] != seeds[1]
    assert min(seeds) >= 0


def test_different_seeds_have_different_answers(server):
    body = TEXT | {"prompt": "Once", "n": 4, "seed": 0, "temperature": 1.5, "max_tokens": 3}
    choices = answered(server, "/v1/completions", body)["choices"]
    assert len({choice["text"] for choice in choices}) == 4


def test_a_prompt_is_computed_whole_where_what_is_known_of_it_is_not_to_be_used(server):
    body = TEXT | {"prompt": "Quietly, somebody asks for this three times over."}
    asked = ({}, {"cache_prompt": False}, {})
    answers = [answered(server, "/v1/completions", body | more) for more in asked]
    known = [answer["usage"]["prompt_tokens_details"]["cached_tokens"] for answer in answers]
    assert known[1] == 0 < known[2]
    assert len({answer["choices"][0]["text"] for answer in answers}) == 1


def test_words_whose_tokens_are_forbidden_are_not_written(server):
    words = answered(server, "/tokenize", {"content": " Paris Paris, Paris. Paris"})["tokens"]
    bias = {str(token): -100 for token in words}
    free, forbidden = (
        answered(server, "/v1/completions", TEXT | more)["choices"][0]["text"]
        for more in ({}, {"logit_bias": bias})
    )
    assert free == " Paris" != forbidden


def test_the_template_writes_a_begun_answer_a_closed_one_and_the_result_of_a_call(server):
    def written(*messages, **more):
        body = {"messages": [*CHAT["messages"], *messages], **more}
        return answered(server, "/apply-template", body)["prompt"]

    for begun in ("Well", [{"type": "text", "text": "We"}, {"type": "text", "text": "ll"}]):
        assert written({"role": "assistant", "content": begun}).endswith("assistant\nWell")
    assert written().endswith("<|im_start|>assistant\n")
    assert written(add_generation_prompt=False).endswith("France?<|im_end|>\n")
    function = {"name": "look_up", "arguments": '{"country":"France"}'}
    call = {"id": "call_6789", "type": "function", "function": function}
    assistant = {"role": "assistant", "content": None, "tool_calls": [call]}
    result = {"role": "tool", "name": "look_up", "content": "Paris!", "tool_call_id": "call_6789"}
    prompt = written(assistant, result)
    assert -1 < prompt.index("look_up") < prompt.index("Paris!")


def test_pages_need_no_key_and_openais_client_is_told_of_a_wrong_one(guarded):
    for path in ("/", "/docs", "/openapi.json", "/health"):
        assert httpx2.get(guarded.url + path).status_code != 401
    with OpenAI(base_url=guarded.url, api_key="open", max_retries=0) as client:
        with pytest.raises(AuthenticationError) as told:
            client.chat.completions.create(model="parrot", max_tokens=1, **CHAT)
        assert told.value.type == "authentication_error"


def test_a_page_may_send_its_key(guarded):
    asked = {"origin": "https://page.example", "access-control-request-method": "POST"}
    asked["access-control-request-headers"] = "authorization"
    response = httpx2.options(guarded.url + "/completions", headers=asked)
    assert response.status_code == 200
    assert "authorization" in response.headers["access-control-allow-headers"].lower()


def test_a_path_forges_no_line_of_the_log(guarded):
    httpx2.get(guarded.url + "/nowhere%0D%0AFORGED%0Aline%E2%80%A8too")
    guarded.wait(lambda _: "FORGED" in guarded.log.read_text())
    for line in guarded.log.read_text().splitlines():
        assert not line.startswith(("FORGED", "line", "too"))
