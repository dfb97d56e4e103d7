"""GGUF files that MLX itself cannot open, as it opens them for writing."""

import os
import shutil
import struct
import subprocess
import sys
import tempfile

import mlx.core as mx
import numpy as np
import pytest

from mlx_entropix.errors import WeightsError
from mlx_entropix.model.load import load_model
from mlx_entropix.weights import gguf_file
from mlx_entropix.weights.gguf_file import read_gguf, read_gguf_metadata
from mlx_entropix.weights.locate import bundled_model

METADATA = {
    "general.architecture": "llama",
    "general.numbers": mx.array([1, 2, 3], dtype=mx.uint32),
    "general.words": ["one", "two", "", "vier"],
    "general.size": mx.array(7, dtype=mx.uint32),
}

# As a user who owns nothing, where the tests themselves may do all.
AS_A_STRANGER = """
import os, sys
from pathlib import Path
from mlx_entropix.weights.gguf_file import read_gguf
path = Path(sys.argv[1])
if os.getuid() == 0:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
assert not os.access(path, os.W_OK)
tensors, metadata = read_gguf(path)
print(len(tensors), metadata["general.architecture"])
"""


@pytest.fixture
def small(tmp_path):
    """A file whose tensors do not fit in one piece, when a piece is small."""
    mx.random.seed(0)
    tensors = {f"blk.{i}.ffn_up.weight": mx.random.normal((3, 8 + i)) for i in range(5)}
    tensors["half.weight"] = mx.random.normal((5, 7)).astype(mx.float16)
    path = tmp_path / "small.gguf"
    mx.save_gguf(str(path), tensors, METADATA)
    return path


def as_if_read_only(monkeypatch):
    """Root may write to anything, so its files are read as if they were read-only."""
    monkeypatch.setattr(gguf_file, "_is_writable", lambda path: False)


def check_equal(found, expected):
    assert found[0].keys() == expected[0].keys()
    for name, tensor in expected[0].items():
        assert found[0][name].dtype == tensor.dtype
        np.testing.assert_array_equal(np.array(found[0][name]), np.array(tensor))
    assert found[1].keys() == expected[1].keys()


@pytest.mark.parametrize("size", [64, 200, 10**6])
def test_a_read_only_file_gives_what_mlx_reads_of_a_writable_one(small, monkeypatch, size):
    expected = mx.load(str(small), return_metadata=True)
    as_if_read_only(monkeypatch)
    monkeypatch.setattr(gguf_file, "_PIECE", size)
    found = read_gguf(small)
    check_equal(found, expected)
    assert found[1]["general.words"] == METADATA["general.words"]
    assert found[1]["general.numbers"].tolist() == [1, 2, 3]


def test_the_bundled_model_is_packed_the_same_way(monkeypatch):
    expected = mx.load(str(bundled_model()), return_metadata=True)
    as_if_read_only(monkeypatch)
    check_equal(read_gguf(bundled_model()), expected)


def test_where_there_are_no_files_in_memory_a_temporary_one_serves_and_nothing_stays(
    small, tmp_path, monkeypatch
):
    expected = mx.load(str(small), return_metadata=True)
    as_if_read_only(monkeypatch)
    monkeypatch.delattr(os, "memfd_create", raising=False)
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    check_equal(read_gguf(small), expected)
    assert not list((tmp_path / "temporary").iterdir())


def test_a_user_who_may_not_write_to_the_file_reads_it(small):
    with tempfile.TemporaryDirectory() as folder:  # pytest's own are closed to other users
        os.chmod(folder, 0o755)
        path = shutil.copy(small, folder)
        os.chmod(path, 0o444)
        command = [sys.executable, "-c", AS_A_STRANGER, path]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["6", "llama"], done.stderr


def test_the_file_is_not_changed(small, monkeypatch):
    before = small.read_bytes()
    as_if_read_only(monkeypatch)
    read_gguf(small)
    assert small.read_bytes() == before


def test_metadata_alone(small):
    assert read_gguf_metadata(small)["general.words"] == METADATA["general.words"]


def test_a_cut_read_only_file(small, monkeypatch):
    as_if_read_only(monkeypatch)
    whole = small.read_bytes()
    for size in (0, 23, 60, 300, len(whole) - 40, len(whole) - 1):
        small.write_bytes(whole[:size])
        with pytest.raises(WeightsError, match="Download it again"):
            load_model(small)


@pytest.mark.parametrize(
    "before", [b"GGUF\3\0\0\0", b"general.words\x09\0\0\0\x08\0\0\0", b"\0half"]
)
def test_counts_and_lengths_without_sense(small, monkeypatch, before):
    as_if_read_only(monkeypatch)
    data = bytearray(small.read_bytes())
    at = data.index(before) + (len(before) if before[0] else -7)
    data[at : at + 8] = struct.pack("<Q", 2**61 + 12345)
    small.write_bytes(data)
    with pytest.raises((ValueError, RuntimeError)):
        read_gguf(small)


def test_a_file_that_may_not_be_read(small, monkeypatch):
    as_if_read_only(monkeypatch)

    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied", str(small))

    monkeypatch.setattr("pathlib.Path.open", refuse)
    with pytest.raises(WeightsError, match=r"Permission denied.*Let this user read it"):
        load_model(small)
