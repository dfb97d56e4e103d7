"""The face of `mlx_main.py`: one prompt, a list of prompts, or a chat.

Everything that can be found wrong without the model is found before it is loaded. What is heavy to
import is imported behind the spinner.
"""

import sys
import traceback
from argparse import Namespace

from mlx_entropix.cli.options import DEFAULT_ROWS, is_list, parse

_LLAMA_NOTICE = "Bundled model {}. For Llama: uv run mlx_download_weights.py"


def main(argv: list[str] | None = None) -> int:
    """Run the command and return its exit code: 0 done, 1 failed, 2 bad input, 130 interrupted."""
    options = parse(argv)
    try:
        return _run(options)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # the reader of our output has gone, as `head` does
        return 1
    except Exception as error:
        if options.debug:
            traceback.print_exc()
        return _report(error, options)


def _run(options: Namespace) -> int:
    if options.print_config:
        from mlx_entropix.cli.sampler import config_text

        print(config_text(options), end="")
        return 0
    from mlx_entropix.cli.asked import asked_prompts
    from mlx_entropix.cli.console import make_screen
    from mlx_entropix.cli.progress import spinner
    from mlx_entropix.cli.sampler import config_of, find_auto
    from mlx_entropix.cli.trace import TraceFile
    from mlx_entropix.sampling.auto import AUTO
    from mlx_entropix.weights.locate import locate_weights

    _check_terminal(options)
    screen = make_screen(no_color=options.no_color, quiet=options.quiet, is_json=options.json)
    prompts = asked_prompts(options)
    auto = find_auto(options.weights_dir)
    sampler, config = config_of(options, auto)
    trace = TraceFile(options.trace) if options.trace else None
    location = locate_weights(options.weights_dir)
    if location.is_fallback:
        screen.notice(_LLAMA_NOTICE.format(location.name))
    with spinner(screen.notices, f"Loading {location.name}", shown=not options.quiet):
        from mlx_entropix.cli.answer import answer_one
        from mlx_entropix.cli.answers import answer_list
        from mlx_entropix.cli.session import Session

        session = Session.open(options, screen, location, trace, auto, sampler, config)
    if sampler == AUTO and auto.notice:
        screen.notice(auto.notice)
    if is_list(options):
        return answer_list(session, prompts, options.rows or DEFAULT_ROWS)
    if prompts:
        return answer_one(session, prompts[0])
    from mlx_entropix.cli.asked import system_prompt
    from mlx_entropix.cli.chat import chat

    return chat(session, system_prompt(options))


def _check_terminal(options: Namespace) -> None:
    """Without a prompt there is a chat, and a chat needs a terminal."""
    from mlx_entropix.errors import UsageError

    asks = options.input is not None or is_list(options)
    if not asks and not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError(
            "There is no prompt, and no terminal to chat in. Give one with --input TEXT, where - "
            "reads standard input, or with --prompts or --prompt_csv."
        )


def _report(error: Exception, options: Namespace) -> int:
    """Say what went wrong and return the exit code."""
    from mlx_entropix.cli.errors import print_error

    code = _exit_code(error)
    message = str(error)
    if code is None:
        code = 1
        message = (
            f"this failed in an unforeseen way ({type(error).__name__}: {error}). "
            "Run the same command with --debug to see where."
        )
    print_error(message, no_color=options.no_color)
    return code


def _exit_code(error: Exception) -> int | None:
    """2 for bad input, 1 for what went wrong on the way, None for what nobody foresaw."""
    from mlx_entropix.errors import CsvError, TraceError, UsageError, WeightsError

    if isinstance(error, WeightsError):
        return error.exit_code
    if isinstance(error, UsageError | CsvError):
        return 2
    if isinstance(error, TraceError):
        return 1

    # From here on they are loaded already, so that an early error does not wait for them.
    from mlx_entropix.errors import GenerationError, PromptError, TokenizerError

    if isinstance(error, PromptError | TokenizerError):
        return 2
    return 1 if isinstance(error, GenerationError) else None
