"""The command `score FILE`, which is `ask --score FILE`."""

from mlx_entropix.cli import ask


def main(argv: list[str]) -> int:
    """Run the command and return its exit code, as `ask` does."""
    asks_for_help = argv[:1] in (["-h"], ["--help"])
    return ask.main(argv if asks_for_help else ["--score", *argv])
