"""docs/notebook.ipynb: what it shows was run, and still runs."""

from pathlib import Path

import nbformat

NOTEBOOK = Path(__file__).parents[2] / "docs" / "notebook.ipynb"
CELLS = [c for c in nbformat.read(NOTEBOOK, as_version=4).cells if c.cell_type == "code"]


def test_it_was_run_from_top_to_bottom_without_an_error():
    assert [cell.execution_count for cell in CELLS] == list(range(1, len(CELLS) + 1))
    kinds = {output.output_type for cell in CELLS for output in cell.outputs}
    assert kinds == {"execute_result"}
    shown = [set(cell.outputs[0].data) for cell in CELLS if cell.outputs]
    assert sum("text/html" in data for data in shown) == 4
    assert sum("image/png" in data for data in shown) == 1


def test_its_cells_run_with_shorter_answers(monkeypatch, bundled):
    monkeypatch.setattr("mlx_entropix.load", lambda: bundled, raising=False)
    scope = {}
    for cell in CELLS:
        assert cell.source.count("max_tokens=32") == cell.source.count("max_tokens")
        exec(cell.source.replace("max_tokens=32", "max_tokens=2"), scope)
    assert len(scope["frame"]) == len(scope["seen"].tokens)
