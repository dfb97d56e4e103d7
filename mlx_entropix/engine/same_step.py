"""What makes the ranks of a step one: all heads' scores, and rank 0's draw for every rank.

The ranks compute the same logits, but not always the same bits: partial sums may be added in
another order on each, and machines differ in their arithmetic. A draw that falls out differently on
one rank would part them for ever. So of each step the tokens of rank 0 and all numbers that the
host reads go to the others, as one message of some 60 bytes a position, behind the sampler on the
device: nobody waits for the host.
"""

import mlx.core as mx

from mlx_entropix.model.decoder import Looked
from mlx_entropix.model.shard import all_heads
from mlx_entropix.sampling import Sampled

Best = tuple[mx.array, mx.array] | None


def with_all_heads(group: mx.distributed.Group, looked: Looked) -> Looked:
    """What a decoder saw that computes a share of the heads, with the scores of all heads.

    The metrics of attention are means over heads: of a share they would be others.
    """
    if looked.scores is None:  # of a model without attention to look at
        return looked
    return looked._replace(scores=all_heads(looked.scores, group))


def of_rank_0(
    group: mx.distributed.Group, sampled: Sampled, best: Best, certainty: mx.array | None
) -> tuple[Sampled, Best, mx.array | None]:
    """A step's results as rank 0 has them: bit for bit, NaN too. See `QueuedStep` for their shapes.

    To be called on all ranks, with arrays of the same shapes.
    """
    arrays = [sampled.token, sampled.quadrant, sampled.numbers, *(best or ())]
    if certainty is not None:
        arrays.append(certainty)
    token, quadrant, numbers, *others = _broadcast(group, arrays)
    if best is not None:
        best = others[0], others[1]
    if certainty is not None:
        certainty = others[-1]
    return sampled._replace(token=token, quadrant=quadrant, numbers=numbers), best, certainty


def _broadcast(group: mx.distributed.Group, arrays: list[mx.array]) -> list[mx.array]:
    """Arrays of 32 bits a number as rank 0 has them. What others have becomes 0, and is added."""
    bits = [mx.view(mx.contiguous(array), mx.uint32).flatten() for array in arrays]
    own = mx.concatenate(bits) * mx.array(group.rank() == 0, dtype=mx.uint32)
    whole = mx.distributed.all_sum(own, group=group)
    parts, begin = [], 0
    for array in arrays:
        part = whole[begin : begin + array.size]
        parts.append(mx.view(part, array.dtype).reshape(array.shape))
        begin += array.size
    return parts
