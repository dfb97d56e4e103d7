"""Structured logs: one JSON object a line on stderr, with the id of the request it belongs to."""

import json
import logging
import logging.config
from contextvars import ContextVar
from datetime import UTC, datetime

request_id: ContextVar[str | None] = ContextVar("request_id", default=None)
"""The id of the request that the running task answers."""

access = logging.getLogger("mlx_entropix.access")


class JsonFormatter(logging.Formatter):
    """Writes a record with the fields of its `fields` attribute, if it has one."""

    def format(self, record: logging.LogRecord) -> str:
        """One line of JSON."""
        entry = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            "request_id": request_id.get(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            entry["traceback"] = self.formatException(record.exc_info)
        return json.dumps({key: value for key, value in entry.items() if value is not None})


def configure_logs(level: str) -> None:
    """Send the logs of this package and of what serves it to stderr from `level` on.

    `level` is a name such as `info`.
    """
    log = {"handlers": ["stderr"], "level": level.upper(), "propagate": False}
    # uvicorn's own notices of its start and its end say less than ours; so do others'.
    wanted = logging.getLevelNamesMapping()[level.upper()]
    quiet = log | {"level": max(wanted, logging.WARNING)}
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {"json": {"()": JsonFormatter}},
            "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
            "loggers": {
                "mlx_entropix": log,
                **dict.fromkeys(("uvicorn", "fastapi", "opentelemetry"), quiet),
            },
        }
    )
