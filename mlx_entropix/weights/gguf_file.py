"""The tensors and the metadata of a GGUF file, of one that we may not write to as well.

MLX opens a GGUF file for writing, though it only reads it, so it cannot open a file that is
read-only, that belongs to someone else, or that lies on a read-only file system. Such a file is
given to MLX in pieces, each a small GGUF file of its own that nobody else sees and that is gone
once it is read: in memory where the system has files without a name (Linux), else an unnamed file
in the folder for temporary ones. At most 128 MiB, or one tensor where that is larger, are held
twice at any time. To read a file that can be written to costs nothing beyond its tensors.

The format: docs/gguf.md of github.com/ggml-org/ggml.
"""

import contextlib
import math
import os
import struct
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, cast

import mlx.core as mx

_PIECE = 128 * 1024 * 1024  # bytes of tensors in a piece
_CHUNK = 4 * 1024 * 1024
_ALIGNMENT = 32

# The values of metadata by the number of their type, as `struct` has them.
_NUMBERS = {
    0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "B", 10: "Q", 11: "q", 12: "d"
}  # fmt: skip
_STRING, _ARRAY = 8, 9

# Types of tensors: those that MLX reads, and the commonest others.
_READABLE = {
    0: "F32",
    1: "F16",
    2: "Q4_0",
    3: "Q4_1",
    8: "Q8_0",
    10: "Q2_K",
    12: "Q4_K",
    14: "Q6_K",
    24: "I8",
    25: "I16",
    26: "I32",
    30: "BF16",
}
_UNREADABLE = {
    6: "Q5_0",
    7: "Q5_1",
    11: "Q3_K",
    13: "Q5_K",
    20: "IQ4_NL",
    23: "IQ4_XS",
    39: "MXFP4",
}

Contents = tuple[dict[str, mx.array], dict[str, Any]]


class _Tensor(NamedTuple):
    """A tensor's name, shape and type as the file spells them, and the bytes of its data."""

    description: bytes
    begin: int
    end: int


def read_gguf(path: Path) -> Contents:
    """The tensors and the metadata of a `.gguf` file, as `mx.load` gives them.

    Tensors of Q4_0, Q4_1 and Q8_0 are packed, with `.scales` and `.biases` beside the `.weight`.
    Raises `OSError` where the file cannot be read, `ValueError` or `RuntimeError` where it is not a
    whole GGUF file.
    """
    if _is_writable(path):
        return _load(path)
    with path.open("rb") as file:
        header, tensors = _outline(file)
        with _private_file() as piece:
            piece.write(header)
            loaded, metadata = _load(_name_of(piece))
        for group in _groups(tensors):
            with _private_file() as piece:
                _write_piece(piece, group, file)
                loaded |= _load(_name_of(piece))[0]
    return loaded, metadata


def read_gguf_metadata(path: Path) -> dict[str, Any]:
    """The metadata alone. Raises what `read_gguf` raises."""
    with path.open("rb") as file:
        header, _ = _outline(file)
    with _private_file() as piece:
        piece.write(header)
        return _load(_name_of(piece))[1]


def unreadable_types(path: Path) -> list[str]:
    """The types of a file's tensors that MLX cannot read; none where the file itself is damaged."""
    try:
        with path.open("rb") as file:
            _, tensors = _outline(file)
    except (OSError, ValueError):
        return []
    numbers = {struct.unpack("<I", tensor.description[-4:])[0] for tensor in tensors}
    return [_type_name(n) for n in sorted(numbers - _READABLE.keys())]


def architecture_name(path: Path) -> str:
    """What the file calls its architecture, such as `llama`; found without reading all of it.

    Raises `OSError` or `ValueError` where the file cannot be read, or does not say.
    """
    with path.open("rb") as file:
        *_, entry_count = struct.unpack("<4sIQQ", _exactly(file, 24))
        for _ in range(entry_count):
            key, kind = _string(file), _number(file, "I")
            if key == b"general.architecture" and kind == _STRING:
                return _string(file).decode()
            _value(file, kind)
    raise ValueError("it does not say of which architecture it is")


def tensor_sizes(path: Path) -> list[tuple[str, int]]:
    """The type of each tensor, such as `Q4_1`, and how many numbers it has.

    Raises `OSError` or `ValueError` where the file cannot be read.
    """
    with path.open("rb") as file:
        _, tensors = _outline(file)
    found = []
    for tensor in tensors:
        (length,) = struct.unpack_from("<Q", tensor.description)
        (rank,) = struct.unpack_from("<I", tensor.description, 8 + length)
        *shape, number = struct.unpack_from(f"<{rank}QI", tensor.description, 12 + length)
        found.append((_type_name(number), math.prod(shape)))
    return found


def _type_name(number: int) -> str:
    return (_READABLE | _UNREADABLE).get(number, f"type {number}")


def _is_writable(path: Path) -> bool:
    try:
        os.close(os.open(path, os.O_RDWR))
    except OSError:
        return False
    return True


def _load(path: Path) -> Contents:
    return cast(Contents, mx.load(str(path), format="gguf", return_metadata=True))


