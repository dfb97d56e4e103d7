"""What `mlx.launch` says to each process that it starts, by environment variables.

They are those that `mx.distributed.init` reads: `MLX_RANK`, and `MLX_HOSTFILE` for the backend
ring, `MLX_IBV_DEVICES` and `MLX_JACCL_COORDINATOR` for jaccl, `MLX_WORLD_SIZE`, `NCCL_HOST_IP` and
`NCCL_PORT` for nccl. Whoever starts the processes by hand sets the same.
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from mlx_entropix.errors import RankError

TENSOR, PIPELINE, DATA = "tensor", "pipeline", "data"
"""What ranks share: each layer, the layers, or the rows of a list."""

PORT_VARIABLE = "MLX_ENTROPIX_PORT"


class Launch(NamedTuple):
    """This process among `size`. The others reach rank 0 at `host` and `port`.

    The port is the one below the first that the backend uses, or what `MLX_ENTROPIX_PORT` says.
    `here` ranks are known to share this one's machine, itself among them.
    """

    rank: int
    size: int
    backend: str
    host: str
    port: int
    here: int


def launched(environment: Mapping[str, str] = os.environ) -> Launch | None:
    """How this process was launched; None where it is the only one.

    Raises `RankError` where the variables contradict each other or cannot be read.
    """
    if "MLX_RANK" not in environment:
        return None
    try:
        found = _found(environment)
        if found is None or len(found[1]) < 2:
            return None
        backend, addresses = found
        size, rank = len(addresses), int(environment["MLX_RANK"])
        host, _, port = addresses[0].rpartition(":")
        own = int(environment.get(PORT_VARIABLE) or int(port) - 1)
    except (OSError, ValueError, KeyError, IndexError, TypeError) as error:
        raise RankError(
            f"The variables that say which rank this is cannot be read ({error}). "
            "Start all ranks with mlx.launch, or see docs/distributed.md."
        ) from None
    if not 0 <= rank < size:
        raise RankError(
            f"MLX_RANK is {rank}, and there are {size} ranks. Number them from 0 to {size - 1}."
        )
    mine = addresses[rank].rpartition(":")[0]
    here = [address.rpartition(":")[0] for address in addresses].count(mine) if mine else 1
    return Launch(rank, size, backend, host, own, here)


def _found(environment: Mapping[str, str]) -> tuple[str, list[str]] | None:
    """The backend, and an address of each rank, of others than rank 0 where it is known."""
    if file := environment.get("MLX_HOSTFILE"):
        text = Path(file).read_text(encoding="utf-8").strip()
        hosts = json.loads(text) if text else []
        return ("ring", [addresses[0] for addresses in hosts]) if hosts else None
    if file := environment.get("MLX_IBV_DEVICES"):
        devices = json.loads(Path(file).read_text(encoding="utf-8"))
        return "jaccl", [environment["MLX_JACCL_COORDINATOR"], *[""] * (len(devices) - 1)]
    if "MLX_WORLD_SIZE" in environment:
        address = f"{environment['NCCL_HOST_IP']}:{environment['NCCL_PORT']}"
        return "nccl", [address, *[""] * (int(environment["MLX_WORLD_SIZE"]) - 1)]
    return None
