"""Where an answer or an analysis comes from, and how it is kept as a trace file."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlx_entropix.choices import AUTO
from mlx_entropix.engine.events import Request
from mlx_entropix.engine.search import Search
from mlx_entropix.engine.trace import trace_line
from mlx_entropix.errors import TraceError
from mlx_entropix.model.decoder import Decoder
from mlx_entropix.sampling import SAMPLERS
from mlx_entropix.sampling.auto import auto_sampler


@dataclass(frozen=True)
class Origin:
    """What was asked, `text` as a person wrote it, of which model, with which sampler."""

    text: str
    request: Request
    model: str
    sampler: str

    @classmethod
    def of(cls, text: str, request: Request, model: Decoder) -> "Origin":
        """That of a request to a model. A sampler of the user's own values is "custom"."""
        auto = auto_sampler(model.name, model.weights).config
        names = {AUTO: auto, **SAMPLERS}
        named = (name for name, config in names.items() if config == request.config)
        return cls(text, request, model.name, next(named, "custom"))

    def record(self) -> dict[str, Any]:
        """The line of the prompt in a trace."""
        request = self.request
        search = request.policy if isinstance(request.policy, Search) else None
        return {
            "text": self.text,
            "token_ids": list(request.prompt),
            "model": self.model,
            "sampler": self.sampler,
            "config": request.config.model_dump(mode="json"),
            "seed": request.seed,
            **({"logit_bias": dict(request.logit_bias)} if request.logit_bias else {}),
            **({} if search is None else {"fork": search.config.model_dump(mode="json")}),
        }

    def save(self, path: str | Path, lines: Iterable[tuple[str, Mapping[str, Any]]]) -> Path:
        """Write a trace file of the prompt's line and of those `lines`, each a type and a record.

        Returns the path. Raises `TraceError` where it cannot be written.
        """
        path = Path(path).expanduser()
        whole = [("prompt", self.record()), *lines]
        try:
            path.write_text("".join(trace_line(kind, 0, record) for kind, record in whole), "utf-8")
        except OSError as error:
            raise TraceError(
                f"The trace file {path} cannot be written ({error.strerror}). "
                "Name a file in a folder that exists and that you may write to."
            ) from None
        return path
