"""The chat in a terminal: turns of a conversation, and commands between them."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from prompt_toolkit import PromptSession

from mlx_entropix.choices import FORKS, NAMES
from mlx_entropix.cli.answer import stop_between_steps, stream_answer
from mlx_entropix.cli.fork_options import check_together
from mlx_entropix.cli.jobs import without_echo
from mlx_entropix.cli.keyboard import make_keyboard
from mlx_entropix.cli.sampler_options import named_config
from mlx_entropix.cli.screen import print_error
from mlx_entropix.cli.session import Session
from mlx_entropix.cli.style import legend
from mlx_entropix.cli.words import one_line
from mlx_entropix.engine import thoughts
from mlx_entropix.errors import GenerationError, PromptError, UsageError
from mlx_entropix.text.messages import checked_messages

# A turn goes on from the turns before instead of computing them again.
_PREFIX_CACHE_BYTES = 1 << 30


@dataclass
class Conversation:
    """What was said. `system` is the system prompt, None for none.

    `is_asked_again` tells that the last question is to be answered once more.
    """

    system: str | None
    turns: list[dict[str, Any]] = field(default_factory=list)
    is_asked_again: bool = False

    def messages(self) -> list[dict[str, Any]]:
        """All of it as chat messages."""
        system = [] if self.system is None else [{"role": "system", "content": self.system}]
        return [*system, *self.turns]

    def save(self, path: Path, origin: dict[str, Any], *, replaces: bool = False) -> str:
        """Write it to a file: Markdown if the name ends in .md, JSON otherwise. Returns which.

        `origin` says what answered. Raises `UsageError` where the file cannot be written, or exists
        already and is not to be replaced.
        """
        record = {**origin, "messages": self.messages()}
        is_markdown = path.suffix.lower() in (".md", ".markdown")
        content = (
            self._markdown() if is_markdown else json.dumps(record, indent=2, ensure_ascii=False)
        )
        try:
            with path.open("w" if replaces else "x", encoding="utf-8") as file:
                file.write(content.rstrip("\n") + "\n")
            return "Markdown" if is_markdown else "JSON"
        except FileExistsError:
            raise UsageError(
                f"{path} exists already. Give another name, or replace it: /save! {path}"
            ) from None
        except OSError as error:
            raise UsageError(
                f"{path} cannot be written ({error.strerror}). Give another name."
            ) from None

    def load(self, path: Path) -> None:
        """Take the place of this conversation by one that was saved as JSON.

        Raises `UsageError` for a file that is none.
        """
        remedy = "Name a JSON file that /save wrote, such as chat.json."
        try:
            record = json.loads(path.read_text(encoding="utf-8-sig"))
            said = checked_messages(record["messages"])
        except OSError as error:
            raise UsageError(f"{path} cannot be read ({error.strerror}). {remedy}") from None
        except PromptError as error:
            raise UsageError(f"{path} holds no chat: {error} {remedy}") from None
        except (ValueError, KeyError, TypeError, RecursionError):
            raise UsageError(f"{path} holds no chat. {remedy}") from None
        begins = bool(said) and said[0]["role"] == "system"
        self.system = said[0]["content"] if begins else None
        self.turns[:] = said[begins:]

    def _markdown(self) -> str:
        return "\n\n".join(f"**{m['role']}**\n\n{m['content']}" for m in self.messages())


def chat(session: Session, system: str | None) -> int:
    """Talk until the user leaves, and return the exit code, which is 0.

    An answer that fails or does not fit gets its sentence, and the chat goes on as if the question
    had not been asked.
    """
    screen, conversation, turn = session.screen, Conversation(system), -1
    session.prefix_cache_bytes = _PREFIX_CACHE_BYTES
    commands = [*COMMANDS, *(f"/sampler {name}" for name in NAMES)]
    commands += [f"/fork {name}" for name in (*FORKS, _OFF)]
    keyboard = make_keyboard(commands, no_color=screen.no_color)
    forks = "" if session.fork is None else f", forks {session.fork.policy}"
    screen.notice(f"{session.model.name}, sampler {session.sampler}, seed {session.seed}{forks}.")
    if system is not None:
        screen.notice(f"System prompt: {one_line(system)}")
    screen.notice("Alt-Enter begins a new line. /help shows the commands.")
    screen.note(legend(screen.notes, quadrants=session.shows_quadrants))
    while (line := _typed(keyboard)) is not None:
        if not line.strip():
            continue
        try:
            if line.startswith("/"):
                screen.notice(run_command(line, session, conversation))
            if conversation.is_asked_again or not line.startswith("/"):
                turn += 1
                _take_turn(session, conversation, turn, line)
        except EOFError:
            break
        except PromptError as error:
            print_error(f"{error} Type /reset to begin anew.", no_color=screen.no_color)
        except (UsageError, GenerationError) as error:
            print_error(str(error), no_color=screen.no_color)
    return 0


def _typed(keyboard: PromptSession[str]) -> str | None:
    """The next line; empty where Ctrl-C threw it away, None at the end of input."""
    try:
        return keyboard.prompt()
    except KeyboardInterrupt:
        return ""
    except EOFError:
        return None


def _take_turn(session: Session, conversation: Conversation, turn: int, text: str) -> None:
    """Ask, and keep question and answer, also where Ctrl-C cut the answer.

    A question that is asked again is the last one, and its new answer takes the old one's place.
    """
    question, before = {"role": "user", "content": text}, len(conversation.turns)
    if conversation.is_asked_again:
        conversation.is_asked_again = False
        before = _last_question(conversation)
        question = conversation.turns[before]
        text = question["content"]
    earlier = Conversation(conversation.system, conversation.turns[:before])
    prompt_ids = session.chat_ids([*earlier.messages(), question])
    with without_echo(), stop_between_steps() as check:
        tally = stream_answer(session, turn, text, prompt_ids, check=check)
    session.screen.note("")
    if tally.events:
        answer = {"role": "assistant", "content": tally.text, **thoughts(tally.reasoning)}
        conversation.turns[before:] = [question, answer]


def _last_question(conversation: Conversation) -> int:
    """At which turn the user spoke last, -1 where there was none."""
    said = [i for i, turn in enumerate(conversation.turns) if turn["role"] == "user"]
    return said[-1] if said else -1


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
    config = named_config(name, session.auto)
    check_together(session.fork, config)
    session.config, session.sampler = config, name
    return f"The sampler is {name} now."


_OFF = "off"


def _fork(session: Session, _: Conversation, name: str) -> str:
    if not name:
        now = _OFF if session.fork is None else session.fork.policy
        return f"Forks are {now}. Choose {', '.join(FORKS)} or {_OFF}."
    if name == _OFF:
        session.fork = None
        return "Answers have one path now."
    if name not in FORKS:
        raise UsageError(f"There is no policy {name!r}. Choose one of {', '.join(FORKS)}, {_OFF}.")
    fork = session.forks.named(name)
    check_together(fork, session.config)
    session.fork = fork
    return f"Answers fork by {name} now, on {fork.paths} paths at most."


def _seed(session: Session, _: Conversation, text: str) -> str:
    if text:
        try:
            session.seed = int(text)
        except ValueError:
            raise UsageError(f"{text!r} is not a whole number. Type /seed 7, say.") from None
    return f"The seed is {session.seed}{' now' if text else ''}."


def _system(_: Session, conversation: Conversation, text: str) -> str:
    if text:
        conversation.system = None if text == '""' else text
    if conversation.system is None:
        return "There is no system prompt."
    return f"The system prompt is{' now' if text else ''}: {one_line(conversation.system)}"


def _save(session: Session, conversation: Conversation, name: str) -> str:
    return _saved(session, conversation, name, replaces=False)


def _replace(session: Session, conversation: Conversation, name: str) -> str:
    return _saved(session, conversation, name, replaces=True)


def _saved(session: Session, conversation: Conversation, name: str, *, replaces: bool) -> str:
    path = _path(name, "/save chat.md or /save chat.json")
    if not conversation.turns:
        raise UsageError("There is nothing to save yet. Ask something first.")
    form = conversation.save(path, session.origin(), replaces=replaces)
    return f"Saved to {path}, as {form}."


def _load(_: Session, conversation: Conversation, name: str) -> str:
    path = _path(name, "/load chat.json")
    conversation.load(path)
    count = len(conversation.messages())
    return f"The conversation is that of {path}, with {count} message{'s' * (count != 1)}."


def _path(name: str, example: str) -> Path:
    if not name:
        raise UsageError(f"There is no file name. Type {example}.")
    return Path(name).expanduser()


def _retry(session: Session, conversation: Conversation, text: str) -> str:
    if _last_question(conversation) < 0:
        raise UsageError("There is no question to ask again. Ask something first.")
    seed = session.seed + 1
    _seed(session, conversation, text or str(seed))
    conversation.is_asked_again = True
    return f"Again, with seed {session.seed}."


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
    "/fork": Command("POLICY", "choose among several paths; /fork alone lists policies", _fork),
    "/seed": Command("N", "answer with another seed", _seed),
    "/retry": Command("N", "answer the last question again, with seed N or the next one", _retry),
    "/system": Command(
        "TEXT", 'another system prompt, "" for none; /system alone shows it', _system
    ),
    "/save": Command("FILE", "save the conversation, as Markdown (.md) or JSON", _save),
    "/save!": Command("FILE", "the same, in place of a file that is there", _replace),
    "/load": Command("FILE", "go on with a conversation that was saved as JSON", _load),
    "/quit": Command("", "leave, as Ctrl-D does", _quit),
}
