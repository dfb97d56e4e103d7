"""From the sampler's options to its configuration."""

import json
from argparse import Namespace
from pathlib import Path
from typing import Any

from mlx_entropix.cli.errors import UsageError
from mlx_entropix.model.locate import name_weights
from mlx_entropix.sampling import PRESETS, ConfigError, PlainConfig, SamplerConfig
from mlx_entropix.sampling.auto import AUTO, AutoSampler, auto_sampler

NORMAL = "normal"
NAMES = (AUTO, *PRESETS, NORMAL)
_OVERRIDES = ("temperature", "top_p", "top_k", "min_p")

Config = SamplerConfig | PlainConfig


def find_auto(weights: str | None) -> AutoSampler:
    """What `auto` is for the model that `weights` names; nothing is loaded or downloaded.

    Raises `UsageError` for a fitted preset that cannot be used, `WeightsError` for weights that
    are not there.
    """
    try:
        return auto_sampler(*name_weights(weights))
    except ConfigError as error:
        raise UsageError(f"{error}.") from None


def config_of(options: Namespace, auto: AutoSampler) -> tuple[str, Config]:
    """The sampler's name and configuration that the options ask for. Raises `UsageError`."""
    name = NORMAL if options.normal else options.sampler or AUTO
    config = named_config(name, auto)
    if options.sampler_config:
        path = Path(options.sampler_config).expanduser()
        config = _override(config, read_config(path), f"{path} cannot be used")
    given = {key: getattr(options, key, None) for key in _OVERRIDES}  # the server has none of them
    given = {key: value for key, value in given.items() if value is not None}
    return name, _override(config, given, "An option of the sampler is out of range")


def named_config(name: str, auto: AutoSampler) -> Config:
    """The configuration of a sampler by its name. Raises `UsageError` for another name."""
    if name == AUTO:
        return auto.config
    if name == NORMAL:
        return PlainConfig()
    if name not in PRESETS:
        raise UsageError(f"There is no sampler {name!r}. Choose one of {', '.join(NAMES)}.")
    return PRESETS[name]


def read_config(path: Path) -> dict[str, Any]:
    """The values in a JSON file. Raises `UsageError`."""
    try:
        values = json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise UsageError(
            f"{path} cannot be read ({error.strerror}). Give the path of a JSON file."
        ) from None
    except (ValueError, RecursionError) as error:
        raise UsageError(
            f'{path} is not JSON ({error}). Write an object such as {{"temperature": 0.5}}.'
        ) from None
    if not isinstance(values, dict):
        raise UsageError(f'{path} holds no JSON object. Write one such as {{"temperature": 0.5}}.')
    return values


def _override(config: Config, values: dict[str, Any], problem: str) -> Config:
    try:
        return config.override(values) if values else config
    except ConfigError as error:
        raise UsageError(f"{problem}: {error}.") from None
