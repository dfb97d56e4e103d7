"""The policies by their names, and configurations of them from names, objects and files."""

import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from mlx_entropix.choices import FORKS
from mlx_entropix.engine.search.deepconf import DeepConf
from mlx_entropix.engine.search.entropy import Entropy
from mlx_entropix.engine.search.first import First
from mlx_entropix.engine.search.fork_config import ForkConfig
from mlx_entropix.engine.search.independent import Independent
from mlx_entropix.engine.search.lookahead import Lookahead
from mlx_entropix.errors import ConfigError
from mlx_entropix.sampling.config import faults_of

_CLASSES: tuple[type[ForkConfig], ...] = (Independent, First, Entropy, Lookahead, DeepConf)

POLICIES: dict[str, type[ForkConfig]] = dict(zip(FORKS, _CLASSES, strict=True))
"""The class of each policy's configuration, by its name."""


def fork_config(asked: str | Mapping[str, Any], **more: Any) -> ForkConfig:
    """A policy's configuration from its name, or from an object with its `policy` and values.

    `more` are values that take precedence; None stands for those that were not given. Raises
    `ConfigError`, which names every field at fault and what it allows.
    """
    values = {"policy": asked} if isinstance(asked, str) else dict(asked)
    values |= {name: value for name, value in more.items() if value is not None}
    name = values.get("policy")
    if not isinstance(name, str) or name not in POLICIES:
        what = "policy is missing" if name is None else f"there is no policy {name!r}"
        raise ConfigError(f"{what}. There are: {', '.join(FORKS)}")
    try:
        return POLICIES[name].model_validate(values)
    except ValidationError as error:
        faults = faults_of(error, POLICIES[name])
        raise ConfigError("; ".join(map(str, faults)), faults) from None


def read_fork_file(path: Path) -> dict[str, Any]:
    """The values of a TOML or JSON file. Raises `ConfigError`, which names the file."""
    is_toml = path.suffix.lower() == ".toml"
    try:
        text = path.read_text(encoding="utf-8")
        values = tomllib.loads(text) if is_toml else json.loads(text)
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8"
        raise ConfigError(f"{path} cannot be read: {reason}. Give a readable file.") from None
    except (tomllib.TOMLDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise ConfigError(f"{path} is no {'TOML' if is_toml else 'JSON'}: {error}.") from None
    if not isinstance(values, dict):
        raise ConfigError(f"{path} holds no object; write a policy and its values.")
    return values
