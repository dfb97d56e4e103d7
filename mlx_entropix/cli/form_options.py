"""From the option for the form of an answer to what the engine takes."""

from argparse import Namespace
from pathlib import Path

from mlx_entropix.errors import UsageError
from mlx_entropix.text import Constraint, json_schema


def constraint_of(options: Namespace) -> Constraint | None:
    """The form of answers that `--json_schema` asks for: a schema in a file, or as it is.

    Raises `UsageError` for a file that cannot be read, `ConstraintError` for a schema that is none.
    """
    given: str | None = options.json_schema
    if given is None:
        return None
    if given.lstrip().startswith("{"):
        return json_schema(given)
    file = Path(given).expanduser()
    try:
        return json_schema(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise UsageError(
            f"The schema {file} cannot be read ({reason}). Give --json_schema a file with a JSON "
            "Schema, or the schema itself."
        ) from None
