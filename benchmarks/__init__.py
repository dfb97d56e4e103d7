"""Measurements against mlx-lm on the same weights: `uv run python -m benchmarks.NAME`."""
