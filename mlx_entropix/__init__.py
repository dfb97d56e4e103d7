"""Entropy-based sampling for Llama-shaped language models on MLX."""
