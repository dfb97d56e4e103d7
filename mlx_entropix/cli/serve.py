"""The command `serve`, also `mlx_server.py`: checks the options, takes the port, runs the server.

The port is taken before anything heavy is imported, so that one that is in use is told at once.
"""

import argparse
import os
import socket
import sys
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from mlx_entropix.cli.command import (
    ArgumentParser,
    add_debug,
    add_model,
    add_sampler,
    add_speculation,
    check_adapter,
    check_model,
    check_sampler,
    check_speculation,
    loading,
    whole_number,
)
from mlx_entropix.cli.on_ranks import add_parallel, alone, first_rank_alone, on_ranks
from mlx_entropix.errors import ServeError, TokenizerError, WeightsError
from mlx_entropix.installed import built_page, called
from mlx_entropix.ranks.launch import PIPELINE, TENSOR

if TYPE_CHECKING:
    from mlx_entropix.ranks.join import Ranks
    from mlx_entropix.server.settings import Settings


def main(argv: list[str] | None = None) -> int:
    """Run the command and return its exit code: 0 ended by a signal, 1 failed, 2 bad usage."""
    with first_rank_alone():
        options = parse(argv)
    return on_ranks(lambda ranks: _run(options, ranks), options, what="the server")


def leave(code: int) -> NoReturn:
    """End the process at once.

    The engine's thread cannot be interrupted while it loads or computes, and threads of mlx abort a
    process whose interpreter is torn down around them. By now every stream has had its last event.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _run(options: Namespace, ranks: "Ranks | None") -> None:
    if options.print_config:
        from mlx_entropix.cli.sampler_options import config_text

        print(config_text(options), end="")
        return
    try:
        check_adapter(options)
        with _listen(options.host, options.port) as listener:
            settings = _settings(options, listener.getsockname()[1], ranks)
            from mlx_entropix.server.run import run_server

            run_server(settings, listener)
    except (WeightsError, TokenizerError) as error:  # no bad input to a server, but no server
        raise ServeError(str(error)) from error
    except KeyboardInterrupt:  # before the server itself takes care of it
        pass


def _listen(host: str, port: int) -> socket.socket:
    try:
        address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(address[0], address[1])
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address[4])
        listener.listen(128)  # a second server on this port now fails, not after its loading
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise ServeError(
            f"The server cannot listen on {host} port {port} ({reason}). "
            "Choose another with --port or --host."
        ) from None
    return listener


def _settings(options: Namespace, port: int, ranks: "Ranks | None") -> "Settings":
    from mlx_entropix.cli.sampler_options import config_of, find_auto
    from mlx_entropix.server.settings import Settings

    auto = find_auto(options.weights_dir)
    sampler, config = config_of(options, auto)
    return Settings(
        host=options.host,
        port=port,
        weights=options.weights_dir,
        loading=loading(options),
        auto=auto,
        sampler=sampler,
        config=config,
        max_rows=options.max_rows,
        max_queue=options.max_queue,
        max_kv_tokens=options.max_kv_tokens,
        max_connections=options.max_connections,
        receive_timeout=options.receive_timeout,
        prefix_cache_bytes=options.prefix_cache_mb * 1024 * 1024,
        api_key=options.api_key
        or options.api_key_file
        or os.environ.get(API_KEY_VARIABLE, "").strip()
        or None,
        cors_origins=tuple(options.cors_origin),
        allowed_hosts=tuple(options.allowed_host),
        ui_dir=options.ui_dir,
        log_level=options.log_level,
        log_prompts=options.log_prompts,
        served_names=tuple(options.served_model_name),
        shutdown_timeout=options.shutdown_timeout,
        ranks=ranks,
        speculate=options.speculate,
        draft_model=options.draft_model,
    )


API_KEY_VARIABLE = "MLX_ENTROPIX_API_KEY"

_SMALLEST_BUDGET = 64  # tokens; under it hardly a question and its answer fit

_EPILOG = """\
examples:
  {me}                                http://127.0.0.1:8000, for this machine alone
  {me} --sampler frog --max_rows 8
  {me} --host 0.0.0.0 --api_key KEY     for the network
  {me} --allowed_host host.docker.internal

