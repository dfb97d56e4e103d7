"""The chat in a terminal: turns of a conversation, and commands between them."""

from prompt_toolkit import PromptSession

from mlx_entropix.cli.answer import stream_answer
from mlx_entropix.cli.commands import COMMANDS, run_command
from mlx_entropix.cli.conversation import Conversation
from mlx_entropix.cli.errors import print_error
from mlx_entropix.cli.keyboard import make_keyboard, without_echo
from mlx_entropix.cli.sampler import NAMES
from mlx_entropix.cli.session import Session
from mlx_entropix.cli.style import legend
from mlx_entropix.errors import GenerationError, PromptError, UsageError

# A turn goes on from the turns before instead of computing them again.
_PREFIX_CACHE_BYTES = 1 << 30


def chat(session: Session, system: str | None) -> int:
    """Talk until the user leaves, and return the exit code, which is 0.

    An answer that fails or does not fit gets its sentence, and the chat goes on as if the question
    had not been asked.
    """
    screen, conversation, turn = session.screen, Conversation(system), -1
    session.prefix_cache_bytes = _PREFIX_CACHE_BYTES
    commands = [*COMMANDS, *(f"/sampler {name}" for name in NAMES)]
    keyboard = make_keyboard(commands, no_color=screen.no_color)
    screen.notice(f"{session.model.name}, sampler {session.sampler}, seed {session.seed}.")
    screen.notice("Alt-Enter begins a new line. /help shows the commands.")
    screen.note(legend(screen.notes, quadrants=session.shows_quadrants))
    while (line := _typed(keyboard)) is not None:
        if not line.strip():
            continue
        try:
            if line.startswith("/"):
                screen.notice(run_command(line, session, conversation))
            else:
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
    """Ask, and keep question and answer, also where Ctrl-C cut the answer."""
    question = {"role": "user", "content": text}
    prompt_ids = tuple(session.tokenizer.chat([*conversation.messages(), question]))
    with without_echo():
        tally = stream_answer(session, turn, text, prompt_ids)
    session.screen.note("")
    if tally.events:
        conversation.turns += [question, {"role": "assistant", "content": tally.text}]
