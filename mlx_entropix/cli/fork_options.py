"""From the options of forks to a policy's configuration."""

from argparse import Namespace
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlx_entropix.choices import FORKS
from mlx_entropix.cli.sampler_options import Config
from mlx_entropix.engine import ForkConfig, fork_config
from mlx_entropix.engine.search import read_fork_file
from mlx_entropix.errors import ConfigError, UsageError

_OPTIONS = ("paths", "budget", "extract")


@dataclass(frozen=True)
class Forks:
    """What the command line says of forks.

    `policy` is None where no forks are asked for. `in_file` are the values of a file, which hold
    for that policy alone; `given` are those of options, which hold for any.
    """

    policy: str | None = None
    given: Mapping[str, Any] = field(default_factory=dict)
    in_file: Mapping[str, Any] = field(default_factory=dict)
    file: Path | None = None

    @classmethod
    def of(cls, options: Namespace) -> "Forks":
        """Those that the options ask for. Raises `ConfigError` for a file that cannot be read."""
        given = {name: getattr(options, name) for name in _OPTIONS}
        given = {name: value for name, value in given.items() if value is not None}
        if options.fork_config is None:
            return cls(options.fork, given)
        file = Path(options.fork_config).expanduser()
        values = read_fork_file(file)
        if options.fork is None and "policy" not in values:
            raise UsageError(
                f"{file} names no policy. Write one of {', '.join(FORKS)} into it, or give --fork."
            )
        return cls(options.fork or values["policy"], given, values, file)

    @property
    def config(self) -> ForkConfig | None:
        """The configuration that is asked for. Raises `UsageError` where it cannot be used."""
        return None if self.policy is None else self.named(self.policy)

    def named(self, policy: str) -> ForkConfig:
        """The configuration of a policy. Raises `UsageError` where it cannot be used."""
        in_file = self.in_file if policy == self.policy else {}
        try:
            return fork_config({**in_file, **self.given, "policy": policy})
        except ConfigError as error:
            where = self.file if in_file else "An option of the forks cannot be used"
            raise UsageError(f"{where}: {error}.") from None


def check_together(fork: ForkConfig | None, sampler: Config) -> None:
    """Raise `UsageError` where the policy needs what the sampler does not have."""
    if fork is None:
        return
    try:
        fork.check(sampler)
    except ConfigError as error:
        raise UsageError(f"These forks do not go with the sampler: {error}.") from None
