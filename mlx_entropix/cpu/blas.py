"""What MLX needs of a Linux machine without a GPU: a real BLAS, and a compiler or none.

The Linux CPU wheel of MLX links the reference BLAS, which multiplies matrices dozens of times
slower than OpenBLAS. Symbols of a library that is loaded with RTLD_GLOBAL before MLX take
precedence over the ones MLX links, so loading an OpenBLAS first is enough; MLX needs no change.

The OpenBLAS wheels want a `libgfortran.so.5` from the system, which a bare machine lacks. MLX's own
wheel carries that library under another file name. For the moment of loading, both are linked into
one temporary folder, where OpenBLAS's search path (`$ORIGIN`) finds it: nothing stays on the disk.

OpenBLAS computes a product with as many threads as there are processors, and they wait for the next
one spinning. `set_threads` says how many there are to be.

On a CPU `mx.compile` runs the system's g++. Where there is none, it is switched off.
"""

import ctypes
import os
import platform
import shutil
import sys
import tempfile
from importlib import metadata
from pathlib import Path

# Each of them says how many threads OpenBLAS uses, and the first that is set counts.
THREADS_VARIABLES = ("OPENBLAS_NUM_THREADS", "GOTO_NUM_THREADS", "OMP_NUM_THREADS")

_loaded: ctypes.CDLL | None = None  # the library that computes MLX's products, if it is ours


def prepare_cpu() -> None:
    """Make MLX fast, or at least able to run, on a Linux CPU. To be called before it is imported.

    Does nothing elsewhere.
    """
    if sys.platform != "linux" or not _distribution_files("mlx-cpu", "libblas"):
        return
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
    try:
        set_number = _loaded.openblas_set_num_threads  # type: ignore[union-attr]
        get_number = _loaded.openblas_get_num_threads  # type: ignore[union-attr]
    except AttributeError:
        return None
    set_number(ctypes.c_int(count or _threads_asked_for() or default_threads()))
    return int(get_number())


def default_threads() -> int:
    """How many threads are sensible on this machine: as many as this process has processors."""
    return len(os.sched_getaffinity(0))


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
