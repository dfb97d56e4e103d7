"""What the server counts, for Prometheus."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from mlx_entropix.engine import Event, RowForked, Settled, TokenEvent
from mlx_entropix.server.async_engine import AsyncEngine

_PREFIX = "mlx_entropix"
_SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)
_RATES = (1, 2, 5, 10, 20, 50, 100, 200, 500)


class Telemetry:
    """Counters of one server, in a registry of its own."""

    def __init__(self, engine: AsyncEngine):
        self.registry = CollectorRegistry()
        self._requests = self._counter("requests", "HTTP requests.", "path", "status")
        self._prompt = self._counter("prompt_tokens", "Tokens of prompts of finished rows.")
        self._cached = self._counter("cached_prompt_tokens", "Of those, tokens known before.")
        self._tokens = self._counter("generated_tokens", "Tokens generated.")
        self._drafted = self._counter("drafted_tokens", "Tokens that were guessed ahead.")
        self._accepted = self._counter("accepted_tokens", "Of those, tokens that were drawn.")
        self._quadrants = self._counter("quadrant_tokens", "Tokens by quadrant.", "quadrant")
        self._first = self._histogram(
            "time_to_first_token_seconds", "From the request to its first token.", _SECONDS
        )
        self._rate = self._histogram(
            "row_tokens_per_second", "Tokens a second of one row, after its prompt.", _RATES
        )
        self._gauge("rows", "Rows being computed.").set_function(lambda: engine.rows)
        self._gauge("queue", "Rows that wait.").set_function(lambda: engine.queue)
        engine.on_event = self.on_event

    def on_event(self, event: Event, forks: bool) -> None:
        """Count what came of a step for one row, which may be a path of an answer that forks."""
        if isinstance(event, TokenEvent):
            self._tokens.inc()
            if event.quadrant is not None:
                self._quadrants.labels(event.quadrant.name).inc()
        elif isinstance(event, RowForked):
            self._tokens.inc(len(event.token_ids))
        summary = getattr(event, "summary", None)
        if summary is None:
            return
        whole = isinstance(event, Settled)
        if whole or not forks:
            self._prompt.inc(summary.prompt_tokens)
            self._cached.inc(summary.cached_tokens)
            self._drafted.inc(summary.drafted_tokens)
            self._accepted.inc(summary.accepted_tokens)
            if summary.completion_tokens:
                self._first.observe(summary.first_token_seconds)
        if summary.completion_tokens and not whole:
            self._rate.observe(summary.generation_tps)

    def on_request(self, path: str, status: int) -> None:
        """Count an HTTP request."""
        self._requests.labels(path, str(status)).inc()

    def text(self) -> bytes:
        """All numbers in Prometheus' text format."""
        return generate_latest(self.registry)

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(f"{_PREFIX}_{name}", text, labels, registry=self.registry)

    def _gauge(self, name: str, text: str) -> Gauge:
        return Gauge(f"{_PREFIX}_{name}", text, registry=self.registry)

    def _histogram(self, name: str, text: str, buckets: tuple[float, ...]) -> Histogram:
        return Histogram(f"{_PREFIX}_{name}", text, buckets=buckets, registry=self.registry)