Any OpenAI client works with the base URL http://127.0.0.1:8000/v1. Exit codes: 0 ended by Ctrl-C or
SIGTERM, 1 failed, 2 bad usage.
"""


def parse(argv: list[str] | None) -> Namespace:
    """The checked options. Exits with code 2 and a sentence where they make no sense."""
    parser = ArgumentParser(
        prog=called("serve"),
        description="Serve a model with the entropy sampler over an OpenAI-compatible API.",
        epilog=_EPILOG.format(me=called("serve")),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_address(parser)
    _add_model(parser)
    _add_limits(parser)
    _add_access(parser)
    _add_logs(parser)
    options = parser.parse_args(argv)
    check_model(parser, options)
    check_sampler(parser, options)
    check_speculation(parser, options)
    if problem := alone(options):
        parser.error(problem)
    if options.ui_dir is None:
        options.ui_dir = built_page()
    elif not (options.ui_dir / "index.html").is_file():
        parser.error(f"{options.ui_dir} has no index.html. Build the page: cd ui && bun run build.")
    return options


def _add_address(parser: ArgumentParser) -> None:
    group = parser.add_argument_group("address")
    group.add_argument(
        "--host", default="127.0.0.1", help="address to listen on (default: %(default)s)"
    )
    group.add_argument(
        "--port", type=_port, default=8000, metavar="N", help="0 for a free one (default: 8000)"
    )


def _add_model(parser: ArgumentParser) -> None:
    group = parser.add_argument_group("model and sampler")
    add_model(group)
    add_parallel(group, TENSOR, PIPELINE)
    add_sampler(group, "the sampler of requests that name none: ")
    group.add_argument(
        "--served_model_name",
        action="append",
        default=[],
        metavar="NAME",
        help="another name of the model for clients; the first one is in answers; may be repeated",
    )
    parser.set_defaults(temperature=None, top_p=None, top_k=None, min_p=None)


def _add_limits(parser: ArgumentParser) -> None:
    group = parser.add_argument_group("limits")
    group.add_argument(
        "--max_rows",
        type=whole_number(1),
        default=16,
        metavar="N",
        help="answers that are written at once (default: %(default)s)",
    )
    group.add_argument(
        "--max_queue",
        type=whole_number(0),
        default=64,
        metavar="N",
        help="answers that may wait; beyond it, requests get 429 (default: %(default)s)",
    )
    group.add_argument(
        "--max_kv_tokens",
        type=_budget,
        metavar="N",
        help="tokens that the caches of all rows may hold; beyond it, answers wait (default: as "
        "many as there is memory for)",
    )
    group.add_argument(
        "--prefix_cache_mb",
        type=whole_number(0),
        default=256,
        metavar="N",
        help="memory for the beginnings of past prompts, 0 for none (default: %(default)s, less "
        "where memory is short)",
    )
    add_speculation(group)
    group.add_argument(
        "--max_connections",
        type=whole_number(1),
        default=512,
        metavar="N",
        help="open connections, where the limit of open files allows it; beyond it, the one that "
        "has been silent longest is closed (default: %(default)s)",
    )
    group.add_argument(
        "--receive_timeout",
        type=_receive_seconds,
        default=30.0,
        metavar="SECONDS",
        help="how long a request may take to arrive (default: 30)",
    )
    group.add_argument(
        "--shutdown_timeout",
        type=_seconds,
        default=10.0,
        metavar="SECONDS",
        help="how long running answers may go on after Ctrl-C (default: 10)",
    )


def _add_access(parser: ArgumentParser) -> None:
    group = parser.add_argument_group("access")
    key = group.add_mutually_exclusive_group()
    key.add_argument(
        "--api_key",
        type=_key,
        metavar="KEY",
        help=f"clients must send it as a bearer token (default: ${API_KEY_VARIABLE}, if set)",
    )
    key.add_argument(
        "--api_key_file",
        type=_key_in,
        metavar="FILE",
        help="the key is the text of this file, and so in no list of processes",
    )
    group.add_argument(
        "--cors_origin",
        action="append",
        default=[],
        metavar="ORIGIN",
        help="a web page's origin that may call the API, * for all; may be given several times "
        "(default: localhost on any port)",
    )
    group.add_argument(
        "--allowed_host",
        action="append",
        default=[],
        metavar="NAME",
        help="another name by which clients reach this server; may be given several times",
    )
    group.add_argument(
        "--ui_dir",
        type=Path,
        metavar="FOLDER",
        help="the built web page, served at / (default: the one that comes along; in a checkout "
        "ui/dist, if it is built)",
    )


def _add_logs(parser: ArgumentParser) -> None:
    group = parser.add_argument_group("logs")
    group.add_argument(
        "--log_level",
        choices=("debug", "info", "warning", "error"),
        default="info",
        help="(default: %(default)s)",
    )
    group.add_argument(
        "--log_prompts", action="store_true", help="write what clients ask into the log"
    )
    add_debug(group)


def _port(text: str) -> int:
    number = whole_number(0)(text)
    if number > 65535:
        raise argparse.ArgumentTypeError(f"{text} is no port, the highest is 65535")
    return number


def _key(text: str) -> str:
    if not text.strip():
        raise argparse.ArgumentTypeError("the key is empty; leave the option out for no key")
    return _sendable(text.strip())


def _key_in(path: str) -> str:
    try:
        key = Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = (getattr(error, "strerror", "") or "it is no text").lower()
        raise argparse.ArgumentTypeError(f"{path} cannot be read ({reason})") from None
    if not key:
        raise argparse.ArgumentTypeError(f"{path} is empty; write the key into it")
    return _sendable(key)


def _sendable(key: str) -> str:
    """A key that fits into a header. Not said in the error, which may come into a log."""
    if not all("!" <= sign <= "~" for sign in key):
        raise argparse.ArgumentTypeError(
            "the key has spaces, lines or letters that no client can send; choose ASCII characters"
        )
    return key


def _budget(text: str) -> int:
    number = whole_number(0)(text)
    if number < _SMALLEST_BUDGET:
        raise argparse.ArgumentTypeError(f"{text} is too small, give at least {_SMALLEST_BUDGET}")
    return number


def _receive_seconds(text: str) -> float:
    number = _seconds(text)
    if number < 0.1:
        raise argparse.ArgumentTypeError(f"{text} is too short for any request, give 0.1 or more")
    return number


def _seconds(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds") from None
    if not 0 <= number < 1e6:
        raise argparse.ArgumentTypeError(f"{text} is no time to wait, give 0 or more seconds")
    return number
