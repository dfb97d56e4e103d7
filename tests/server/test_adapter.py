"""A server whose model has an adapter, and whose caches keep keys and values in few bits."""

from tests.server.running import running

BODY = {
    "messages": [{"role": "user", "content": "Name a river of Europe, and say where it ends."}],
    "sampler": "normal",
    "temperature": 0,
    "max_tokens": 8,
}


def test_an_adapter_and_a_cache_of_few_bits(server, bundled_adapter, tmp_path):
    plain = server.post("/chat/completions", BODY).json()
    options = ["--adapter_path", str(bundled_adapter), "--kv_bits", "8"]
    with running(tmp_path / "log", *options) as changed:
        first = changed.post("/chat/completions", BODY).json()
        again = changed.post("/chat/completions", BODY).json()
    texts = [answer["choices"][0]["message"]["content"] for answer in (plain, first, again)]
    assert texts[0] != texts[1]
    assert texts[1] == texts[2]
    assert again["usage"]["prompt_tokens_details"]["cached_tokens"] > 8  # from the packed cache
