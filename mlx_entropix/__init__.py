"""Entropy-based sampling for Llama-shaped language models on MLX."""

import sys

from mlx_entropix.blas import load_openblas

if "mlx.core" not in sys.modules:  # a BLAS has to come first, or not at all
    load_openblas()
