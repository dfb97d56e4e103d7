"""Why MLX cannot be imported, in a sentence: on Linux its backend is a package of its own."""

from mlx_entropix.errors import BackendError
from mlx_entropix.installed import CHECKOUT

_INSTALL = (
    "pip install 'mlx-entropix[{}]'" if CHECKOUT is None else "uv sync --no-group cpu --extra {}"
)
_HOW = "docs/cuda.md says how to set up a GPU, and how to do without one."


def backend_error(error: ImportError) -> BackendError | None:
    """What a person is to be told where `error` says that MLX found no backend, or no GPU for it.

    None where something else could not be imported.
    """
    text = str(error)
    if "libcuda.so" in text:
        return BackendError(
            "MLX is installed for a GPU of NVIDIA's, and this machine has no driver of one "
            f"(libcuda.so.1). Install the driver, or MLX for the CPU. {_HOW}"
        )
    if "cuda" in text:  # `cudaMallocManaged(…) failed: no CUDA-capable device is detected`
        reason = text.rpartition("failed: ")[2]
        return BackendError(
            f"MLX is installed for a GPU of NVIDIA's and cannot use one here: {reason}. "
            f"`nvidia-smi` has to list one, with a driver of 580 or later. {_HOW}"
        )
    if "libmlx.so" in text:
        return BackendError(
            f"MLX has no backend here. Run `{_INSTALL.format('cpu')}`, or for a GPU of NVIDIA's "
            f"`{_INSTALL.format('cuda')}`. {_HOW}"
        )
    return None
