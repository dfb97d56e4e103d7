"""Endpoints that other servers have and this one has not: what to do in their place."""

_NO_RANKS = (
    "No texts are compared or classified here: the served model writes text. Ask a server whose "
    "model was trained for that."
)

# By the first word of their paths, with or without /v1 before it.
_INSTEAD = {
    "completion": "/completion is llama-server's own. Ask /v1/completions, with max_tokens in "
    "place of n_predict, and logprobs in place of n_probs.",
    "infill": "/infill is llama-server's own. Ask /v1/completions with special_tokens true, and a "
    "prompt that has the model's marks for what is before and behind the gap.",
    "slots": "There are no slots to look at or to save: what a prompt has in common with earlier "
    "ones is found by itself. /health says how many rows are live, and /metrics says more.",
    "lora-adapters": "Adapters do not change while the server runs. Start it with --adapter_path.",
    "api": "Ollama's API is not served here. Give the client the address with /v1 behind it, as "
    "that of an OpenAI-compatible server.",
    "embedding": "No embeddings are made here: the served model writes text. Ask a server with an "
    "embedding model.",
    "rerank": _NO_RANKS,
    "reranking": _NO_RANKS,
    "score": _NO_RANKS,
    "pooling": _NO_RANKS,
    "classify": _NO_RANKS,
}


def what_instead(path: str) -> str | None:
    """What to do where another server has the endpoint `path`; None where none is known to."""
    first = path.removeprefix("/v1").lstrip("/").partition("/")[0]
    return _INSTEAD.get(first)
