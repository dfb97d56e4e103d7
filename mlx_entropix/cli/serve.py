"""The face of `mlx_server.py`: checks the options, takes the port, and runs the server.

The port is taken before anything heavy is imported, so that one that is in use is told at once.
"""

import os
import socket
import sys
import traceback
from argparse import Namespace
from typing import TYPE_CHECKING, NoReturn

from mlx_entropix.cli.serve_options import API_KEY_VARIABLE, parse

if TYPE_CHECKING:
    from mlx_entropix.server.settings import Settings


def main(argv: list[str] | None = None) -> int:
    """Run the command and return its exit code: 0 ended by a signal, 1 failed, 2 bad usage."""
    options = parse(argv)
    try:
        _run(options)
    except KeyboardInterrupt:  # before the server itself takes care of it
        pass
    except Exception as error:
        if options.debug:
            traceback.print_exc()
        return _report(error)
    return 0


def leave(code: int) -> NoReturn:
    """End the process at once.

    The engine's thread cannot be interrupted while it loads or computes, and threads of mlx abort a
    process whose interpreter is torn down around them. By now every stream has had its last event.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _run(options: Namespace) -> None:
    if options.print_config:
        from mlx_entropix.cli.sampler import config_text

        print(config_text(options), end="")
        return
    listener = _listen(options.host, options.port)
    with listener:
        settings = _settings(options, listener.getsockname()[1])
        from mlx_entropix.server.run import run_server

        run_server(settings, listener)


def _listen(host: str, port: int) -> socket.socket:
    try:
        address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(address[0], address[1])
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address[4])
        listener.listen(128)  # a second server on this port now fails, not after its loading
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise OSError(
            f"The server cannot listen on {host} port {port} ({reason}). "
            "Choose another with --port or --host."
        ) from None
    return listener


def _settings(options: Namespace, port: int) -> "Settings":
    from mlx_entropix.cli.sampler import config_of, find_auto
    from mlx_entropix.server.settings import Settings

    auto = find_auto(options.weights_dir)
    sampler, config = config_of(options, auto)
    return Settings(
        host=options.host,
        port=port,
        weights=options.weights_dir,
        auto=auto,
        sampler=sampler,
        config=config,
        max_rows=options.max_rows,
        max_queue=options.max_queue,
        max_kv_tokens=options.max_kv_tokens,
        prefix_cache_bytes=options.prefix_cache_mb * 1024 * 1024,
        api_key=options.api_key or os.environ.get(API_KEY_VARIABLE, "").strip() or None,
        cors_origins=tuple(options.cors_origin),
        allowed_hosts=tuple(options.allowed_host),
        ui_dir=options.ui_dir,
        log_level=options.log_level,
        log_prompts=options.log_prompts,
        shutdown_timeout=options.shutdown_timeout,
    )


def _report(error: Exception) -> int:
    """Say what went wrong and return the exit code."""
    from mlx_entropix.cli.errors import print_error
    from mlx_entropix.errors import TokenizerError, UsageError, WeightsError

    if isinstance(error, UsageError):
        print_error(str(error))
        return 2
    known = isinstance(error, WeightsError | TokenizerError | OSError)
    print_error(
        str(error)
        if known
        else f"the server failed in an unforeseen way ({type(error).__name__}: {error}). "
        "Run the same command with --debug to see where."
    )
    return 1
