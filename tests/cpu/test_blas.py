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


@loaded
def test_what_was_asked_for_is_not_chosen_anew(monkeypatch):
    monkeypatch.setattr(blas, "_threads_asked_for", lambda: 3)
    blas.set_threads(2)
    blas.choose_threads()
    assert blas.set_threads(2) == 2
    blas.set_threads(None)
    monkeypatch.setattr(blas, "_threads_asked_for", lambda: 1)
    blas.choose_threads()
    assert blas._loaded.openblas_get_num_threads() == 1


@pytest.fixture
def machine(monkeypatch):
    """Eight processors, two to a core; nobody else computes, and nothing limits."""
    files = {f"/sys/devices/system/cpu/cpu{n}/topology/thread_siblings_list": [] for n in range(8)}
    for n, path in enumerate(files):
        files[path] = [f"{n % 4},{n % 4 + 4}"]
    files["/proc/stat"] = [f"cpu{n} 0 0 0 0 0 0 0 0 0 0" for n in range(8)]
    monkeypatch.setattr(blas, "_lines", lambda path: files.get(str(path), []))
    monkeypatch.setattr(blas.os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    monkeypatch.setattr(blas.time, "monotonic", lambda: 10.0)
    monkeypatch.setattr(blas.time, "process_time", lambda: 10.0)
    monkeypatch.setattr(blas, "TICKS", 100)
    monkeypatch.setattr(blas, "_start", blas.Moment(0.0, dict.fromkeys(range(8), 0.0), 0.0))
    return files


def test_default_is_the_cores(machine):
    assert blas.default_threads() == 4


def test_default_is_what_the_process_may_run_on(machine, monkeypatch):
    monkeypatch.setattr(blas.os, "sched_getaffinity", lambda _: {0, 1, 4})
    assert blas.default_threads() == 2


def test_default_leaves_out_what_others_use(machine):
    # Ten seconds, ten of them computed by this process: the rest is others'.
    machine["/proc/stat"] = [f"cpu{n} 600 100 100 900 900 50 50 0 600 0" for n in range(8)]
    assert blas.busy_elsewhere(range(8)) == pytest.approx(8 * 0.9 - 1)
    assert blas.default_threads() == 2
    machine["/proc/stat"] = [f"cpu{n} 1000 0 0 0 0 0 0 0 0 0" for n in range(8)]
    assert blas.default_threads() == 1


@pytest.mark.parametrize(
    ("limits", "threads"),
    [
        ({"": "max 100000"}, 4),
        ({"": "250000 100000"}, 2),
        ({"": "50000 100000"}, 1),
        ({"outer": "100000 100000", "outer/inner": "300000 100000"}, 1),
    ],
)
def test_default_keeps_within_the_quota(machine, limits, threads):
    machine["/proc/self/cgroup"] = ["1:name=systemd:/", "0::/outer/inner"]
    for group, line in limits.items():
        machine[f"/sys/fs/cgroup/{group}".rstrip("/") + "/cpu.max"] = [line]
    assert blas.default_threads() == threads


def test_default_where_nothing_says_anything(machine):
    machine.clear()
    assert blas.default_threads() == 8


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
