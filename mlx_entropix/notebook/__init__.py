"""Tokens for a notebook: as tinted text, as a table, as a plot. It knows no engine."""
