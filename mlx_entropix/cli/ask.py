"""The command `ask`, also `mlx_main.py`: one prompt, a list of prompts, or a chat.

Everything that can be found wrong without the model is found before it is loaded. What is heavy to
import is imported behind the spinner.
"""

import sys
from argparse import Namespace
from typing import TYPE_CHECKING

from mlx_entropix.choices import ROWS_AT_ONCE
from mlx_entropix.cli.ask_options import is_list, parse
from mlx_entropix.cli.command import check_adapter
from mlx_entropix.cli.given_text import asked_prompts, system_of, text_to_score
from mlx_entropix.cli.on_ranks import first_rank_alone, on_ranks
from mlx_entropix.cli.streams import in_terminal
from mlx_entropix.errors import UsageError
from mlx_entropix.installed import called

if TYPE_CHECKING:
    from mlx_entropix.ranks.join import Ranks

_LLAMA_NOTICE = f"Bundled model {{}}. For Llama: {called('download')}"
_HUB_NOTICE = "No weights here: {} from the hub answers, fetched once. Others: --model"


def main(argv: list[str] | None = None) -> int:
    """Run the command and return its exit code: 0 done, 1 failed, 2 bad input, 130 interrupted."""
    with first_rank_alone():
        options = parse(argv)
    return on_ranks(lambda ranks: _run(options, ranks), options)


def _run(options: Namespace, ranks: "Ranks | None") -> int:
    if options.print_config:
        from mlx_entropix.cli.sampler_options import config_text

        print(config_text(options), end="")
        return 0
    from mlx_entropix.choices import AUTO
    from mlx_entropix.cli.download import hub_bar
    from mlx_entropix.cli.fork_options import Forks, check_together
    from mlx_entropix.cli.form_options import constraint_of
    from mlx_entropix.cli.sampler_options import config_of, find_auto
    from mlx_entropix.cli.screen import make_screen, spinner
    from mlx_entropix.cli.trace_file import TraceFile, finished_prompts
    from mlx_entropix.weights.locate import locate_weights, name_weights

    _check_terminal(options)
    screen = make_screen(no_color=options.no_color, quiet=options.quiet, is_json=options.json)
    given = text_to_score(options.score) if options.score is not None else None
    prompts = asked_prompts(options)
    check_adapter(options)
    auto = find_auto(options.weights_dir)
    sampler, config = config_of(options, auto)
    forks = Forks.of(options)
    check_together(forks.config, config)
    constraint = constraint_of(options)
    answered = finished_prompts(options.resume) if options.resume else {}
    trace_path = options.resume or options.trace
    trace = TraceFile(trace_path, resumed=bool(options.resume)) if trace_path else None
    draft = locate_weights(options.draft_model) if options.draft_model else None
    name, here = name_weights(options.weights_dir)
    if options.weights_dir is None and here is None:
        screen.notice(_HUB_NOTICE.format(name))
    location = locate_weights(options.weights_dir, None if options.quiet else hub_bar())
    if location.is_fallback:
        screen.notice(_LLAMA_NOTICE.format(location.name))
    with spinner(screen.notices, f"Loading {location.name}", shown=not options.quiet):
        from mlx_entropix.cli.answer import answer_one
        from mlx_entropix.cli.answer_list import answer_list
        from mlx_entropix.cli.session import Session

        session = Session.open(
            options,
            screen,
            location,
            trace,
            auto,
            sampler,
            config,
            forks,
            ranks,
            draft,
            constraint,
        )
    if sampler == AUTO and auto.notice:
        screen.notice(auto.notice)
    if given is not None:
        from mlx_entropix.cli.score_text import score

        return score(session, given)
    if is_list(options):
        return answer_list(session, prompts, options.rows or ROWS_AT_ONCE, answered)
    if prompts:
        return answer_one(session, prompts[0])
    from mlx_entropix.cli.chat import chat

    return chat(session, system_of(options))


def _check_terminal(options: Namespace) -> None:
    """Without a prompt there is a chat, and a chat needs a terminal."""
    asks = options.input is not None or options.score is not None or is_list(options)
    if not asks and not (in_terminal(sys.stdin) and in_terminal(sys.stdout)):
        raise UsageError(
            "There is no prompt, and no terminal to chat in. Give one with --input TEXT, where - "
            "reads standard input, or with --prompts or --prompt_csv."
        )
