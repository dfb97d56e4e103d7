"""What a server is started with."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlx_entropix.choices import AUTO, MOST_DRAFTED
from mlx_entropix.ranks.join import Ranks
from mlx_entropix.sampling import PRESETS, PlainConfig, SamplerConfig
from mlx_entropix.sampling.auto import AutoSampler

MAX_BODY_BYTES = 8 * 1024 * 1024
"""Longer request bodies are refused; a context of 128 k tokens is half a megabyte of text."""


@dataclass(frozen=True)
class Settings:
    """The options of `mlx_server.py`, checked.

    `weights` and `loading` are what `load` takes. `auto` is what the sampler of that name is for
    the model. `sampler` names the sampler of requests that name none, and `config` is that sampler
    with the server's own overrides.
    `max_queue` bounds the rows that wait beside the `max_rows` live ones.
    Up to `speculate` tokens are guessed ahead, by the `draft_model` too, which is as `weights`.
    `max_kv_tokens` None means as many as there is memory for. `shutdown_timeout` is in seconds.
    A request has to be received whole within `receive_timeout` seconds.
    `served_names` are what clients may call the model beside its own name.
    `ranks` are those that the model is divided among, of which this process is the first.
    """

    host: str = "127.0.0.1"
    port: int = 8000
    weights: str | None = None
    loading: Mapping[str, Any] = field(default_factory=dict)
    auto: AutoSampler = field(default_factory=lambda: AutoSampler(""))
    sampler: str = AUTO
    config: SamplerConfig | PlainConfig = PRESETS["entropix"]
    max_rows: int = 16
    max_queue: int = 64
    max_kv_tokens: int | None = None
    max_connections: int = 512
    receive_timeout: float = 30.0
    prefix_cache_bytes: int = 256 * 1024 * 1024
    api_key: str | None = None
    cors_origins: tuple[str, ...] = ()
    allowed_hosts: tuple[str, ...] = ()
    ui_dir: Path | None = None
    log_level: str = "info"
    log_prompts: bool = False
    shutdown_timeout: float = 10.0
    served_names: tuple[str, ...] = ()
    ranks: Ranks | None = None
    speculate: int = MOST_DRAFTED
    draft_model: str | None = None
