"""The commands of docs/compare.md are understood, and what they show has the command's form."""

import re
import shlex
from pathlib import Path

from mlx_entropix.cli import ask_options, compare

PAGE = (Path(__file__).parents[1] / "docs" / "compare.md").read_text("utf-8")


def commands(name):
    script = "\n".join(re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL))
    found = re.findall(rf"uv run mlx-entropix {name} (.*)", script)
    assert found
    return [shlex.split(arguments.replace("$seed", "1")) for arguments in found]


def test_the_commands_are_understood():
    for arguments in commands("ask"):
        assert ask_options.parse(arguments).trace
    for arguments in commands("compare"):
        assert compare.make_parser().parse_args(arguments).traces


def test_every_option_on_the_page_exists():
    known = compare.make_parser().format_help() + ask_options.make_parser().format_help()
    for option in re.findall(r"--\w+", PAGE):
        assert option in known