@contextlib.contextmanager
def _private_file() -> Iterator[BinaryIO]:
    """An empty file without a name, which is gone when it is closed, however the process ends."""
    try:
        descriptor = os.memfd_create("gguf")
    except (AttributeError, OSError):  # another system than Linux, or one that forbids it
        with tempfile.TemporaryFile(buffering=0) as file:
            yield cast(BinaryIO, file)
    else:
        with open(descriptor, "w+b", buffering=0) as file:
            yield cast(BinaryIO, file)


def _name_of(file: BinaryIO) -> Path:
    """A path by which an open file is opened once more."""
    folder = Path("/proc/self/fd")
    return (folder if folder.is_dir() else Path("/dev/fd")) / str(file.fileno())


def _outline(file: BinaryIO) -> tuple[bytes, list[_Tensor]]:
    """The beginning of the file, as one without tensors, and where its tensors are."""
    magic, version, tensor_count, entry_count = struct.unpack("<4sIQQ", _exactly(file, 24))
    if magic != b"GGUF" or version < 2:
        raise ValueError("it does not begin as one of version 2 or later")
    alignment = _ALIGNMENT
    for _ in range(entry_count):
        key = _string(file)
        value = _value(file, _number(file, "I"))
        if key == b"general.alignment":
            alignment = max(1, int(value or 0))
    end = file.tell()
    found = []
    for _ in range(tensor_count):
        start = file.tell()
        _string(file)
        _skip(file, 8 * _number(file, "I") + 4)  # the shape, the type
        stop = file.tell()
        file.seek(start)
        found.append((_exactly(file, stop - start), _number(file, "Q")))
    first = _aligned(file.tell(), alignment)
    size = os.fstat(file.fileno()).st_size
    starts = sorted(first + offset for _, offset in found)
    ends = dict(zip(starts, [*starts[1:], size], strict=True))
    if starts and starts[-1] >= size:
        raise ValueError("it ends before its last tensor")
    file.seek(24)
    header = struct.pack("<4sIQQ", magic, version, 0, entry_count) + _exactly(file, end - 24)
    # By their place: if the file is cut, so is the end of the last piece, and MLX sees that.
    places = sorted((first + offset, text) for text, offset in found)
    return header, [_Tensor(text, begin, ends[begin]) for begin, text in places]


def _groups(tensors: Sequence[_Tensor]) -> Iterator[list[_Tensor]]:
    """The tensors, those together that fit in a piece."""
    group: list[_Tensor] = []
    size = 0
    for tensor in tensors:
        length = tensor.end - tensor.begin
        if group and size + length > _PIECE:
            yield group
            group, size = [], 0
        group.append(tensor)
        size += length
    if group:
        yield group


def _write_piece(piece: BinaryIO, group: Sequence[_Tensor], source: BinaryIO) -> None:
    """Write a GGUF file of some tensors, which stand in `source`, without metadata."""
    head = struct.pack("<4sIQQ", b"GGUF", 3, len(group), 0)
    offset = 0
    for tensor in group:
        head += tensor.description + struct.pack("<Q", offset)
        offset += _aligned(tensor.end - tensor.begin)
    piece.write(head)
    begin = _aligned(len(head))
    for tensor in group:
        piece.seek(begin)
        source.seek(tensor.begin)
        left = tensor.end - tensor.begin
        while left:
            left -= piece.write(_exactly(source, min(left, _CHUNK)))
        begin += _aligned(tensor.end - tensor.begin)


def _aligned(size: int, alignment: int = _ALIGNMENT) -> int:
    return -(-size // alignment) * alignment


def _exactly(file: BinaryIO, count: int) -> bytes:
    # A length from a damaged file may be anything.
    is_there = count < _CHUNK or count <= os.fstat(file.fileno()).st_size - file.tell()
    found = file.read(count) if is_there else b""
    if len(found) < count:
        raise ValueError("it ends in the middle")
    return found


def _skip(file: BinaryIO, count: int) -> None:
    if count > os.fstat(file.fileno()).st_size:
        raise ValueError("it ends in the middle")
    file.seek(count, os.SEEK_CUR)


def _number(file: BinaryIO, kind: str) -> Any:
    return struct.unpack(f"<{kind}", _exactly(file, struct.calcsize(f"<{kind}")))[0]


def _string(file: BinaryIO) -> bytes:
    return _exactly(file, _number(file, "Q"))


def _value(file: BinaryIO, kind: int) -> Any:
    """Read a number; go past anything else."""
    if kind in _NUMBERS:
        return _number(file, _NUMBERS[kind])
    if kind == _STRING:
        _skip(file, _number(file, "Q"))
        return None
    if kind != _ARRAY:
        raise ValueError(f"its metadata have a value of the unknown kind {kind}")
    inner, count = _number(file, "I"), _number(file, "Q")
    if inner in _NUMBERS:
        _skip(file, count * struct.calcsize(f"<{_NUMBERS[inner]}"))
        return None
    for _ in range(count):
        _value(file, inner)
    return None
