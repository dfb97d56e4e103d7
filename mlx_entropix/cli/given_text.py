"""The texts that a command is given: prompts, and what is to be scored."""

import os
import stat
import sys
from argparse import Namespace
from dataclasses import replace
from pathlib import Path

from mlx_entropix.errors import UsageError
from mlx_entropix.installed import found_data
from mlx_entropix.prompts import (
    PREDEFINED,
    SYSTEM_PROMPT,
    THINKING_PROMPT,
    Prompt,
    create_prompts_from_csv,
    prompts_of_csv,
)


def asked_prompts(options: Namespace) -> list[Prompt]:
    """The prompts of --input, --prompts or --prompt_csv; none where a chat is meant.

    Raises `UsageError`, or `CsvError` for the CSV file.
    """
    if options.system is not None:
        check_text(options.system, "The text of --system")
    if options.prompts:
        return [_with_system(prompt, options) for prompt in PREDEFINED]
    if options.prompt_csv is not None:
        if options.prompt_csv == "-":
            text = standard_input("CSV file", "--prompt_csv PATH")
            prompts = prompts_of_csv("Standard input", text)
        else:
            prompts = create_prompts_from_csv(found_data(options.prompt_csv))
        if options.style == "roles":
            prompts = [replace(prompt, role=prompt.name) for prompt in prompts]
        return [_with_system(prompt, options) for prompt in prompts]
    if options.input is None:
        return []
    text = standard_input() if options.input == "-" else options.input
    check_text(text, "The prompt")
    if not text.strip():
        raise UsageError("The prompt is empty. Give it at least one word.")
    return [Prompt("input", text, system_of(options))]


def system_prompt(given: str | None, usual: str = SYSTEM_PROMPT) -> str | None:
    """The `usual` system prompt where none was `given`; None for an empty one."""
    return usual if given is None else given or None


def system_of(options: Namespace) -> str | None:
    """The system prompt of a chat, and of prompts that bring none."""
    usual = THINKING_PROMPT if options.style == "thinking" else SYSTEM_PROMPT
    return system_prompt(options.system, usual)


def _with_system(prompt: Prompt, options: Namespace) -> Prompt:
    own = prompt.system if options.system is None and options.style != "thinking" else None
    return replace(prompt, system=own or system_of(options))


def standard_input(
    what: str = "prompt", instead: str = "--input TEXT, or a list with --prompt_csv"
) -> str:
    """All of standard input, less the end of its last line. Raises `UsageError`."""
    if sys.stdin is None:
        raise UsageError(f"Standard input is closed. Give the text with {instead}.")
    if "MLX_RANK" in os.environ and stat.S_ISFIFO(os.fstat(sys.stdin.fileno()).st_mode):
        raise UsageError(
            "mlx.launch does not pass on the end of standard input, so it cannot be waited for. "
            f"Give the text with {instead}."
        )
    if sys.stdin.isatty():
        print(f"Type the {what}, then Ctrl-D on a line of its own.", file=sys.stderr)
    content = sys.stdin.buffer.read()
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(
            f"Standard input is not UTF-8 (byte {error.start + 1:,} is no part of a character). "
            "Convert it first, for example with `iconv -f LATIN1 -t UTF-8`."
        ) from None
    return text.removesuffix("\n").removesuffix("\r")  # the end of the last line, not of the prompt


def text_to_score(name: str) -> str:
    """The text of a file, or of standard input for `-`.

    Raises `UsageError` where there is none such, or it is empty or no text.
    """
    if name == "-":
        text = standard_input("text", "--score FILE")
    else:
        path = Path(name).expanduser()
        try:
            text = path.read_bytes().decode("utf-8-sig")
        except OSError as error:
            raise UsageError(
                f"{path} cannot be read ({error.strerror}). Name a text file, or - for standard "
                "input."
            ) from None
        except UnicodeDecodeError as error:
            raise UsageError(
                f"{path} is no UTF-8 text (byte {error.start + 1:,} is no part of a character). "
                "Name a text file; one in another encoding is converted with "
                "`iconv -f LATIN1 -t UTF-8`."
            ) from None
    if "\0" in text:
        raise UsageError("The text has bytes that are 0: it is a binary file. Name a text file.")
    if not text.strip():
        raise UsageError("The text is empty. Give it at least one word.")
    return text


def check_text(text: str, what: str) -> None:
    """Raise `UsageError` for an argument that was not UTF-8: it has lone surrogates."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise UsageError(f"{what} is not valid UTF-8. Type it in a UTF-8 terminal.") from None
