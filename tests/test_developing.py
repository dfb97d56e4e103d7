"""What docs/developing.md says is true: its files are there, and its example runs."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "docs" / "developing.md").read_text("utf-8")


def test_every_file_that_is_named_exists():
    names = re.findall(r"`([\w./-]+(?:\.(?:py|md|tsx?|mjs|toml|yml)|/))`", TEXT)
    assert len(names) > 50
    places = (ROOT, ROOT / "mlx_entropix")
    assert [n for n in names if not any((place / n).exists() for place in places)] == []


@pytest.mark.slow
def test_the_example_runs(capsys, monkeypatch, bundled):
    monkeypatch.setattr("mlx_entropix.load", lambda: bundled, raising=False)
    (example,) = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    exec(example, {})
    first, second = capsys.readouterr().out.split("\n---\n")
    assert first.strip() != second.strip()
