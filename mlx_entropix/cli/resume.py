"""Whether a list that goes on, by --resume, is the one that was begun."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from mlx_entropix.cli.session import Session
from mlx_entropix.errors import UsageError
from mlx_entropix.prompts import Prompt


def check_resumed(
    session: Session, prompts: Sequence[Prompt], answered: Mapping[int, Mapping[str, Any]]
) -> None:
    """Hold the lines of the prompts that a trace has answers to against the prompts of now.

    Raises `UsageError` where another prompt, model, sampler or seed was answered: a trace is of one
    run.
    """
    origin = json.loads(json.dumps(session.limits() | session.origin()))
    for index, line in sorted(answered.items()):
        if index >= len(prompts):
            raise _other(f"prompt {index + 1}, and this list has {len(prompts)}")
        if line.get("text") != prompts[index].user:
            raise _other(f"another prompt {index + 1} ({line.get('name') or line.get('text')!r})")
        if line.get("token_ids") != list(session.prompt_ids(prompts[index])):
            raise _other(f"prompt {index + 1} with another system prompt or chat template")
        for name in sorted({*origin, *line} - _OWN):
            was, now = line.get(name), origin.get(name)
            if isinstance(was, dict) and was != now:
                raise _other(f"prompts under another {name}")
            if was != now:
                raise _other(f"prompts with {name} {was!r}, where this run has {now!r}")


# What a prompt's line has beside where its answer comes from.
_OWN = {"type", "index", "name", "text", "token_ids"}


def _other(what: str) -> UsageError:
    return UsageError(
        f"The trace has answers to {what}. Give the options of the run that wrote it, or another "
        "file with --trace."
    )
