"""Serve a model over an OpenAI-compatible API: `uv run mlx_server.py --help`."""

from mlx_entropix.cli.serve import leave, main
from mlx_entropix.cli.streams import keep_streams

if __name__ == "__main__":
    keep_streams()
    leave(main())
