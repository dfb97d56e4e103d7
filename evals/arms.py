"""The samplers that are compared, as data.

An arm is a name, a configuration, and forks where it has some. The plain arms keep at most the 100
likeliest tokens, which changes next to nothing (the rest has little probability and less sense) and
spares a sort of the whole vocabulary at every token. Their values are those of `tuned.toml` where
`evals tune` has written one, each found with the same number of trials on the dev split. What
`vote` arms say is computed from the answers of others, see votes.py.
"""

import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlx_entropix.choices import AUTO, NORMAL
from mlx_entropix.engine.search import ForkConfig, fork_config
from mlx_entropix.errors import ConfigError, EvalError
from mlx_entropix.sampling import PRESETS, PlainConfig, SamplerConfig
from mlx_entropix.sampling.auto import auto_sampler
from mlx_entropix.sampling.presets import SAMPLERS

TUNED = Path(__file__).with_name("tuned.toml")

NO_FILTERS: dict[str, Any] = {"temperature": 1.0, "top_p": 1.0, "top_k": 100, "min_p": 0.0}

PLAIN_ARMS: dict[str, dict[str, Any]] = {
    "greedy": {**NO_FILTERS, "temperature": 0.0, "top_k": 1},
    "temperature": {**NO_FILTERS, "temperature": 0.7},
    "top_p": {**NO_FILTERS, "top_p": 0.9},
    "min_p": {**NO_FILTERS, "min_p": 0.1},
    "top_n_sigma": {**NO_FILTERS, "top_n_sigma": 1.0},
    "normal": {},
}
TUNABLE = ("temperature", "top_p", "min_p", "top_n_sigma")


@dataclass(frozen=True)
class Arm:
    """A sampler under a name, and how its answers fork, if they do."""

    name: str
    config: SamplerConfig | PlainConfig
    fork: ForkConfig | None = None

    @property
    def rows(self) -> int:
        """The most rows that an answer takes at once."""
        return self.fork.paths if self.fork is not None else 1

    @property
    def values(self) -> dict[str, Any]:
        """The configuration as JSON has it."""
        values = self.config.model_dump(mode="json")
        return (
            values if self.fork is None else {**values, "fork": self.fork.model_dump(mode="json")}
        )

    @property
    def draws(self) -> bool:
        """Whether another seed can give another answer."""
        return not (isinstance(self.config, PlainConfig) and self.config.temperature == 0)

    @property
    def base(self) -> str:
        """The preset that `sampler_config` is read against: `normal` or `entropix`."""
        return NORMAL if isinstance(self.config, PlainConfig) else "entropix"


def default_arms(tuned: Path = TUNED) -> list[Arm]:
    """All arms that this version of the sampler knows, with tuned values where there are any."""
    chosen = tuned_values(tuned)
    arms = []
    for name, values in PLAIN_ARMS.items():
        values = {**values, **chosen.get(name, {})}
        if values.keys() <= PlainConfig.model_fields.keys():
            arms.append(Arm(name, _config("normal", values, name)))
    arms += [Arm(name, preset) for name, preset in PRESETS.items()]
    known = {arm.name for arm in arms} | set(PLAIN_ARMS)
    arms += [arm_of(name, chosen[name], tuned) for name in chosen if name not in known]
    return arms


def tuned_values(path: Path = TUNED) -> dict[str, dict[str, Any]]:
    """The values that tuning chose, by arm; none where the file is not there."""
    return _read(path).get("arms", {}) if path.exists() else {}


def best_plain(path: Path = TUNED) -> str | None:
    """The plain arm that was right most often in tuning; None where there was none."""
    return _read(path).get("best_plain") if path.exists() else None


def arm_from_file(spec: str) -> Arm:
    """An arm from `NAME=FILE`: JSON or TOML that replaces values of a preset.

    The key `base` names the preset: `entropix` (where there is none), `frog` or `normal`.
    The key `fork` is a policy of forks, its name or its values. Raises EvalError.
    """
    name, equals, file = spec.partition("=")
    if not (name and equals and file):
        raise EvalError(f"--arm {spec!r} is not NAME=FILE; write --arm mine=mine.json, say.")
    return arm_of(name, _read(Path(file)), Path(file))


def arm_of(name: str, values: Mapping[str, Any], source: Path | str) -> Arm:
    """An arm from the values of a file. Raises EvalError, which names the `source`."""
    values = {key: value for key, value in values.items() if key != "fitted"}  # where it is from
    fork = values.pop("fork", None)
    config = _config(values.pop("base", "entropix"), values, str(source))
    return Arm(name, config, None if fork is None else _fork(fork, config, str(source)))


def fitted_arms(model: str, weights: Path | None) -> list[Arm]:
    """The arm `auto`, where a preset is fitted to the model of that name; else none.

    Raises EvalError where the preset cannot be used.
    """
    try:
        found = auto_sampler(model, weights)
    except ConfigError as error:
        raise EvalError(f"{error}.") from None
    return [Arm(AUTO, found.config)] if found.path is not None else []


def choose_arms(
    names: str | None,
    files: list[str],
    fitted: Sequence[Arm] = (),
    forks: Sequence[Arm] = (),
    tuned: Path = TUNED,
) -> list[Arm]:
    """The arms that `--arms` and `--arm` ask for.

    Where neither does, all but the `forks`, with those `fitted`.
    """
    default = {arm.name: arm for arm in [*default_arms(tuned), *fitted]}
    added = {arm.name: arm for arm in map(arm_from_file, files)}
    known = {**default, **{arm.name: arm for arm in forks}, **added}
    if not names:
        return list({**default, **added}.values())
    wanted = [name.strip() for name in names.split(",") if name.strip()]
    for name in wanted:
        if name not in known:
            raise EvalError(f"There is no arm {name!r}. There are: {', '.join(known)}.")
    return [known[name] for name in dict.fromkeys([*wanted, *added])]


def _config(base: object, values: Mapping[str, Any], source: str) -> SamplerConfig | PlainConfig:
    if not isinstance(base, str) or base not in SAMPLERS:
        raise EvalError(f"{source}: there is no base {base!r}; write {', '.join(SAMPLERS)}.")
    try:
        return SAMPLERS[base].override(dict(values))
    except ConfigError as error:
        raise EvalError(f"{source}: {error}.") from None


def _fork(asked: Any, config: SamplerConfig | PlainConfig, source: str) -> ForkConfig:
    try:
        fork = fork_config(asked)
        fork.check(config)
    except ConfigError as error:
        raise EvalError(f"{source}: {error}.") from None
    return fork


def _read(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text(encoding="utf-8")
        values = tomllib.loads(text) if path.suffix == ".toml" else json.loads(text)
    except OSError as error:
        raise EvalError(
            f"{path} cannot be read ({error.strerror}); give a readable file."
        ) from None
    except (tomllib.TOMLDecodeError, json.JSONDecodeError, UnicodeDecodeError) as error:
        raise EvalError(f"{path} is neither JSON nor TOML: {error}.") from None
    if not isinstance(values, dict):
        raise EvalError(f"{path} holds no object; write names and values of a sampler.")
    return values
