"""From the sampler's options to its configuration."""

from argparse import Namespace
from pathlib import Path

from mlx_entropix.choices import AUTO, CHANGES, NAMES, NORMAL
from mlx_entropix.errors import ConfigError, UsageError
from mlx_entropix.sampling import (
    ConfigFile,
    PlainConfig,
    SamplerConfig,
    config_toml,
    read_config_file,
)
from mlx_entropix.sampling.auto import AutoSampler, auto_sampler
from mlx_entropix.sampling.formulas import PARAMETERS
from mlx_entropix.weights.locate import name_weights

Config = SamplerConfig | PlainConfig


def find_auto(weights: str | None) -> AutoSampler:
    """What `auto` is for the model that `weights` names; nothing is loaded or downloaded.

    Raises `ConfigError` for a fitted preset that cannot be used, `WeightsError` for weights that
    are not there.
    """
    return auto_sampler(*name_weights(weights))


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
    names = (*PARAMETERS, *CHANGES, "p_less")  # the server has none of them
    given = {key: getattr(options, key, None) for key in names}
    given = {key: value for key, value in given.items() if value is not None}
    try:
        config = asked.config.override(given)
    except ConfigError as error:
        raise UsageError(f"An option of the sampler is out of range: {error}.") from None
    return asked if config == asked.config else ConfigFile(config, asked.base)


def named_config(name: str, auto: AutoSampler) -> Config:
    """The configuration of a sampler by its name. Raises `UsageError` for another name."""
    if name not in auto.samplers:
        raise UsageError(f"There is no sampler {name!r}. Choose one of {', '.join(NAMES)}.")
    return auto.samplers[name]


def _read(path: Path, name: str | None, auto: AutoSampler) -> ConfigFile:
    """The configuration in a file, whose base must be `name` if one is given, by its own word or
    for want of one. Raises `ConfigError`, or `UsageError` where the two differ.
    """
    read = read_config_file(path, name or AUTO, {AUTO: auto.config})
    if name not in (None, read.base):
        raise UsageError(
            f"The base of {path} is {read.base}, and --sampler {name} names another. "
            "Leave one of them out."
        )
    return read
