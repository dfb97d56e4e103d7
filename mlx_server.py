"""Serve a model over an OpenAI-compatible API: `uv run mlx_server.py --help`."""

from mlx_entropix.cli.serve import leave, main

if __name__ == "__main__":
    leave(main())
