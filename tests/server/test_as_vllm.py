"""What clients of vLLM's server rely on, beside what OpenAI's API has."""

import json
from types import SimpleNamespace

import httpx2
import pytest

from mlx_entropix.server.completion_request import CompletionRequest
from mlx_entropix.server.engine_requests import truncated
from tests.server.running import Server

FRANCE = {"prompt": "The capital of France is", "sampler": "normal", "temperature": 0}
RIVER = {"messages": [{"role": "user", "content": "Name a river."}], "max_tokens": 2}
END = 2  # the bundled model's <|im_end|>
ENDS_AT_ONCE = {**FRANCE, "max_tokens": 4, "logit_bias": {str(END): 100}}


def text(server: Server, **fields):
    response = server.post("/completions", {**FRANCE, "max_tokens": 4, **fields})
    assert response.status_code == 200, response.text
    return response.json()


def chat(server: Server, **fields):
    response = server.post("/chat/completions", {**RIVER, **fields})
    assert response.status_code == 200, response.text
    return response.json()


@pytest.fixture(scope="module")
def told(server):
    """An answer of which all is told: a name of a city, and a full stop behind it."""
    asked = {"return_token_ids": True, "return_tokens_as_token_ids": True, "prompt_logprobs": 2}
    return text(server, logprobs=1, n=2, **asked)["choices"]


def test_token_ids_are_told_of_prompt_and_answer_and_may_name_tokens(told, bundled):
    (_, tokenizer), choice = bundled, told[1]
    assert choice["prompt_token_ids"] == tokenizer.encode(FRANCE["prompt"])
    assert tokenizer.decode(choice["token_ids"]) == choice["text"]
    logprobs, names = choice["logprobs"], [f"token_id:{id}" for id in choice["token_ids"]]
    assert logprobs["tokens"] == names
    assert [max(top, key=top.get) for top in logprobs["top_logprobs"]] == names  # it is greedy


def test_a_stream_tells_token_ids_once(server, told):
    fields = {**FRANCE, "max_tokens": 4, "return_token_ids": True, "stream": True}
    lines = server.post("/completions", fields).text.splitlines()
    chunks = [json.loads(line[6:]) for line in lines if line.startswith("data: {")]
    choices = [chunk["choices"][0] for chunk in chunks]
    assert [c.get("prompt_token_ids") for c in choices if "prompt_token_ids" in c] == [
        told[0]["prompt_token_ids"]
    ]
    assert [id for c in choices for id in c["token_ids"]] == told[0]["token_ids"]


def test_a_chat_tells_token_ids_beside_its_answers(server):
    whole = chat(server, return_token_ids=True, prompt_logprobs=0)
    ids, scores = whole["prompt_token_ids"], whole["prompt_logprobs"]
    assert len(ids) == whole["usage"]["prompt_tokens"]
    assert scores[0] is None
    assert [list(score) for score in scores[1:]] == [[str(id)] for id in ids[1:]]
    assert len(whole["choices"][0]["token_ids"]) == whole["usage"]["completion_tokens"]


def test_a_prompt_is_scored_as_its_echo_is(server, told):
    echo = text(server, echo=True, logprobs=0, max_tokens=0)["choices"][0]["logprobs"]
    assert told[0]["prompt_logprobs"] == told[1]["prompt_logprobs"]
    for id, scores, logprob in zip(
        told[0]["prompt_token_ids"],
        told[0]["prompt_logprobs"],
        echo["token_logprobs"],
        strict=True,
    ):
        if scores is None:
            assert logprob is None
            continue
        own = scores[str(id)]
        assert own["logprob"] == pytest.approx(logprob, abs=1e-4)
        assert sorted(score["rank"] for score in scores.values())[:2] == [1, 2]
        assert len(scores) == (2 if own["rank"] <= 2 else 3)


def test_a_token_may_end_an_answer_and_be_kept(server, told):
    stop = told[0]["token_ids"][1]
    ended, kept = (
        text(server, stop_token_ids=[stop], include_stop_str_in_output=keeps)["choices"][0]
        for keeps in (False, True)
    )
    assert (ended["text"], kept["text"]) == (" Paris", " Paris.")
    assert ended["finish_reason"] == kept["finish_reason"] == "stop"
    assert ended["stop_reason"] == kept["stop_reason"] == stop
    string = text(server, stop="is.", include_stop_str_in_output=True)["choices"][0]
    assert (string["text"], string["stop_reason"]) == (" Paris.", "is.")


