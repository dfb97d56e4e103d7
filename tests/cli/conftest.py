import io
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from rich.console import Console

ROOT = Path(__file__).parents[2]
MAIN = str(ROOT / "mlx_main.py")


def environment(**more):
    """No terminal, no colour setting, no hub: whatever the machine of the tests has."""
    kept = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "FORCE_COLOR", "COLUMNS")}
    return {**kept, "HF_HUB_OFFLINE": "1", **more}


def run(*arguments, stdin=b"", **variables):
    """Run `mlx_main.py` to its end; stdout and stderr are text."""
    done = subprocess.run(
        [sys.executable, MAIN, *map(str, arguments)],
        input=stdin,
        capture_output=True,
        env=environment(**variables),
        cwd=ROOT,
        timeout=200,
    )
    done.stdout, done.stderr = done.stdout.decode(), done.stderr.decode()
    return done


@pytest.fixture
def run_here(bundled, monkeypatch, capsys):
    """As `run`, but in this process, with the model that is loaded already."""
    from mlx_entropix.cli.ask import main

    def run_here(*arguments, stdin=b"", **variables):
        with monkeypatch.context() as patch:
            patch.setattr("mlx_entropix.cli.session.load_from", lambda *_, **__: bundled)
            patch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(stdin)))
            for name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS"):
                patch.delenv(name, raising=False)
            for name, value in variables.items():
                patch.setenv(name, value)
            code = main([*map(str, arguments)])
        out, err = capsys.readouterr()
        return SimpleNamespace(returncode=code, stdout=out, stderr=err)

    return run_here


def start(*arguments):
    """Start `mlx_main.py` and return it as it runs, with its output as byte streams."""
    return subprocess.Popen(
        [sys.executable, MAIN, *map(str, arguments)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
        cwd=ROOT,
    )


def json_lines(text):
    return [json.loads(line) for line in text.splitlines()]


def wait_for_lines(trace, enough, seconds=150):
    """Wait until the whole lines of a trace that is being written are `enough`."""
    give_up = time.monotonic() + seconds
    while time.monotonic() < give_up:
        if trace.exists() and enough(json_lines(trace.read_text("utf-8").rpartition("\n")[0])):
            return
        time.sleep(0.05)
    pytest.fail("the trace did not grow")


@pytest.fixture
def session(bundled):
    """A session with the bundled model whose screen is text: `session.shown()` returns it."""
    from mlx_entropix.cli.screen import Screen
    from mlx_entropix.cli.session import Session
    from mlx_entropix.sampling.auto import auto_sampler

    out = io.StringIO()
    console = Console(file=out, width=100, soft_wrap=True, markup=False, highlight=False)
    screen = Screen(console, console, console, quiet=False, is_json=False, no_color=True)
    model, tokenizer = bundled
    auto = auto_sampler(model.name)
    made = Session(
        screen=screen,
        model=model,
        tokenizer=tokenizer,
        auto=auto,
        sampler="auto",
        config=auto.config,
        seed=0,
        max_tokens=6,
        stop=(),
        is_raw=False,
        trace=None,
    )
    made.shown = out.getvalue
    return made
