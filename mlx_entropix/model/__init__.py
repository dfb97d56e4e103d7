"""The Llama that also reports its last layer's attention, its KV cache, and loading weights."""
