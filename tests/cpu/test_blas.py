"""The number of threads that compute a product."""

import subprocess
import sys

import pytest

from mlx_entropix.cpu import blas

loaded = pytest.mark.skipif(blas.set_threads(None) is None, reason="no OpenBLAS is loaded here")


@pytest.fixture(autouse=True)
def _restore():
    yield
    blas.set_threads(None)


@loaded
def test_a_count_is_taken():
    assert blas.set_threads(1) == 1
    assert blas.set_threads(2) == 2


@loaded
def test_none_is_the_default(monkeypatch):
    for variable in blas.THREADS_VARIABLES:
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr(blas, "default_threads", lambda: 3)
    blas.set_threads(1)
    assert blas.set_threads(None) == 3


@loaded
@pytest.mark.parametrize("variable", blas.THREADS_VARIABLES)
def test_none_is_what_the_environment_says(monkeypatch, variable):
    for other in blas.THREADS_VARIABLES:
        monkeypatch.delenv(other, raising=False)
    monkeypatch.setenv(variable, "3")
    assert blas.set_threads(None) == 3
    assert blas.set_threads(2) == 2  # said later, and in so many words


@pytest.mark.parametrize("count", [0, -1])
def test_less_than_one_is_refused(count):
    with pytest.raises(ValueError, match="less than 1"):
        blas.set_threads(count)


def test_without_openblas_there_is_nothing_to_set():
    code = "from mlx_entropix.cpu import blas; print(blas.set_threads(1), blas.set_threads(None))"
    environment = {"MLX_ENTROPIX_BLAS": "off"}
    run = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert run.stdout.split() == ["None", "None"]
