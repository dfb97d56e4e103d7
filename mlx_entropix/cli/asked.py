"""The prompts that the options ask for, read and checked before any model is loaded."""

import sys
from argparse import Namespace
from dataclasses import replace

from mlx_entropix.errors import UsageError
from mlx_entropix.prompts import PREDEFINED, SYSTEM_PROMPT, Prompt, create_prompts_from_csv


def asked_prompts(options: Namespace) -> list[Prompt]:
    """The prompts of --input, --prompts or --prompt_csv; none where a chat is meant.

    Raises `UsageError`, or `CsvError` for the CSV file.
    """
    if options.system is not None:
        _check_text(options.system, "The text of --system")
    if options.prompts:
        return [_with_system(prompt, options.system) for prompt in PREDEFINED]
    if options.prompt_csv is not None:
        prompts = create_prompts_from_csv(options.prompt_csv)
        return [_with_system(prompt, options.system) for prompt in prompts]
    if options.input is None:
        return []
    text = _standard_input() if options.input == "-" else options.input
    _check_text(text, "The prompt")
    if not text.strip():
        raise UsageError("The prompt is empty. Give it at least one word.")
    return [Prompt("input", text, system_prompt(options))]


def system_prompt(options: Namespace) -> str | None:
    """The system prompt of --input and of a chat."""
    return SYSTEM_PROMPT if options.system is None else options.system or None


def _with_system(prompt: Prompt, system: str | None) -> Prompt:
    return prompt if system is None else replace(prompt, system=system or None)


def _standard_input() -> str:
    if sys.stdin.isatty():
        print("Type the prompt, then Ctrl-D on a line of its own.", file=sys.stderr)
    content = sys.stdin.buffer.read()
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(
            f"Standard input is not UTF-8 (byte {error.start + 1:,} is no part of a character). "
            "Convert it first, for example with `iconv -f LATIN1 -t UTF-8`."
        ) from None
    return text.removesuffix("\n").removesuffix("\r")  # the end of the last line, not of the prompt


def _check_text(text: str, what: str) -> None:
    """Arguments that are not UTF-8 reach Python as lone surrogates."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise UsageError(f"{what} is not valid UTF-8. Type it in a UTF-8 terminal.") from None
