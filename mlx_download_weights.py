"""Download a model's weights: `uv run mlx_download_weights.py --help`."""

import sys

from mlx_entropix.cli.download import main

if __name__ == "__main__":
    sys.exit(main())
