"""What MLX needs of a Linux machine without a GPU: a real BLAS, and a compiler or none.

The Linux CPU wheel of MLX links the reference BLAS, which multiplies matrices dozens of times
slower than OpenBLAS. Symbols of a library that is loaded with RTLD_GLOBAL before MLX take
precedence over the ones MLX links, so loading an OpenBLAS first is enough; MLX needs no change.

The OpenBLAS wheels want a `libgfortran.so.5` from the system, which a bare machine lacks. MLX's own
wheel carries that library under another file name. For the moment of loading, both are linked into
one temporary folder, where OpenBLAS's search path (`$ORIGIN`) finds it: nothing stays on the disk.

OpenBLAS would compute a product with as many threads as there are processors. They wait for one
another and for the next product spinning, which is the fastest way on a machine of one's own, and
costs nearly everything on one where others compute as well. So `default_threads` leaves out the
cores that are busy when a model is loaded, and `set_threads` says it in so many words.

On a CPU `mx.compile` runs the system's g++. Where there is none, it is switched off.
"""

import ctypes
import math
import os
import platform
import shutil
import sys
import tempfile
import time
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

# Each of them says how many threads OpenBLAS uses, and the first that is set counts.
THREADS_VARIABLES = ("OPENBLAS_NUM_THREADS", "GOTO_NUM_THREADS", "OMP_NUM_THREADS")

SHORTEST = 0.1  # seconds; within less, /proc/stat is too coarse to tell who was busy
TICKS = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100


class Moment(NamedTuple):
    """What had been computed at a time, in seconds of processors: by all, and by this process."""

    time: float
    busy: dict[int, float]
    own: float


_loaded: ctypes.CDLL | None = None  # the library that computes MLX's products, if it is ours
_count: int | None = None  # how many threads were asked for in so many words
_start: Moment | None = None


def prepare_cpu() -> None:
    """Make MLX fast, or at least able to run, on a Linux CPU. To be called before it is imported.

    Does nothing elsewhere.
    """
    global _start
    if sys.platform != "linux" or not _distribution_files("mlx-cpu", "libblas"):
        return
    _start = Moment(time.monotonic(), _busy(), time.process_time())
    load_openblas()
    if shutil.which("g++") is None:
        os.environ.setdefault("MLX_DISABLE_COMPILE", "1")


def load_openblas() -> str | None:
    """Load OpenBLAS into the process, ahead of `mlx.core`.

    Returns the path of the library, or None where none can be loaded: MLX then works all the same,
    slowly. The environment variable `MLX_ENTROPIX_BLAS` names another library, or is `off`.
    """
    global _loaded
    wanted = os.environ.get("MLX_ENTROPIX_BLAS", "")
    if wanted == "off":
        return None
    candidates = [Path(wanted)] if wanted else _installed_openblas()
    for library in candidates:
        try:
            _loaded = _load_global(library)
        except OSError:
            continue
        return str(library)
    return None


def set_threads(count: int | None) -> int | None:
    """Compute products on a CPU with `count` threads, from now on, in the whole process.

    With None: as many as `OPENBLAS_NUM_THREADS` (or another of `THREADS_VARIABLES`) says, and where
    none of them is set, `default_threads()`. OpenBLAS takes at least 1 and at most as many as it
    was built for.

    Returns how many there are now. Returns None, and does nothing, where no OpenBLAS was loaded:
    on a Mac, with a GPU, with `MLX_ENTROPIX_BLAS=off` or another library. Not to be called while
    another thread computes.
    """
    if count is not None and count < 1:
        raise ValueError(f"threads: {count} is less than 1")
    global _count
    _count = count
    try:
        set_number = _loaded.openblas_set_num_threads  # type: ignore[union-attr]
        get_number = _loaded.openblas_get_num_threads  # type: ignore[union-attr]
    except AttributeError:
        return None
    set_number(ctypes.c_int(count or _threads_asked_for() or default_threads()))
    return int(get_number())


