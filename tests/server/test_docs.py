"""The examples of the documentation, run as they stand against the real server."""

import re
import shutil
import subprocess
import sys

import pytest

from tests.server.running import ROOT

TEXT = (ROOT / "docs" / "api.md").read_text("utf-8")
EXAMPLES = re.findall(r"^```(sh|python)\n(.*?)^```", TEXT, re.M | re.S)

# What the output of each example has to contain.
EXPECTED = [
    '"object":"chat.completion"',
    "France",
    "bits",
    '"text":"The capital of France is Paris."',
    "by paths [",
    "get_weather {'city': 'Paris'",
    " tokens)",
    '"stop_sequence":"."',
]


# The README has one more, among commands that start servers.
README = (ROOT / "README.md").read_text("utf-8")
CURL = re.findall(r"^curl (?:.*\\\n)*.*\n", README, re.M)


@pytest.mark.parametrize(
    ("example", "expected"),
    [
        *zip(EXAMPLES, EXPECTED, strict=True),
        *((("sh", example), '"object":"chat.completion"') for example in CURL),
    ],
)
def test_example(server, example, expected):
    language, source = example
    if language == "sh" and shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    program = ["sh", "-c"] if language == "sh" else [sys.executable, "-c"]
    source = source.replace("http://127.0.0.1:8000", server.url)
    assert server.url in source
    result = subprocess.run(
        [*program, source], capture_output=True, text=True, timeout=200, check=False
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert expected in result.stdout


def test_the_readme_has_an_example():
    assert len(CURL) == 1


def test_options_that_the_documentation_names_exist():
    help_text = subprocess.run(
        [sys.executable, "mlx_server.py", "--help"], cwd=ROOT, capture_output=True, text=True
    ).stdout
    named = set(re.findall(r"`(?:[\w ./]* )?(--\w+)", TEXT))
    assert named
    assert named <= set(re.findall(r"--\w+", help_text))
