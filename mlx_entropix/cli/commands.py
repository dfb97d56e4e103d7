"""What a line that begins with a slash does in a chat."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from mlx_entropix.cli.conversation import Conversation
from mlx_entropix.cli.sampler import NAMES, named_config
from mlx_entropix.cli.session import Session
from mlx_entropix.errors import UsageError

_KEYS = "Enter sends, Alt-Enter begins a new line, Ctrl-C stops an answer, Ctrl-D leaves."


@dataclass(frozen=True)
class Command:
    """A command: its argument, as help shows it, what it does, and the function that does it.

    The function returns what to say to the user, and raises `UsageError` for a bad argument.
    """

    argument: str
    help: str
    run: Callable[[Session, Conversation, str], str]


def run_command(line: str, session: Session, conversation: Conversation) -> str:
    """Carry out a line such as `/seed 7`. Returns what to say. Raises `UsageError`."""
    name, _, argument = line.strip().partition(" ")
    if name not in COMMANDS:
        raise UsageError(f"There is no command {name}. Type /help for those that there are.")
    return COMMANDS[name].run(session, conversation, argument.strip())


def _reset(_: Session, conversation: Conversation, __: str) -> str:
    conversation.turns.clear()
    return "The conversation begins anew."


def _sampler(session: Session, _: Conversation, name: str) -> str:
    if not name:
        return f"The sampler is {session.sampler}. There are {', '.join(NAMES)}."
    session.config, session.sampler = named_config(name, session.auto), name
    return f"The sampler is {name} now."


def _seed(session: Session, _: Conversation, text: str) -> str:
    if text:
        try:
            session.seed = int(text)
        except ValueError:
            raise UsageError(f"{text!r} is not a whole number. Type /seed 7, say.") from None
    return f"The seed is {session.seed}{' now' if text else ''}."


def _save(session: Session, conversation: Conversation, name: str) -> str:
    if not name:
        raise UsageError("There is no file name. Type /save chat.md or /save chat.json.")
    if not conversation.turns:
        raise UsageError("There is nothing to save yet. Ask something first.")
    path = Path(name).expanduser()
    conversation.save(path, session.origin())
    return f"Saved to {path}."


def _help(_: Session, __: Conversation, ___: str) -> str:
    usages = {name: f"{name} {command.argument}" for name, command in COMMANDS.items()}
    lines = [f"{usages[name]:<16} {command.help}" for name, command in COMMANDS.items()]
    return "\n".join([*lines, _KEYS])


def _quit(_: Session, __: Conversation, ___: str) -> str:
    raise EOFError


COMMANDS = {
    "/help": Command("", "show this", _help),
    "/reset": Command("", "forget the conversation", _reset),
    "/sampler": Command("NAME", f"answer with another sampler: {', '.join(NAMES)}", _sampler),
    "/seed": Command("N", "answer with another seed", _seed),
    "/save": Command("FILE", "save the conversation, as Markdown (.md) or JSON", _save),
    "/quit": Command("", "leave, as Ctrl-D does", _quit),
}
