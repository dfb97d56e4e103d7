"""Configurations as files: read with every mistake named by its line, and written.

A file is TOML where its name ends in .toml, and JSON otherwise. It holds values that replace those
of its `base`, and a table `fitted` where they were fitted to a model's measurements.
docs/config.md shows it by example.
"""

import json
import tomllib
from collections.abc import Mapping
from datetime import date
from difflib import get_close_matches
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import tomli_w
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from mlx_entropix.errors import ConfigError
from mlx_entropix.sampling.config import Fault, PlainConfig, SamplerConfig, faults_of
from mlx_entropix.sampling.config_lines import Lines, json_lines, toml_lines
from mlx_entropix.sampling.flat_names import nested
from mlx_entropix.sampling.presets import SAMPLERS


class Provenance(BaseModel):
    """Where the values of a fitted preset come from."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    model: str = Field(description="The model that was measured.")
    date: str = Field(description="When.")
    command: str = Field(description="The command that fitted the values, and fits them again.")
    data: str = Field(description="The prompts that the model answered.")
    targets: dict[str, float] = Field(description="The share of tokens asked for, by quadrant.")
    shares: dict[str, float] = Field(description="The share measured on prompts held out.")
    evidence: str = Field(default="", description="Where the measurements can be read.")
    borders: dict[str, tuple[float, float]] = Field(
        default={}, description="The 95 % bootstrap interval of each fitted threshold."
    )
    tokens: int = Field(default=0, ge=0, description="The number of tokens measured.")

    @field_validator("date", mode="before")
    @classmethod
    def _toml_date(cls, value: Any) -> Any:
        return value.isoformat() if isinstance(value, date) else value


class ConfigFile(NamedTuple):
    """What a file says: the whole configuration, whose values it replaces, and their origin."""

    config: SamplerConfig | PlainConfig
    base: str
    fitted: Provenance | None = None


def read_config_file(
    path: Path, base: str = "entropix", more: Mapping[str, SamplerConfig] = MappingProxyType({})
) -> ConfigFile:
    """Read a file, whose values replace those of `base` where it names no base itself.

    `more` are samplers that it may be based on beside the published ones.

    Raises ConfigError. Its message has a line for every mistake, with the file, the line and what
    is allowed there.
    """
    text = _text(path)
    parse = _parse_toml if path.suffix.lower() == ".toml" else _parse_json
    values, lines = parse(path, text)
    values = nested(values)
    repeated = lines.repeated if lines else []
    faults = [Fault(place, f"given again on line {line}") for place, line in repeated]
    bases = {**SAMPLERS, **more}
    base = _base(values.pop("base", base), base, bases, faults)
    fitted = _fitted(values.pop("fitted", None), faults)
    config = _config(bases[base], values, faults)
    if faults:
        lines = lines or toml_lines(text)
        placed = sorted((_line(fault, lines), str(fault)) for fault in faults)
        message = "\n".join(f"{path}, line {line}: {fault}" for line, fault in placed)
        raise ConfigError(message, tuple(faults))
    return ConfigFile(config, base, fitted)


def config_toml(
    config: SamplerConfig | PlainConfig,
    base: str,
    fitted: Provenance | None = None,
    *,
    only_changes: bool = False,
) -> str:
    """The text of a TOML file that `read_config_file` reads as this configuration.

    It holds every value, or with `only_changes` those that differ from the base's.
    """
    values = config.model_dump(mode="json")
    if only_changes:
        values = _changes(values, SAMPLERS[base].model_dump(mode="json"))
    numbers = {name: value for name, value in values.items() if not isinstance(value, dict)}
    parts = [_comment(type(config)) + tomli_w.dumps({"base": base, **numbers})]
    for name, value in values.items():
        if isinstance(value, dict):
            parts.append(_comment(type(getattr(config, name))) + tomli_w.dumps({name: value}))
    if fitted is not None:
        table = fitted.model_dump(mode="json", exclude_defaults=True)
        parts.append(_comment(Provenance) + tomli_w.dumps({"fitted": table}))
    return "\n".join(parts)


def _text(path: Path) -> str:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ConfigError(
            f"{path} cannot be read ({error.strerror}). Give the path of a TOML or JSON file."
        ) from None
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"{path} is not UTF-8 (byte {error.start + 1} of it cannot be read). Save it as UTF-8."
        ) from None
    except ValueError:  # a NUL in the name
        raise ConfigError(f"{str(path)!r} is no path of a file.") from None
    if not text.strip():
        raise ConfigError(f"{path} is empty. Write values into it, such as a temperature.")
    return text


def _parse_toml(path: Path, text: str) -> tuple[dict[str, Any], None]:
    try:
        return tomllib.loads(text), None  # lines are looked for where something is wrong
    except (ValueError, RecursionError) as error:
        raise ConfigError(
            f"{path} is not TOML: {error}. Write values such as `temperature = 0.5`."
        ) from None


def _parse_json(path: Path, text: str) -> tuple[dict[str, Any], Lines]:
    try:
        values, lines = json.loads(text), json_lines(text)
    except (ValueError, RecursionError) as error:
        raise ConfigError(
            f'{path} is not JSON: {error}. Write an object such as {{"temperature": 0.5}}.'
        ) from None
    if not isinstance(values, dict):
        raise ConfigError(f'{path} holds no JSON object. Write one such as {{"temperature": 0.5}}.')
    return values, lines


def _base(name: Any, default: str, bases: Mapping[str, Any], faults: list[Fault]) -> str:
    """The base of that name; where there is none, the one against which the rest is checked."""
    if isinstance(name, str) and name in bases:
        return name
    close = get_close_matches(str(name), bases, n=1)
    reason = f"there is no sampler {name!r}, there are {', '.join(bases)}"
    faults.append(Fault(("base",), reason + (f" (did you mean {close[0]}?)" if close else "")))
    return close[0] if close else default


def _fitted(values: Any, faults: list[Fault]) -> Provenance | None:
    if values is None:
        return None
    try:
        return Provenance.model_validate(values)
    except ValidationError as error:
        found = faults_of(error, Provenance)
        faults += [fault._replace(path=("fitted", *fault.path)) for fault in found]
        return None


def _config(
    config: SamplerConfig | PlainConfig, values: dict[str, Any], faults: list[Fault]
) -> SamplerConfig | PlainConfig:
    """The configuration with these values.

    Whether limits and thresholds are in order is checked only where each value is allowed by
    itself; so values at fault are taken out and the rest is checked again, until it is right.
    """
    removed: set[tuple[str | int, ...]] = set()
    while True:
        try:
            return config.override(values)
        except ConfigError as error:
            for fault in error.faults:
                places = [(*fault.path, name) for name in fault.among] or [fault.path]
                if not removed.intersection(places):
                    faults.append(fault)
                removed.update(places)
            left = _without(values, removed)
            if left == values:  # the base itself is not at fault, so this does not happen
                raise
            values = left


def _without(
    values: dict[str, Any], removed: set[tuple[str | int, ...]], above: tuple[str, ...] = ()
) -> dict[str, Any]:
    """The values but those at places that are removed, whole where a part of a list is."""
    lists = {place[:-1] for place in removed if isinstance(place[-1], int)}
    return {
        name: _without(value, removed, (*above, name)) if isinstance(value, dict) else value
        for name, value in values.items()
        if (*above, name) not in removed | lists
    }


def _line(fault: Fault, lines: Lines) -> int:
    """The line of a fault: where several fields disagree, of the last that the file gives."""
    given = [lines.of.get((*fault.path, name), 0) for name in fault.among]
    return max(given, default=0) or lines.line(fault.path) or 1


def _changes(values: dict[str, Any], base: dict[str, Any]) -> dict[str, Any]:
    changed = {}
    for name, value in values.items():
        if isinstance(value, dict):
            value = _changes(value, base[name])
            if not value:
                continue
        elif value == base[name]:
            continue
        changed[name] = value
    return changed


def _comment(model: type[BaseModel]) -> str:
    """The first sentence of a model's docstring as a comment."""
    sentence = (model.__doc__ or "").strip().splitlines()[0].partition(". ")[0]
    return f"# {sentence.removesuffix('.')}.\n"
