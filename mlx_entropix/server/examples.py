"""Answers as the documentation shows them: what the bundled model made of two short requests."""

from typing import Any

_PARIS: dict[str, Any] = {
    "position": 5,
    "token_id": 7042,
    "token": " Paris",
    "quadrant": "EXPLORING",
    "logprob": -0.2579,
    "logits_entropy": 2.1366,
    "logits_varentropy": 14.0891,
    "attention_entropy": 1.1288,
    "attention_varentropy": 0.3162,
    "agreement": 0.1118,
    "interaction_strength": 3.4583,
    "temperature": 1.4902,
    "top_p": 0.9,
    "top_k": 38,
    "min_p": 0.03,
}

_CAPITAL: dict[str, Any] = {
    "position": 37,
    "token_id": 39832,
    "token": "Capital",
    "quadrant": "RESAMPLING",
    "logprob": -3.8247,
    "logits_entropy": 5.1747,
    "logits_varentropy": 8.6575,
    "attention_entropy": 1.9088,
    "attention_varentropy": 0.3506,
    "agreement": 0.0206,
    "interaction_strength": 2.2259,
    "temperature": 2.0,
    "top_p": 0.5182,
    "top_k": 27,
    "min_p": 0.03,
}

_CHAT = {"id": "chatcmpl-8ac32b34", "created": 1795425194, "model": "SmolLM2-135M-Instruct"}
_TEXT = {"id": "cmpl-8b47a893", "created": 1795425199, "model": "SmolLM2-135M-Instruct"}


def _usage(prompt: int) -> dict[str, Any]:
    return {
        "prompt_tokens": prompt,
        "completion_tokens": 1,
        "total_tokens": prompt + 1,
        "prompt_tokens_details": {"cached_tokens": 0},
    }


def _chat_chunk(delta: dict[str, str], finish_reason: str | None = None) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
    return _CHAT | {"object": "chat.completion.chunk", "choices": [choice], "seed": 0}


def _text_chunk(text: str, finish_reason: str | None) -> dict[str, Any]:
    choice = {"index": 0, "text": text, "logprobs": None, "finish_reason": finish_reason}
    return _TEXT | {"object": "text_completion", "choices": [choice], "seed": 0}


WHOLE: dict[str, dict[str, Any]] = {
    "/v1/chat/completions": _CHAT
    | {
        "object": "chat.completion",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "Capital", "refusal": None},
                "logprobs": None,
                "finish_reason": "length",
            }
        ],
        "seed": 0,
        "usage": _usage(37),
        "metrics": [_CAPITAL],
    },
    "/v1/completions": _text_chunk(" Paris", "length") | {"usage": _usage(5), "metrics": [_PARIS]},
}
"""Whole answers, by the path of their endpoint."""

STREAMED: dict[str, list[dict[str, Any]]] = {
    "/v1/chat/completions": [
        _chat_chunk({"role": "assistant", "content": ""}),
        _chat_chunk({"content": "Capital"}) | {"metrics": [_CAPITAL]},
        _chat_chunk({}, "length"),
    ],
    "/v1/completions": [
        _text_chunk(" Paris", None) | {"metrics": [_PARIS]},
        _text_chunk("", "length"),
    ],
}
"""The objects of the same answers as streams."""
