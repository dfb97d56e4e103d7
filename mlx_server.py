"""Serve a model over an OpenAI-compatible API: `uv run mlx_server.py --help`."""

import sys

from mlx_entropix.cli.serve import main

if __name__ == "__main__":
    sys.exit(main())