def test_nothing_ends_an_answer_before_its_least_length(server):
    at_once = text(server, **ENDS_AT_ONCE)
    assert at_once["usage"]["completion_tokens"] == 1
    later = text(server, **ENDS_AT_ONCE, min_tokens=2)
    assert later["usage"]["completion_tokens"] == 3
    assert later["choices"][0]["finish_reason"] == "stop"
    never = text(server, **ENDS_AT_ONCE, ignore_eos=True)
    assert never["usage"]["completion_tokens"] == 4
    assert never["choices"][0]["finish_reason"] == "length"
    assert text(server, stop="Paris", min_tokens=1)["choices"][0]["text"].startswith(" Paris")


def test_an_answer_is_made_of_the_tokens_that_are_allowed(server):
    """Whatever the entropy sampler decides, on every path."""
    allowed = [504, 4626, 338, 28]
    fork = {"policy": "independent", "paths": 2}
    whole = chat(server, allowed_token_ids=allowed, fork=fork, max_tokens=5, seed=1)
    for path in whole["forks"][0]["paths"]:
        assert len(path["token_ids"]) == 5
        assert set(path["token_ids"]) <= set(allowed)


def test_bad_words_are_not_written_in_one_token_or_in_several(server):
    said = text(server, bad_words=["Paris", "the capital"], max_tokens=6)["choices"][0]["text"]
    assert said.startswith(" the ")
    assert not said.startswith(" the capital")


def test_a_form_goes_before_rules_that_leave_nothing_of_it(server):
    fields = {"ignore_eos": True, "allowed_token_ids": [504], "bad_words": ["yes"]}
    assert text(server, guided_choice=["yes"], **fields)["choices"][0]["text"] == "yes"


@pytest.mark.parametrize(
    ("field", "form", "answers"),
    [
        ("guided_json", {"const": 7}, ["7"]),
        ("guided_regex", "[xy]", ["x", "y"]),
        ("guided_choice", ["yes", "no"], ["yes", "no"]),
        ("guided_grammar", 'root ::= "a" "b"', ["ab"]),
    ],
)
def test_forms_may_have_their_older_names(server, field, form, answers):
    assert text(server, **{field: form})["choices"][0]["text"] in answers


def test_control_tokens_read_as_their_names_where_that_is_asked_for(server):
    opened = {"max_tokens": 1, "logit_bias": {"1": 100}}
    for skips, expected in ((True, ""), (False, "<|im_start|>")):
        whole = text(server, **opened, skip_special_tokens=skips)
        assert whole["choices"][0]["text"] == expected


def test_a_prompt_that_is_too_long_is_cut_where_that_is_asked_for(server, told):
    ids = told[0]["prompt_token_ids"]
    asked = {"truncate_prompt_tokens": 3, "return_token_ids": True, "max_tokens": 1}
    for side, left in (("left", ids[-3:]), ("right", ids[:3])):
        cut = text(server, **asked, truncation_side=side)
        assert cut["choices"][0]["prompt_token_ids"] == left
    for answer, left in ((4, range(14, 20)), (-1, range(11, 20))):
        request = CompletionRequest(prompt="…", max_tokens=answer, truncate_prompt_tokens=-1)
        assert truncated(list(range(20)), request, SimpleNamespace(limit=10)) == list(left)


def test_an_answer_goes_on_from_a_message_echoes_it_or_stands_behind_it(server):
    begun = [*RIVER["messages"], {"role": "assistant", "content": "The Ni"}]
    goes_on = {"messages": begun, "continue_final_message": True, "add_generation_prompt": False}
    plain = {"sampler": "normal", "temperature": 0}
    rest, echoed = (
        chat(server, **goes_on, **plain, echo=echo)["choices"][0]["message"]["content"]
        for echo in (False, True)
    )
    assert echoed == "The Ni" + rest
    lengths = [
        chat(server, messages=begun, **opens)["usage"]["prompt_tokens"]
        for opens in ({}, {"add_generation_prompt": True})
    ]
    assert lengths[1] > lengths[0]  # by the end of that message and the beginning of another


