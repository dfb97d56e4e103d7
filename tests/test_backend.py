import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# What MLX 0.32.4 says at its import, with the wheel for CUDA or with none.
SAID = {
    "libcuda.so.1: cannot open shared object file: No such file or directory": "no driver of one",
    "cudaMallocManaged(&data, size) failed: no CUDA-capable device is detected": (
        "cannot use one here: no CUDA-capable device is detected."
    ),
    "libmlx.so: cannot open shared object file: No such file or directory": "has no backend here",
}


NO_DRIVER = next(iter(SAID))


def run_without_backend(folder, words, *arguments):
    """Run Python where the import of MLX fails with these words."""
    (folder / "mlx").mkdir()
    (folder / "mlx" / "__init__.py").touch()
    (folder / "mlx" / "core.py").write_text(f"raise ImportError({words!r})")
    paths = [str(folder), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    command = [sys.executable, *arguments]
    return subprocess.run(
        command, env=environment, cwd=ROOT, text=True, capture_output=True, timeout=100
    )


@pytest.mark.parametrize(
    ("command", "words"), [*(("ask", words) for words in SAID), ("calibrate", NO_DRIVER)]
)
def test_a_command_that_finds_no_backend_says_so_in_a_sentence(tmp_path, command, words):
    arguments = ["-m", "mlx_entropix.cli.main", command]
    arguments += ["--input", "Hi"] if command == "ask" else []
    done = run_without_backend(tmp_path, words, *arguments)
    said = " ".join(done.stderr.split())
    assert done.returncode == 1
    assert said.startswith("error: MLX ")
    assert SAID[words] in said
    assert "docs/cuda.md" in said


def test_python_gets_the_same_sentence_as_an_error(tmp_path):
    program = "import mlx_entropix\ntry:\n    mlx_entropix.load\n"
    program += "except mlx_entropix.errors.EntropixError as error:\n    print(error)"
    done = run_without_backend(tmp_path, NO_DRIVER, "-c", program)
    assert SAID[NO_DRIVER] in done.stdout
