"""What /metrics says, also to what was made for vLLM."""

import httpx2

from tests.server.running import Server

PROMPT = {"prompt": "One, two, three,", "max_tokens": 3, "seed": 0, "sampler": "normal"}

NAMES = (
    "num_requests_running",
    "num_requests_waiting",
    "kv_cache_usage_perc",
    "prefix_cache_queries_total",
    "prefix_cache_hits_total",
    "prompt_tokens_total",
    "generation_tokens_total",
    "request_success_total",
    "time_to_first_token_seconds_count",
    "inter_token_latency_seconds_bucket",
    "time_per_output_token_seconds_sum",
    "e2e_request_latency_seconds_count",
)


def counted(server: Server, ask: dict, *names: str) -> dict[str, float]:
    """By how much a request changes numbers; 0 before they are there."""
    before = {name: _number(server, name) for name in names}
    assert server.post("/completions", ask).status_code == 200
    server.wait_idle()
    return {name: _number(server, name) - before[name] for name in names}


def _number(server: Server, name: str) -> float:
    try:
        return server.number(name)
    except AssertionError:
        return 0


def test_an_answer_is_counted_by_latencies_and_by_why_it_ended(server):
    ours = "mlx_entropix_"
    found = counted(
        server,
        PROMPT,
        f"{ours}generated_tokens_total",
        f"{ours}inter_token_latency_seconds_count",
        f"{ours}request_latency_seconds_count",
        f"{ours}request_latency_seconds_sum",
        f"{ours}time_to_first_token_seconds_sum",
        f"{ours}finished_answers_total",
    )
    tokens, gaps, answers, whole, first, finished = found.values()
    assert (tokens, gaps, answers, finished) == (3, 2, 1, 1)
    assert whole >= first > 0
    server.wait(lambda _: server.number("mlx_entropix_kv_cache_usage_ratio") == 0)


def test_a_dashboard_made_for_vllm_finds_its_names(server):
    names = [f"vllm:{name}" for name in NAMES]
    found = counted(server, PROMPT, *names)
    assert found["vllm:generation_tokens_total"] == 3
    assert found["vllm:request_success_total"] == 1
    assert found["vllm:e2e_request_latency_seconds_count"] == 1
    text = httpx2.get(server.url + "/metrics").text
    for name in names:
        lines = [line for line in text.splitlines() if line.startswith(f"{name}{{")]
        assert lines, name
        assert all('model_name="SmolLM2-135M-Instruct"' in line for line in lines)
    assert 'finished_reason="length"' in text
