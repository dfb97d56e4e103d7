"""How much memory there is for this process: on its device, its machine, and in its container.

On a Mac it is what Metal recommends as the most that is in use at once, on a GPU of NVIDIA's what
is free there. On a CPU it is the machine's, or the limit of the control group (cgroup) that a
container or a service runs in, in either version of them.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import mlx.core as mx

# A control group's limit, what is in use, and which of that can be dropped at once: pages of files.
_V1 = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
_V2 = ("memory.max", "memory.current", "inactive_file")
_ROOT = Path("/")


def total_memory(root: Path = _ROOT) -> int:
    """Bytes that programs of this machine may use, or those of this process's control group."""
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return min([machine, *(limit for limit, _ in _control_groups(root))])


def free_memory(root: Path = _ROOT) -> int:
    """Bytes that this process may still take for arrays, on the device that it computes with."""
    device = mx.device_info()
    kept = mx.get_cache_memory()  # freed arrays, which MLX uses again
    if most := device.get("max_recommended_working_set_size"):  # Metal
        return max(int(most) - mx.get_active_memory(), 0)
    if (free := device.get("free_memory")) is not None:  # CUDA
        return int(free) + kept
    groups = [limit - used for limit, used in _control_groups(root)]
    return max(min([_available(root), *groups]), 0) + kept


def _available(root: Path) -> int:
    """What the system can give to programs without swapping; all, where it does not say."""
    for name, size in _numbers(root / "proc/meminfo"):
        if name == "MemAvailable:":
            return size * 1024
    return total_memory(root) - mx.get_active_memory()


def _control_groups(root: Path) -> Iterator[tuple[int, int]]:
    """Limit and use in bytes of every control group around this process that has a limit."""
    try:
        lines = (root / "proc/self/cgroup").read_text().splitlines()
    except OSError:  # no Linux
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers == "memory":
            tree, names = root / "sys/fs/cgroup/memory", _V1
        elif not controllers:
            tree, names = root / "sys/fs/cgroup", _V2
        else:
            continue
        # In a container the path may be that of the machine: what is not there is passed over.
        inner = tree / path.strip("/")
        for group in (inner, *inner.parents):
            if not group.is_relative_to(tree):
                break
            if (found := _limit_and_use(group, *names)) is not None:
                yield found


def _limit_and_use(group: Path, limit: str, used: str, droppable: str) -> tuple[int, int] | None:
    try:
        most, held = int((group / limit).read_text()), int((group / used).read_text())
    except (OSError, ValueError):  # none here, or `max`
        return None
    return most, held - dict(_numbers(group / "memory.stat")).get(droppable, 0)


def _numbers(path: Path) -> list[tuple[str, int]]:
    """The lines of a file as names with the number behind them."""
    try:
        lines = [line.split() for line in path.read_text().splitlines()]
    except OSError:
        return []
    return [(line[0], int(line[1])) for line in lines if len(line) > 1 and line[1].isdecimal()]
