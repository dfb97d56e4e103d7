"""Text that an answer may repeat: it comes sooner, and nothing else changes."""

import json

import pytest

LIST = "apples, pears, cherries, plums, walnuts, figs, grapes, lemons, onions, carrots, beans"
REPEAT = {
    "messages": [{"role": "user", "content": f"Repeat exactly: {LIST}"}],
    "max_tokens": 40,
    "sampler": "normal",
    "temperature": 0,
    "seed": 1,
}


def comparable(answer):
    """All but what goes by the clock: whether a token was guessed."""
    return [
        {name: value for name, value in token.items() if name != "drafted"}
        for token in answer["metrics"]
    ]


def test_a_prediction_changes_nothing_but_the_steps(server):
    without = server.post("/chat/completions", REPEAT).json()
    prediction = {"type": "content", "content": [{"type": "text", "text": LIST}]}
    answer = server.post("/chat/completions", REPEAT | {"prediction": prediction}).json()
    for one, other in zip(comparable(answer), comparable(without), strict=True):
        assert one == {
            name: pytest.approx(value, abs=1e-3) if isinstance(value, float) else value
            for name, value in other.items()
        }
    usage, drafted = answer["usage"], [token["drafted"] for token in answer["metrics"]]
    accepted = usage["completion_tokens_details"]["accepted_prediction_tokens"]
    # How many are guessed goes by the clock: none, where others keep the machine busy.
    assert sum(drafted) == accepted
    assert usage["steps"] == usage["completion_tokens"] - accepted
    counted = server.number("mlx_entropix_accepted_tokens_total")
    assert server.number("mlx_entropix_drafted_tokens_total") >= counted >= accepted


def test_a_prediction_that_is_no_text_is_refused(server):
    refused = server.post("/chat/completions", REPEAT | {"prediction": {"type": "image"}})
    assert refused.status_code == 400
    assert "prediction" in json.dumps(refused.json())
