"""Decoders, their KV caches, and loading weights into them."""
