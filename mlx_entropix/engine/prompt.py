"""Prompts as Python gives them: text, token ids or chat messages, with a system prompt."""

from __future__ import annotations  # so that `help` shows the names of types, and no more

import json
from collections.abc import Mapping, Sequence
from typing import Any, TypeGuard

from mlx_entropix.errors import PromptError, UsageError
from mlx_entropix.prompts import SYSTEM_PROMPT
from mlx_entropix.text import Tokenizer

Prompt = str | Sequence[int] | Sequence[Mapping[str, Any]]

_SYSTEM_ROLES = ("system", "developer")


def is_chat(prompt: Prompt) -> TypeGuard[Sequence[Mapping[str, Any]]]:
    """Whether a prompt is messages, and not text or token ids."""
    return not isinstance(prompt, str) and not all(isinstance(item, int) for item in prompt)


def is_many(prompt: Prompt | Sequence[Prompt]) -> TypeGuard[Sequence[Prompt]]:
    """Whether these are prompts, and not one: a list of texts, of lists of ids or of messages."""
    if isinstance(prompt, str):
        return False
    return any(isinstance(item, Sequence) for item in prompt)


def with_system(prompt: Prompt, system: str | None) -> Prompt:
    """The prompt with a system prompt: the default where `system` is None, none where it is empty.

    The default is for messages that bring none. With a `system` of its own, a prompt that is text
    is what the user says. Raises `UsageError` where there is no place for it.
    """
    if not is_chat(prompt):
        if not system:
            return prompt
        if not isinstance(prompt, str):
            raise UsageError(
                "Token ids are the whole prompt, so there is no place for a system prompt. Give "
                "messages, or leave out `system`."
            )
        prompt = [{"role": "user", "content": prompt}]
    has_one = any(isinstance(m, Mapping) and m.get("role") in _SYSTEM_ROLES for m in prompt)
    if has_one and system:
        raise UsageError("The messages have a system prompt. Leave it out there, or `system`.")
    text = SYSTEM_PROMPT if system is None else system
    if has_one or not text:
        return prompt
    return [{"role": "system", "content": text}, *prompt]


def encode_prompt(
    tokenizer: Tokenizer,
    prompt: Prompt,
    *,
    chat_template_kwargs: Mapping[str, Any] | None = None,
) -> tuple[int, ...]:
    """A prompt as token ids: text as it is, ids as they are, messages by the chat template.

    `chat_template_kwargs` are more variables of the template. Raises `PromptError` where messages
    cannot be rendered.
    """
    if isinstance(prompt, str):
        return tuple(tokenizer.encode(prompt))
    if not is_chat(prompt):
        return tuple(prompt)  # type: ignore[arg-type]
    if is_many(prompt):
        raise PromptError("This is a list of prompts, where one is wanted. `generate` takes lists.")
    return tuple(tokenizer.chat(list(prompt), chat_template_kwargs=chat_template_kwargs))


def asked_text(tokenizer: Tokenizer, prompt: Prompt) -> str:
    """What was asked, as a person would say it: of a chat its last message."""
    if isinstance(prompt, str):
        return prompt
    if is_chat(prompt):
        said = prompt[-1]["content"]
        return said if isinstance(said, str) else json.dumps(said, ensure_ascii=False)
    return tokenizer.decode(prompt)  # type: ignore[arg-type]
