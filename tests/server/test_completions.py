"""Text completions, with echo and log-probabilities as evaluation harnesses use them."""

import json
import math

import mlx.core as mx
import pytest

from mlx_entropix.model.load import load_source
from mlx_entropix.server.schemas import Completion
from mlx_entropix.weights.locate import bundled_model

TEXT = "The capital of France is"


def complete(server, prompt=TEXT, **fields):
    response = server.post("/completions", {"prompt": prompt, "seed": 0, **fields})
    assert response.status_code == 200, response.text
    Completion.model_validate(response.json())
    return response.json()


def test_prompt_is_scored_as_mlx_lm_scores_it(server, bundled):
    _, tokenizer = bundled
    model, _, _ = load_source(bundled_model())
    ids = tokenizer.encode(TEXT + " Paris, naïve 🦊.")
    logits = model(mx.array([ids]))[0].astype(mx.float32)
    expected = logits - mx.logsumexp(logits, axis=-1, keepdims=True)
    answer = complete(
        server, TEXT + " Paris, naïve 🦊.", echo=True, logprobs=1, max_tokens=0, temperature=0
    )
    (choice,) = answer["choices"]
    columns = choice["logprobs"]
    assert choice["text"] == TEXT + " Paris, naïve 🦊."
    assert choice["finish_reason"] == "length"
    assert answer["usage"]["completion_tokens"] == 0
    assert columns["token_logprobs"][0] is None
    for i, token_id in enumerate(ids[1:]):
        assert columns["token_logprobs"][i + 1] == pytest.approx(
            expected[i, token_id].item(), abs=2e-3
        )
        best = max(columns["top_logprobs"][i + 1].values())
        assert best == pytest.approx(expected[i].max().item(), abs=2e-3)
    pairs = (columns["text_offset"], [*columns["text_offset"][1:], len(choice["text"])])
    for token, start, end in zip(columns["tokens"], *pairs, strict=True):
        piece = choice["text"][start:end]
        assert piece in ("", token) or "\\x" in token


def test_harness_scores_a_continuation_of_token_ids(server, bundled):
    """What lm-eval's local-completions sends, and reads from the answer."""
    _, tokenizer = bundled
    context = tokenizer.encode(TEXT)
    prompts = [context + tokenizer.encode(word) for word in (" Paris", " cheese")]
    answer = complete(
        server, prompts, temperature=0, max_tokens=1, logprobs=1, echo=True, seed=1234
    )
    sums, greedy = [], []
    for choice in sorted(answer["choices"], key=lambda choice: choice["index"]):
        logprobs = choice["logprobs"]
        scores = logprobs["token_logprobs"][len(context) : -1]
        tops = logprobs["top_logprobs"][len(context) : -1]
        assert len(scores) == 1
        sums.append(sum(scores))
        greedy.append(all(s == max(t.values()) for s, t in zip(scores, tops, strict=True)))
    assert sums[0] > sums[1]
    assert greedy == [True, False]
    assert answer["usage"]["prompt_tokens"] == sum(map(len, prompts))


def test_prompts_and_answers_are_numbered_in_order(server):
    many = complete(server, [TEXT, "One, two, three,"], n=2, max_tokens=3, metrics=False)
    assert [choice["index"] for choice in many["choices"]] == [0, 1, 2, 3]
    assert "metrics" not in many
    alone = complete(server, "One, two, three,", seed=1, max_tokens=3)
    assert many["choices"][3]["text"] == alone["choices"][0]["text"]


def test_stream_with_echo_equals_the_whole(server):
    body = {"echo": True, "logprobs": 2, "max_tokens": 4}
    whole = complete(server, **body)["choices"][0]
    response = server.post("/completions", {"prompt": TEXT, "seed": 0, "stream": True, **body})
    lines = [line[6:] for line in response.text.splitlines() if line.startswith("data: ")]
    assert lines.pop() == "[DONE]"
    chunks = [json.loads(line) for line in lines]
    for chunk in chunks:
        Completion.model_validate(chunk)
    choices = [chunk["choices"][0] for chunk in chunks]
    assert "".join(choice["text"] for choice in choices) == whole["text"]
    assert whole["text"].startswith(TEXT)
    for name in ("tokens", "text_offset"):
        joined = [x for choice in choices if choice["logprobs"] for x in choice["logprobs"][name]]
        assert joined == whole["logprobs"][name]


def test_default_length_is_the_apis(server):
    answer = complete(server, sampler="normal", temperature=0)
    assert answer["usage"]["completion_tokens"] <= 16
    assert all(math.isfinite(record["logprob"]) for record in answer["metrics"])


def test_probabilities_of_the_draw_stand_beside_the_models(server):
    """Of a drawn token, of one that was certain, and in a chat as in a text."""
    body = {"logprobs": 5, "max_tokens": 3, "post_sampling_probs": True, "sampler": "normal"}
    hot = complete(server, temperature=1.5, top_k=2, echo=True, **body)["choices"][0]["logprobs"]
    drawn = len(hot["tokens"]) - 3
    assert hot["token_probs"][:drawn] == hot["top_probs"][:drawn] == [None] * drawn
    for at in range(drawn, len(hot["tokens"])):
        top, model = hot["top_probs"][at], hot["top_logprobs"][at]
        assert hot["token_probs"][at] == top[hot["tokens"][at]]
        assert sum(top.values()) == pytest.approx(1)
        (a, b) = (math.exp(model[name] / 1.5) for name in top)
        assert max(top.values()) == pytest.approx(max(a, b) / (a + b), abs=1e-4)
    chat = {"messages": [{"role": "user", "content": "Hi"}], **body, "logprobs": True}
    sure = server.post("/chat/completions", chat | {"temperature": 0, "top_logprobs": 3}).json()
    for token in sure["choices"][0]["logprobs"]["content"]:
        assert (token["prob"], [other["prob"] for other in token["top_probs"]]) == (1, [1])
    alone = server.post("/completions", {"prompt": TEXT, "post_sampling_probs": True})
    assert alone.json()["error"]["param"] == "post_sampling_probs"
