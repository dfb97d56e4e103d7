"""A conversation comes out the same whether or not its beginning is computed again."""

import pytest

SYSTEM = "You know everything about sheep, hills, rivers and the weather. Answer in one sentence."
KEY = {"authorization": "Bearer sesame"}  # which one of the two servers wants


def ask(server, messages, max_tokens):
    body = {"messages": messages, "max_tokens": max_tokens, "seed": 3, "sampler": "entropix"}
    response = server.post(
        "/chat/completions", body | {"logprobs": True, "top_logprobs": 4}, headers=KEY
    )
    assert response.status_code == 200, response.text
    return response.json()


def conversation(server):
    """Two turns, then another conversation under the same system prompt."""
    messages = [
        {"role": "system", "content": SYSTEM},
        {"role": "user", "content": "How many sheep can graze on a hill?"},
    ]
    first = ask(server, messages, 12)
    answer = first["choices"][0]["message"]
    second = ask(server, [*messages, answer, {"role": "user", "content": "And in winter?"}], 16)
    other = ask(server, [messages[0], {"role": "user", "content": "Name a river."}], 8)
    return first, second, other


def cached(answer):
    return answer["usage"]["prompt_tokens_details"]["cached_tokens"]


def without_floats(tokens):
    """Nor whether it was guessed ahead, which goes by the clock."""
    return [
        {k: v for k, v in t.items() if not isinstance(v, float) and k != "drafted"} for t in tokens
    ]


def floats(tokens):
    return [v for t in tokens for _, v in sorted(t.items()) if isinstance(v, float)]


def test_reuse_changes_nothing_but_the_work(server, guarded):
    """`guarded` keeps nothing of past prompts."""
    with_reuse, without = conversation(server), conversation(guarded)
    for ours, theirs in zip(with_reuse, without, strict=True):
        assert without_floats(ours["metrics"]) == without_floats(theirs["metrics"])
        assert floats(ours["metrics"]) == pytest.approx(floats(theirs["metrics"]), abs=2e-3)
        pair = [answer["choices"][0]["logprobs"]["content"] for answer in (ours, theirs)]
        for token, other in zip(*pair, strict=True):
            assert token["logprob"] == pytest.approx(other["logprob"], abs=1e-3)
            assert len(token["top_logprobs"]) == 4
            for mine, its in zip(token["top_logprobs"], other["top_logprobs"], strict=True):
                assert mine["logprob"] == pytest.approx(its["logprob"], abs=1e-3)
    first, second, other = with_reuse
    # The whole first turn is known, up to the tokens that open the next one.
    assert cached(second) >= first["usage"]["prompt_tokens"]
    assert cached(other) >= 20  # the system prompt
    assert [cached(answer) for answer in without] == [0, 0, 0]
