"""From the sampler's options to its configuration."""

from argparse import Namespace
from pathlib import Path
from typing import Any

from mlx_entropix.cli.errors import UsageError
from mlx_entropix.sampling import (
    PRESETS,
    ConfigError,
    ConfigFile,
    PlainConfig,
    SamplerConfig,
    config_toml,
    read_config_file,
)
from mlx_entropix.sampling.config_file import NORMAL

NAMES = (*PRESETS, NORMAL)
_OVERRIDES = ("temperature", "top_p", "top_k", "min_p")

Config = SamplerConfig | PlainConfig


def config_of(options: Namespace) -> tuple[str, Config]:
    """The sampler's name and configuration that the options ask for. Raises `UsageError`."""
    asked = _asked(options)
    return asked.base, asked.config


def config_text(options: Namespace) -> str:
    """The configuration that the options ask for, as a file of it. Raises `UsageError`."""
    asked = _asked(options)
    return config_toml(asked.config, asked.base, asked.fitted)


def _asked(options: Namespace) -> ConfigFile:
    name = NORMAL if options.normal else options.sampler
    asked = ConfigFile(named_config(name or "entropix"), name or "entropix")
    if options.sampler_config:
        asked = read_config(Path(options.sampler_config).expanduser(), name)
    given = {key: getattr(options, key, None) for key in _OVERRIDES}  # the server has none of them
    given = {key: value for key, value in given.items() if value is not None}
    config = _override(asked.config, given, "An option of the sampler is out of range")
    return asked if config == asked.config else ConfigFile(config, asked.base)


def named_config(name: str) -> Config:
    """The configuration of a preset, or of `normal`. Raises `UsageError` for another name."""
    if name == NORMAL:
        return PlainConfig()
    if name not in PRESETS:
        raise UsageError(f"There is no sampler {name!r}. Choose one of {', '.join(NAMES)}.")
    return PRESETS[name]


def read_config(path: Path, name: str | None) -> ConfigFile:
    """The configuration in a file, whose base must be `name` if one is given, by its own word or
    for want of one. Raises `UsageError`.
    """
    try:
        read = read_config_file(path, name or "entropix")
    except ConfigError as error:
        raise UsageError(str(error)) from None
    if name not in (None, read.base):
        raise UsageError(
            f"The base of {path} is {read.base}, and --sampler {name} names another. "
            "Leave one of them out."
        )
    return read


def _override(config: Config, values: dict[str, Any], problem: str) -> Config:
    try:
        return config.override(values) if values else config
    except ConfigError as error:
        raise UsageError(f"{problem}: {error}.") from None
