"""What the server counts, for Prometheus."""

import time

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from mlx_entropix.engine import Event, RowForked, Settled, TokenEvent
from mlx_entropix.server.async_engine import AsyncEngine
from mlx_entropix.server.vllm_names import PREFIX, VLLMNames

_SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600)
_TOKEN_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5, 0.75, 1, 2.5, 5, 10)
_TOKEN_COUNTS = (1, 4, 16, 64, 256, 1024, 4096, 16_384, 65_536)
_RATES = (1, 2, 5, 10, 20, 50, 100, 200, 500)


class Telemetry:
    """Counters of one server, in a registry of its own, and again under the names of vLLM."""

    def __init__(self, engine: AsyncEngine):
        self.registry = CollectorRegistry()
        self._requests = self._counter("requests", "HTTP requests.", "path", "status")
        self._finished = self._counter(
            "finished_answers",
            "Answers by why they ended; abort: the client left, error: they failed.",
            "finished_reason",
        )
        self._prompt = self._counter("prompt_tokens", "Tokens of prompts of finished rows.")
        self._cached = self._counter("cached_prompt_tokens", "Of those, tokens known before.")
        self._tokens = self._counter("generated_tokens", "Tokens generated.")
        self._drafted = self._counter("drafted_tokens", "Tokens that were guessed ahead.")
        self._accepted = self._counter("accepted_tokens", "Of those, tokens that were drawn.")
        self._quadrants = self._counter("quadrant_tokens", "Tokens by quadrant.", "quadrant")
        self._first = self._histogram(
            "time_to_first_token_seconds", "From the request to its first token.", _SECONDS
        )
        self._between = self._histogram(
            "inter_token_latency_seconds", "Between two tokens of a row.", _TOKEN_SECONDS
        )
        self._whole = self._histogram(
            "request_latency_seconds", "From the request to the end of its answer.", _SECONDS
        )
        self._queued = self._histogram("queue_seconds", "How long an answer waited.", _SECONDS)
        self._filling = self._histogram(
            "prompt_seconds", "From an answer's turn to the end of its prompt.", _SECONDS
        )
        self._writing = self._histogram(
            "generation_seconds", "From the end of the prompt to that of the answer.", _SECONDS
        )
        self._asked = self._histogram(
            "request_prompt_tokens", "Tokens of one prompt.", _TOKEN_COUNTS
        )
        self._answered = self._histogram(
            "request_generated_tokens", "Tokens of one answer.", _TOKEN_COUNTS
        )
        self._rate = self._histogram(
            "row_tokens_per_second", "Tokens a second of one row, after its prompt.", _RATES
        )
        self._gauge("rows", "Rows being computed.").set_function(lambda: engine.rows)
        self._gauge("queue", "Rows that wait.").set_function(lambda: engine.queue)
        self._gauge(
            "kv_cache_usage_ratio", "Tokens in the caches of all rows, of those that may be."
        ).set_function(lambda: engine.kv_usage)
        self._last: dict[int, float] = {}  # when a row's last token came
        self._vllm = VLLMNames(self.registry, engine)
        engine.on_event = self.on_event
        engine.on_lost_answers = self.on_lost_answers

    def on_event(self, event: Event, forks: bool) -> None:
        """Count what came of a step for one row, which may be a path of an answer that forks."""
        summary = getattr(event, "summary", None)
        if isinstance(event, TokenEvent):
            self._tokens.inc()
            if event.quadrant is not None:
                self._quadrants.labels(event.quadrant.name).inc()
            now = time.monotonic()
            if (last := self._last.pop(event.row, None)) is not None:
                self._between.observe(now - last)
            if summary is None:
                self._last[event.row] = now
        elif isinstance(event, RowForked):
            self._tokens.inc(len(event.token_ids))
        if event.ends:
            self._last.pop(event.row, None)
        if summary is None:
            return
        whole = isinstance(event, Settled)
        if whole or not forks:
            if reason := _reason(event):
                self._finished.labels(reason).inc()
            self._prompt.inc(summary.prompt_tokens)
            self._cached.inc(summary.cached_tokens)
            self._drafted.inc(summary.drafted_tokens)
            self._accepted.inc(summary.accepted_tokens)
            self._whole.observe(summary.seconds)
            self._queued.observe(summary.queue_seconds)
            self._filling.observe(summary.prompt_seconds)
            self._asked.observe(summary.prompt_tokens)
            self._answered.observe(summary.completion_tokens)
            if summary.completion_tokens:
                self._first.observe(summary.first_token_seconds)
                self._writing.observe(summary.generation_seconds)
        if summary.completion_tokens and not whole:
            self._rate.observe(summary.generation_tps)

    def on_lost_answers(self, count: int, reason: str, rows: list[int]) -> None:
        """Count answers that did not come to their end, by "abort" or "error", with these rows."""
        self._finished.labels(reason).inc(count)
        for row in rows:
            self._last.pop(row, None)

    def on_request(self, path: str, status: int) -> None:
        """Count an HTTP request."""
        self._requests.labels(path, str(status)).inc()

    def text(self) -> bytes:
        """All numbers in Prometheus' text format."""
        return generate_latest(self.registry) + generate_latest(self._vllm)

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(PREFIX + name, text, labels, registry=self.registry)

    def _gauge(self, name: str, text: str) -> Gauge:
        return Gauge(PREFIX + name, text, registry=self.registry)

    def _histogram(self, name: str, text: str, buckets: tuple[float, ...]) -> Histogram:
        return Histogram(PREFIX + name, text, buckets=buckets, registry=self.registry)


def _reason(event: Event) -> str | None:
    """Why an answer ended, such as "stop" or "length"; None where no path has come to an end."""
    if isinstance(event, Settled):
        chosen = (path.finish_reason for path in event.paths if path.branch == event.chosen)
        return next(chosen, None)
    return getattr(event, "finish_reason", None) or "length"  # a prompt that was scored
