"""`python -m evals`."""

import sys

from evals.command import main

if __name__ == "__main__":
    sys.exit(main())
