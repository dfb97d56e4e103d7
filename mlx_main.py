"""Ask a model, run a list of prompts, or chat: `uv run mlx_main.py --help`."""

import sys

from mlx_entropix.cli.ask import main

if __name__ == "__main__":
    sys.exit(main())
