"""Which products round by how many rows they have, in float32, and what it would cost if none did.

uv run python -m benchmarks.rounding
"""

from collections.abc import Callable

import mlx_entropix  # noqa: F401  (loads the BLAS, ahead of mlx)

import mlx.core as mx  # isort: skip

from benchmarks.forms import in_form
from benchmarks.measure import print_machine, print_table
from benchmarks.parts import RUNS, milliseconds
from mlx_entropix.cpu import powers
from mlx_entropix.model.llama import Llama

ROWS = (1, 2, 3, 4, 5, 8, 12, 16, 24, 32)
COUNTED = (1, 2, 3, 4, 12)  # rows of which the time is told
SPANS = (2, 5, 9, 17, 33)
KEYS = (20, 63, 100, 200, 383, 500, 1500)  # that the first position of a span sees
TIMED = 200  # keys where the time is told
PADDED = 16  # keys are filled up to a multiple of this

Product = Callable[[int, mx.array], mx.array]
Attend = Callable[[mx.array, mx.array, mx.array, float, mx.array | None], mx.array]


def products(model: Llama) -> dict[str, tuple[int, Product]]:
    """The width of what each product takes, and the product of a layer."""
    hidden, inner = model.norm.weight.size, model.layers[0].mlp.down_proj.weight.shape[1]
    heads = model.layers[0].self_attn.heads * model.layers[0].self_attn.head_dim
    return {
        "query, key, value": (hidden, lambda i, x: model.layers[i].self_attn.qkv_proj(x)),
        "attention output": (heads, lambda i, x: model.layers[i].self_attn.o_proj(x)),
        "gate, up": (hidden, lambda i, x: model.layers[i].mlp.gate_up_proj(x)),
        "down": (inner, lambda i, x: model.layers[i].mlp.down_proj(x)),
    }


def print_products(model: Llama) -> None:
    """For which numbers of rows a row's product is that of 64, and what they take."""
    lines = []
    for name, (width, product) in products(model).items():
        x = mx.random.normal((64, width))
        whole = product(0, x)
        same = [n for n in ROWS if mx.array_equal(product(0, x[:n]), whole[:n]).item()]
        times = [product_milliseconds(model, product, x[:n]) for n in COUNTED]
        lines.append([name, ", ".join(map(str, same)), *(f"{t:.1f}" for t in times)])
    head = [f"ms, {n} row{'s'[: n > 1]}" for n in COUNTED]
    print_table(["product", f"the same bits, of {ROWS[0]} to {ROWS[-1]} rows", *head], lines)


def product_milliseconds(model: Llama, product: Product, x: mx.array) -> float:
    """The time of a product in all layers."""
    mx.eval(x)
    return milliseconds(lambda: [product(i, x) for i in range(len(model.layers))])


def one_by_one(
    queries: mx.array, keys: mx.array, values: mx.array, scale: float, mask: mx.array | None
) -> mx.array:
    """`powers.attend` by a product of its own for each position."""
    B, H, L, D = queries.shape
    grouped = (queries * (scale * powers.LOG2_E)).reshape(B, keys.shape[1], -1, L, D)
    bits = grouped.swapaxes(2, 3) @ keys.swapaxes(-1, -2)[:, :, None]  # (B, H_kv, L, H/H_kv, T)
    if mask is not None:
        bits = mx.where(mask[:, :, :, None], bits, -mx.inf)
    weights = powers.power_of_two(bits - mx.max(bits, axis=-1, keepdims=True))
    out = (weights @ values[:, :, None]) / mx.sum(weights, axis=-1, keepdims=True)
    return out.swapaxes(2, 3).reshape(B, H, L, D)


class Spans:
    """Attention of spans whose first position sees so many keys, in one way of computing it."""

    def __init__(self, model: Llama, attend: Attend, multiple: int, span: int, keys: int):
        attention = model.layers[0].self_attn
        size = attention.head_dim
        self.attend, self.multiple, self.span, self.keys = attend, multiple, span, keys
        self.queries = mx.random.normal((1, attention.heads, span, size))
        most = keys + span + multiple
        self.known = [mx.random.normal((1, attention.kv_heads, most, size)) for _ in range(2)]
        mx.eval(self.queries, self.known)

    def of(self, first: int, length: int) -> mx.array:
        """What so many positions from the `first` on get, as one span."""
        start = self.keys + first
        count = -(-(start + length - 1) // self.multiple) * self.multiple
        mask = (mx.arange(count) < mx.arange(start, start + length)[:, None])[None, None]
        queries = self.queries[:, :, first : first + length]
        keys, values = (known[:, :, :count] for known in self.known)
        return self.attend(queries, keys, values, queries.shape[-1] ** -0.5, mask)

    def same(self) -> int:
        """How many positions get the same bits as by themselves."""
        whole = self.of(0, self.span)
        alone = [self.of(i, 1)[:, :, 0] for i in range(self.span)]
        return sum(mx.array_equal(x, whole[:, :, i]).item() is True for i, x in enumerate(alone))


def print_attention(model: Llama) -> None:
    """How many positions of spans get the same bits as in spans of one, and what a span takes."""
    ways: dict[str, tuple[Attend, int]] = {
        "as it is": (powers.attend, 1),
        "position by position": (one_by_one, PADDED),
    }
    lines = []
    for name, (attend, multiple) in ways.items():
        shares, times = [], []
        for span in SPANS:
            same = sum(Spans(model, attend, multiple, span, keys).same() for keys in KEYS)
            shares.append(f"{same} of {span * len(KEYS)}")
            spans = Spans(model, attend, multiple, span, TIMED)
            times.append(layers_milliseconds(model, spans))
        lines += [
            [f"{name}, the same bits", *shares],
            [f"{name}, ms after {TIMED} keys", *(f"{t:.1f}" for t in times)],
        ]
    print_table(["attention, spans of", *map(str, SPANS)], lines)


def layers_milliseconds(model: Llama, spans: Spans) -> float:
    """The time of a span's attention in all layers."""
    return milliseconds(lambda: [spans.of(0, spans.span) for _ in model.layers])


def main() -> None:
    print_machine(f"medians of {RUNS}")
    model, _ = in_form("float32")
    print_products(model)
    print_attention(model)


if __name__ == "__main__":
    main()