def test_what_is_kept_of_a_prompt_is_for_the_same_salt_alone(server):
    fields = {"prompt": "Gardens that nobody has seen, and what grew in them", "max_tokens": 1}
    cached = [
        text(server, **fields, **salt)["usage"]["prompt_tokens_details"]["cached_tokens"]
        for salt in ({}, {"cache_salt": "a"}, {"cache_salt": "a"}, {})
    ]
    assert cached[:2] == [0, 0]
    assert min(cached[2:]) > 0


def test_a_response_is_named_and_the_model_and_the_server_are_described(server):
    assert chat(server, request_id="mine")["id"] == "chatcmpl-mine"
    (model,) = httpx2.get(server.api + "/models").json()["data"]
    assert model["max_model_len"] == 8192
    assert httpx2.get(server.url + "/version").json()["version"] == server.health()["version"]
    assert httpx2.get(server.url + "/ping").status_code == 200


def test_what_asks_for_nothing_passes(server):
    nothing = {
        "add_generation_prompt": None,
        "bad_words": [],
        "guided_decoding_backend": "xgrammar",
        "ignore_eos": False,
        "include_reasoning": True,
        "min_p": 0,
        "min_tokens": 0,
        "priority": 0,
        "reasoning_effort": "none",
        "repetition_penalty": 1,
        "skip_special_tokens": True,
        "spaces_between_special_tokens": True,
        "stop_token_ids": [],
        "structured_outputs": {"choice": ["a"], "disable_fallback": True},
        "thinking_token_budget": -1,
        "top_k": -1,
        "truncate_prompt_tokens": None,
    }
    assert chat(server, sampler="normal", **nothing)["choices"][0]["message"]["content"] == "a"


@pytest.mark.parametrize(
    ("fields", "param", "says"),
    [
        ({"min_tokens": 3}, "min_tokens", "at most 2 tokens"),
        ({"stop_token_ids": [49_152]}, "stop_token_ids", "token id 49152"),
        ({"stop_token_ids": [-1]}, "stop_token_ids[0]", "greater than or equal to 0"),
        ({"allowed_token_ids": []}, "allowed_token_ids", "at least 1 item"),
        ({"truncate_prompt_tokens": 0}, "truncate_prompt_tokens", "leaves nothing"),
        ({"prompt_logprobs": -1}, "prompt_logprobs", "greater than or equal to 0"),
        ({"prompt_logprobs": 1, "stream": True}, "prompt_logprobs", "a stream has prompt_metrics"),
        (
            {"add_generation_prompt": True, "continue_final_message": True},
            "add_generation_prompt",
            "send one of them",
        ),
        ({"reasoning_effort": "high"}, "reasoning_effort", "has no such variable"),
        ({"guided_regex": "(?=a)b"}, "guided_regex", "look-around"),
        ({"guided_regex": "a", "guided_choice": ["a"]}, "guided_choice", "send one of them"),
        ({"structured_outputs": {"structural_tag": "{}"}}, "structured_outputs", "structural_tag"),
        ({"response_format": {"type": "structural_tag"}}, "response_format.type", "json_schema"),
        ({"top_k": -2}, "top_k", "greater than or equal to -1"),
        ({"priority": 1}, "priority", "as null or 0"),
        ({"thinking_token_budget": -2}, "thinking_token_budget", "greater than or equal to -1"),
        ({"logprob_token_ids": [1]}, "logprob_token_ids", "not supported"),
        ({"prompt_token_ids": [1]}, "prompt_token_ids", "not supported"),
        ({"kv_transfer_params": {}}, "kv_transfer_params", "not supported"),
        ({"mm_processor_kwargs": {"a": 1}}, "mm_processor_kwargs", "not supported"),
        ({"use_beam_search": True}, "use_beam_search", "as null or False"),
        ({"model": "my-lora"}, "model", "'SmolLM2-135M-Instruct' is"),
    ],
)
def test_what_cannot_be_done_is_named(server, fields, param, says):
    response = server.post("/chat/completions", {**RIVER, **fields})
    error = response.json()["error"]
    assert response.status_code in (400, 404), response.text
    assert error["param"] == param
    assert says in error["message"]
