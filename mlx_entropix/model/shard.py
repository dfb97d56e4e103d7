"""A model's weights divided among ranks: each computes its share of the heads and of the MLPs.

Dividing is mlx-lm's own (`Model.shard`): the rows of what goes into attention and the MLP, the
columns of what comes out of them, whose partial sums all ranks then add up. So every rank has the
whole of each hidden state, and a token takes two sums of hidden states a layer. What stands before
and behind the layers (embedding, norms, head) every rank computes for itself.
"""

from math import gcd
from typing import Any

import mlx.core as mx

from mlx_entropix.errors import WeightsError


def check_divides(config: dict[str, Any], ranks: int, name: str) -> None:
    """Raise `WeightsError`, with the numbers, unless the model of `config` divides by `ranks`."""
    heads = config["num_attention_heads"]
    counts = {
        "attention heads": heads,
        "KV heads": config.get("num_key_value_heads") or heads,
        "numbers in an MLP": config.get("intermediate_size") or 0,
    }
    counts = {what: count for what, count in counts.items() if count}
    if all(count % ranks == 0 for count in counts.values()):
        return
    most = gcd(*counts.values())
    fitting = [str(n) for n in range(2, most + 1) if most % n == 0]
    listed = ", ".join(f"{count:,} {what}" for what, count in counts.items())
    instead = f"Start {' or '.join(fitting)} ranks" if fitting else "Start one process"
    raise WeightsError(
        f"{name} cannot be divided among {ranks} ranks: it has {listed}. {instead}, or give every "
        "rank the whole model, which a list of prompts can use: --parallel data."
    )


def shard(source: Any, group: mx.distributed.Group, name: str) -> None:
    """Keep of a model of mlx-lm, not yet evaluated, this rank's share.

    Raises `WeightsError` where mlx-lm cannot divide it.
    """
    if not hasattr(source, "shard"):
        raise WeightsError(
            f"mlx-lm does not divide {name}, whose architecture is {source.model_type}, among "
            "ranks. Start one process."
        )
    try:
        source.shard(group)
    except ValueError as error:
        raise WeightsError(
            f"{name} cannot be divided among {group.size()} ranks: {error} Start fewer of them."
        ) from None


def all_heads(scores: mx.array, group: mx.distributed.Group) -> mx.array:
    """The scores (N, H, T) of all heads, of this rank's (N, H / ranks, T)."""
    return mx.distributed.all_gather(scores.swapaxes(0, 1), group=group).swapaxes(0, 1)
