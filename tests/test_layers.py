"""The package's layers, which pyproject.toml states and import-linter checks; one name a module."""

from collections import defaultdict
from pathlib import Path

from importlinter.cli import lint_imports

ROOT = Path(__file__).parents[1]


def test_modules_import_only_from_below(monkeypatch, capsys):
    monkeypatch.chdir(ROOT)
    broken = lint_imports(no_cache=True)
    assert not broken, capsys.readouterr().out


def test_no_two_modules_have_one_name():
    named = defaultdict(list)
    for path in (ROOT / "mlx_entropix").rglob("*.py"):
        if path.name != "__init__.py":
            named[path.name].append(str(path.relative_to(ROOT)))
    assert [paths for paths in named.values() if len(paths) > 1] == []
