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
from mlx_entropix.sampling.auto import AUTO, AutoSampler, auto_sampler
from mlx_entropix.sampling.presets import NORMAL
from mlx_entropix.weights.locate import name_weights

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
        raise UsageError(str(error)) from None


def config_of(options: Namespace, auto: AutoSampler) -> tuple[str, Config]:
    """The sampler's name and configuration that the options ask for. Raises `UsageError`."""
    asked = _asked(options, auto)
    return asked.base, asked.config


def config_text(options: Namespace) -> str:
    """The configuration that the options ask for, as a file of it. Raises `UsageError`."""
    asked = _asked(options, find_auto(options.weights_dir))
    base = "entropix" if asked.base == AUTO else asked.base  # what a file can be based on
    return config_toml(asked.config, base, asked.fitted)


def _asked(options: Namespace, auto: AutoSampler) -> ConfigFile:
    name = NORMAL if options.normal else options.sampler
    asked = ConfigFile(named_config(name or AUTO, auto), name or AUTO)
    if asked.base == AUTO:
        asked = asked._replace(fitted=auto.fitted)
    if options.sampler_config:
        asked = _read(Path(options.sampler_config).expanduser(), name, auto)
    given = {key: getattr(options, key, None) for key in _OVERRIDES}  # the server has none of them
    given = {key: value for key, value in given.items() if value is not None}
    config = _override(asked.config, given, "An option of the sampler is out of range")
    return asked if config == asked.config else ConfigFile(config, asked.base)


def named_config(name: str, auto: AutoSampler) -> Config:
    """The configuration of a sampler by its name. Raises `UsageError` for another name."""
    if name == AUTO:
        return auto.config
    if name == NORMAL:
        return PlainConfig()
    if name not in PRESETS:
        raise UsageError(f"There is no sampler {name!r}. Choose one of {', '.join(NAMES)}.")
    return PRESETS[name]


def _read(path: Path, name: str | None, auto: AutoSampler) -> ConfigFile:
    """The configuration in a file, whose base must be `name` if one is given, by its own word or
    for want of one. Raises `UsageError`.
    """
    try:
        read = read_config_file(path, name or AUTO, {AUTO: auto.config})
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
