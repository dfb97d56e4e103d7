"""Records as a data frame of a library that the user has."""

import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from mlx_entropix.errors import UsageError

LIBRARIES = ("pandas", "polars")


def frame(records: Sequence[dict[str, Any]], library: str | None) -> Any:
    """A data frame of records, with a column for each of their names; see `Shown.to_frame`."""
    if library is None:
        known = [name for name in LIBRARIES if sys.modules.get(name)]
        library = next(iter([*known, *filter(find_spec, LIBRARIES)]), "pandas")
    if library not in LIBRARIES:
        raise UsageError(f"to_frame makes frames of {' or '.join(LIBRARIES)}, not of {library!r}.")
    try:
        module = import_module(library)
    except ImportError:
        raise UsageError(
            f"to_frame needs {library}, which is not installed: pip install {library}."
        ) from None
    names = dict.fromkeys(name for record in records for name in record)
    return module.DataFrame({name: [record.get(name) for record in records] for name in names})