def choose_threads(processes: int = 1) -> None:
    """`set_threads(None)`, unless a count was given before. To be called once a model is loaded.

    Where so many processes of one model share this machine, each takes its part of the threads.
    """
    if _count is None and (processes == 1 or _threads_asked_for()):
        set_threads(None)
    elif _count is None:
        set_threads(max(1, default_threads() // processes))


def default_threads() -> int:
    """How many threads are sensible on this machine.

    As many as this process may use cores, less those on which others have been busy since
    `prepare_cpu()`, at least one. A product waits for its slowest thread, and one that has to share
    its core makes all others wait, spinning.
    """
    processors = os.sched_getaffinity(0)
    free = round(len(processors) - busy_elsewhere(processors))
    return max(1, int(min(_cores(processors), free, _quota())))


def busy_elsewhere(processors: Iterable[int]) -> float:
    """How many of these processors other processes kept busy, on average since `prepare_cpu()`.

    Unlike the load average this counts none of what this process did, nor one that has ended.
    """
    if _start is None or (passed := time.monotonic() - _start.time) < SHORTEST:
        return 0.0
    busy = sum(now - then for now, then in _pairs(_busy(), _start.busy, processors))
    return max(0.0, (busy - (time.process_time() - _start.own)) / passed)


def _pairs(
    now: dict[int, float], then: dict[int, float], processors: Iterable[int]
) -> list[tuple[float, float]]:
    return [(now[n], then[n]) for n in processors if n in now and n in then]


def _busy() -> dict[int, float]:
    """How many seconds each processor has computed, for anyone; empty where nothing says."""
    seconds = {}
    for line in _lines("/proc/stat"):
        name, *fields = line.split()
        if name[:3] == "cpu" and name[3:].isdecimal():
            user, nice, system, _idle, _wait, *more = map(int, fields)
            # Of the others interrupts and stolen time count; guests are users already.
            seconds[int(name[3:])] = (user + nice + system + sum(more[:3])) / TICKS
    return seconds


def _cores(processors: Iterable[int]) -> int:
    """Cores, of which some machines show each as two processors that share its arithmetic."""
    siblings = "/sys/devices/system/cpu/cpu{}/topology/thread_siblings_list"
    return len({tuple(_lines(siblings.format(n))) or n for n in processors})


def _quota() -> float:
    """How many processors' time the control groups of this process allow, as a container's do."""
    folder = Path("/sys/fs/cgroup")
    own = [line.split("::", 1)[1] for line in _lines("/proc/self/cgroup") if line[:3] == "0::"]
    inner = folder / own[0].strip("/") if own else folder
    quotas = [math.inf]
    for group in (inner, *inner.parents):
        if group.is_relative_to(folder):
            for limit, period in (line.split() for line in _lines(group / "cpu.max")):
                if limit != "max":
                    quotas.append(int(limit) / int(period))
    return min(quotas)


def _lines(path: str | Path) -> list[str]:
    try:
        return Path(path).read_text().splitlines()
    except OSError:
        return []


def _threads_asked_for() -> int | None:
    for variable in THREADS_VARIABLES:
        value = os.environ.get(variable, "").strip()
        if value.isdecimal() and int(value) > 0:
            return int(value)
    return None


def _installed_openblas() -> list[Path]:
    packages = {"x86_64": "ngsolve-openblas", "aarch64": "cmeel-openblas"}
    package = packages.get(platform.machine())
    return _distribution_files(package, "libopenblas") if package else []


def _distribution_files(package: str, name: str) -> list[Path]:
    """Shared libraries of an installed package whose file name starts with `name`."""
    try:
        files = metadata.files(package) or []
    except metadata.PackageNotFoundError:
        return []
    found = (Path(f.locate()) for f in files if f.name.startswith(name) and ".so" in f.name)
    return [path for path in found if path.exists()]


def _load_global(library: Path) -> ctypes.CDLL:
    fortran = _distribution_files("mlx-cpu", "libgfortran")
    if not fortran:
        return ctypes.CDLL(str(library), mode=ctypes.RTLD_GLOBAL)
    ctypes.CDLL(str(fortran[0]))  # brings in what it needs itself, from its own folder
    with tempfile.TemporaryDirectory(prefix="mlx-entropix-blas-") as folder:
        (Path(folder) / "libgfortran.so.5").symlink_to(fortran[0])
        link = Path(folder) / library.name
        link.symlink_to(library)
        return ctypes.CDLL(str(link), mode=ctypes.RTLD_GLOBAL)
