"""Run docs/notebook.ipynb, and write what came of it into it.

uv run python images/make_notebook.py
"""

from pathlib import Path

import nbformat
from nbclient import NotebookClient

NOTEBOOK = Path(__file__).parents[1] / "docs" / "notebook.ipynb"


def executed() -> nbformat.NotebookNode:
    """The notebook, run from top to bottom. Raises `CellExecutionError` where a cell fails."""
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    NotebookClient(notebook, timeout=300, record_timing=False).execute(cwd=str(NOTEBOOK.parent))
    return notebook


if __name__ == "__main__":
    nbformat.write(executed(), NOTEBOOK)
