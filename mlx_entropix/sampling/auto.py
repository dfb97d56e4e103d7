"""The sampler `auto`: the preset that is fitted to the loaded model, if there is one.

It is looked for beside the weights, then among the user's own presets, then among those that come
with the package, by the model's name. `mlx-entropix calibrate` writes such files.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlx_entropix.choices import AUTO
from mlx_entropix.errors import ConfigError, UsageError
from mlx_entropix.installed import called
from mlx_entropix.sampling.config import PlainConfig, SamplerConfig
from mlx_entropix.sampling.config_file import Provenance, read_config_file
from mlx_entropix.sampling.presets import ENTROPIX, SAMPLERS

_SHIPPED = Path(__file__).parent / "fitted"

# What converters append to a model's name for its number format; the model is the same.
_FORMAT = re.compile(
    r"[-_.](mlx|gguf|bf16|fp16|f16|fp32|f32|[248]bit|q[2-8](_[0-9a-z]+)*|i?q[1-8]_[0-9a-z_]+|dwq)$",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class AutoSampler:
    """What `auto` is for one model.

    `config` is the fitted preset, and the published `entropix` where none is fitted; then `fitted`
    (how it was made) and `path` (its file) are None. `name` is the model's.
    """

    name: str
    config: SamplerConfig = ENTROPIX
    fitted: Provenance | None = None
    path: Path | None = None

    @property
    def samplers(self) -> dict[str, SamplerConfig | PlainConfig]:
        """Every sampler by its name, `auto` first."""
        return {AUTO: self.config, **SAMPLERS}

    @property
    def notice(self) -> str | None:
        """A line that says how to fit a preset, where there is none."""
        if self.path is not None:
            return None
        return (
            f"No sampler is fitted to {self.name}: the published thresholds are used. "
            f"To fit one: {called('calibrate')}"
        )


def auto_sampler(name: str, weights: Path | None = None) -> AutoSampler:
    """What `auto` is for the model of that name, whose weights are the folder or file `weights`.

    Raises `ConfigError`, which names the file, where a fitted preset cannot be used.
    """
    for path in (*_beside(weights), user_preset(name), _SHIPPED / f"{preset_name(name)}.toml"):
        if not path.is_file():
            continue
        file = read_config_file(path)
        if not isinstance(file.config, SamplerConfig):
            raise ConfigError(
                f"{path} configures the plain sampler, and `auto` is one that adapts. Write a base "
                "other than normal, or remove the file"
            )
        return AutoSampler(name, file.config, file.fitted, path)
    return AutoSampler(name)


def chosen_config(
    auto: AutoSampler,
    name: str | None,
    config: SamplerConfig | PlainConfig | None,
    values: Mapping[str, Any],
) -> SamplerConfig | PlainConfig:
    """The sampler of that `name` (None: `auto`), or the `config`; `values` take its own's place.

    Values that are None stay as they are. Raises `ConfigError` for a name or a value that cannot
    be, `UsageError` where both a name and a `config` are given.
    """
    if name is not None and config is not None:
        raise UsageError("`sampler` and `config` both say which sampler. Leave one of them out.")
    if name is not None and name not in auto.samplers:
        raise ConfigError(
            f"There is no sampler {name!r}. Choose one of {', '.join(auto.samplers)}."
        )
    base = config or auto.samplers[name or AUTO]
    return base.override({key: value for key, value in values.items() if value is not None})


def user_preset(name: str) -> Path:
    """Where the user's own fitted preset for the model of that name is kept."""
    settings = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(settings) / "mlx-entropix" / "fitted" / f"{preset_name(name)}.toml"


def preset_name(name: str) -> str:
    """The name under which a model's fitted preset is kept.

    It is the last part of a repo id or path, in lower case, less the number formats that converters
    append: SmolLM2-135M-Instruct, HuggingFaceTB/SmolLM2-135M-Instruct and
    SmolLM2-135M-Instruct-4bit are one model.
    """
    name = name.rstrip("/").split("/")[-1].removesuffix(".gguf")
    while (shorter := _FORMAT.sub("", name)) != name:
        name = shorter
    return re.sub(r"[^a-z0-9.]+", "-", name.lower()).strip("-.")


def _beside(weights: Path | None) -> list[Path]:
    """Files beside the weights that may hold a fitted preset."""
    if weights is None:
        return []
    return [weights / "entropix.toml" if weights.is_dir() else weights.with_suffix(".toml")]
