"""`python -m mlx_entropix` is the command `mlx-entropix`."""

import sys

from mlx_entropix.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
