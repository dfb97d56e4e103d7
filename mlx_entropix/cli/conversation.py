"""A conversation: the messages so far, and the files it is saved to."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlx_entropix.errors import UsageError


@dataclass
class Conversation:
    """What was said. `system` is the system prompt, None for none."""

    system: str | None
    turns: list[dict[str, str]] = field(default_factory=list)

    def messages(self) -> list[dict[str, str]]:
        """All of it as chat messages."""
        system = [] if self.system is None else [{"role": "system", "content": self.system}]
        return [*system, *self.turns]

    def save(self, path: Path, origin: dict[str, Any]) -> None:
        """Write it to a file: Markdown if the name ends in .md, JSON otherwise.

        `origin` says what answered. Raises `UsageError` where the file exists already or cannot be
        written.
        """
        record = {**origin, "messages": self.messages()}
        is_markdown = path.suffix.lower() in (".md", ".markdown")
        content = (
            self._markdown() if is_markdown else json.dumps(record, indent=2, ensure_ascii=False)
        )
        try:
            with path.open("x", encoding="utf-8") as file:
                file.write(content.rstrip("\n") + "\n")
        except FileExistsError:
            raise UsageError(f"{path} exists already. Give another name.") from None
        except OSError as error:
            raise UsageError(
                f"{path} cannot be written ({error.strerror}). Give another name."
            ) from None

    def _markdown(self) -> str:
        return "\n\n".join(f"**{m['role']}**\n\n{m['content']}" for m in self.messages())
