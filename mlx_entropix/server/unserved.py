"""Endpoints that other servers of such APIs have and this one has not: why, and what to do."""

_NO_VECTORS = (
    "No embeddings are made here: the served model writes text, and was not trained to compare "
    "texts by vectors. Ask a server with an embedding model."
)
_NO_RANKS = (
    "No texts are compared or classified here: the served model writes text. Ask a server whose "
    "model was trained for that."
)
_TEXT_ALONE = (
    "Text alone is read and written here. Ask a server that has a model for images or sound."
)
_NO_FILES = "No files are kept here. Send what they say in the messages of a chat."
_NO_CODE = "No code is run here. Offer functions as tools of a chat, and run what is called."
_NO_TRAINING = (
    "No model is trained or judged here. mlx-lm trains adapters, which the server loads with "
    "--adapter_path; lm-eval measures models over this API."
)
_NO_CONVERSATIONS = (
    "No conversations are kept by a name of their own. Go on from a response of /v1/responses with "
    "previous_response_id, or send all that was said."
)

_REASONS = {
    # OpenAI's
    "embeddings": _NO_VECTORS,
    "moderations": "Nothing is moderated here: the served model writes text, and was not trained "
    "to judge it. Ask a server with a model that was.",
    "batches": "There are no batches to wait for here. Send the requests side by side: they are "
    "answered together.",
    "chat/completions": "Chats are not kept here. Responses of /v1/responses are for a while, to "
    "be asked for again.",
    "responses/compact": "Conversations are not made shorter here. Leave items out of the input, "
    "or begin a new one.",
    **dict.fromkeys(("files", "uploads", "vector_stores"), _NO_FILES),
    **dict.fromkeys(("audio", "images", "videos", "realtime"), _TEXT_ALONE),
    **dict.fromkeys(("containers", "skills"), _NO_CODE),
    **dict.fromkeys(("fine_tuning", "evals"), _NO_TRAINING),
    **dict.fromkeys(("assistants", "threads", "conversations"), _NO_CONVERSATIONS),
    # llama-server's, vLLM's and Ollama's
    "completion": "/completion is llama-server's own. Ask /v1/completions, with max_tokens in "
    "place of n_predict, and logprobs in place of n_probs.",
    "infill": "/infill is llama-server's own. Ask /v1/completions with special_tokens true, and a "
    "prompt that has the model's marks for what is before and behind the gap.",
    "slots": "There are no slots to look at or to save: what a prompt has in common with earlier "
    "ones is found by itself. /health says how many rows are live, and /metrics says more.",
    "lora-adapters": "Adapters do not change while the server runs. Start it with --adapter_path.",
    "api": "Ollama's API is not served here. Give the client the address with /v1 behind it, as "
    "that of an OpenAI-compatible server.",
    "embedding": _NO_VECTORS,
    **dict.fromkeys(("rerank", "reranking", "score", "pooling", "classify"), _NO_RANKS),
}
"""Why there is nothing at a path, with or without /v1 before it, nor below that."""


def why_unserved(path: str) -> str | None:
    """Why there is nothing at `path`, and what to do; None where no server is known to have it."""
    parts = path.removeprefix("/v1").strip("/").split("/")
    return _REASONS.get("/".join(parts[:2])) or _REASONS.get(parts[0])
