"""The server's numbers under the names that vLLM gives to the same, for dashboards made for it.

https://docs.vllm.ai/en/stable/usage/metrics/. Each has the label `model_name`. Where vLLM counts
requests, these are rows; buckets of histograms are our own.
"""

from collections.abc import Iterator

from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import Metric

from mlx_entropix.server.async_engine import AsyncEngine

PREFIX = "mlx_entropix_"

# Ours, then vLLM's, the older ones among them.
_NAMES = {
    "rows": ("num_requests_running",),
    "queue": ("num_requests_waiting",),
    "kv_cache_usage_ratio": ("kv_cache_usage_perc", "gpu_cache_usage_perc"),
    "prompt_tokens": ("prompt_tokens", "prefix_cache_queries"),
    "cached_prompt_tokens": ("prefix_cache_hits",),
    "generated_tokens": ("generation_tokens",),
    "finished_answers": ("request_success",),
    "drafted_tokens": ("spec_decode_num_draft_tokens",),
    "accepted_tokens": ("spec_decode_num_accepted_tokens",),
    "time_to_first_token_seconds": ("time_to_first_token_seconds",),
    "inter_token_latency_seconds": ("inter_token_latency_seconds", "time_per_output_token_seconds"),
    "request_latency_seconds": ("e2e_request_latency_seconds",),
    "request_prompt_tokens": ("request_prompt_tokens",),
    "request_generated_tokens": ("request_generation_tokens",),
    "queue_seconds": ("request_queue_time_seconds",),
    "prompt_seconds": ("request_prefill_time_seconds",),
    "generation_seconds": ("request_decode_time_seconds",),
}


class VLLMNames:
    """What `own` has once more, for `generate_latest`; nothing before there is a model."""

    def __init__(self, own: CollectorRegistry, engine: AsyncEngine):
        self._own = own
        self._engine = engine

    def collect(self) -> Iterator[Metric]:
        """The numbers as they are now."""
        if (model := self._engine.info) is None:
            return
        name = (*self._engine.settings.served_names, model.name)[0]
        for metric in self._own.collect():
            for theirs in _NAMES.get(metric.name.removeprefix(PREFIX), ()):
                yield _renamed(metric, f"vllm:{theirs}", {"model_name": name})


def _renamed(metric: Metric, name: str, labels: dict[str, str]) -> Metric:
    copy = Metric(name, metric.documentation, metric.type)
    for sample in metric.samples:
        suffix = sample.name.removeprefix(metric.name)  # _total, _bucket, _sum, _count
        if suffix != "_created":
            copy.add_sample(name + suffix, sample.labels | labels, sample.value)
    return copy
